Console.WriteLine("ascl");
return 0;
