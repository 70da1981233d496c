// Makes the embedded sample (src/Ascl.Data/Sample/fashion-mnist-sample.br) from the public IDX files of Fashion-MNIST:
//     dotnet run scripts/make-sample.cs -- DIRECTORY
// DIRECTORY holds train-images-idx3-ubyte.gz and its three companions (github.com/zalandoresearch/fashion-mnist). What is taken, and why it
// is stored as it is, stands in FashionMnistSample.cs; a test compares the stored pixels with the files where they are installed.
#:project ../src/Ascl.Data/Ascl.Data.csproj
#:property PublishAot=false

using System.Runtime.CompilerServices;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Data.Sample;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run scripts/make-sample.cs -- DIRECTORY");
    return 2;
}
try
{
    string target = Path.Combine(ScriptDirectory(), "../src/Ascl.Data/Sample/fashion-mnist-sample.br");
    DataSet fashionMnist = DataSource.Open($"fashion-mnist:{args[0]}");
    AtomicFile.Write(target, stream => FashionMnistSample.Write(fashionMnist, stream));
    Console.WriteLine($"{Path.GetFullPath(target)}: {new FileInfo(target).Length} bytes");
    return 0;
}
catch (UserErrorException e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

static string ScriptDirectory([CallerFilePath] string script = "") => Path.GetDirectoryName(script)!;
