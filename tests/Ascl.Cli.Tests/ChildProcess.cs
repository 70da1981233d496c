using System.Diagnostics;
using System.Reflection;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Cli.Tests;

/// <summary>The test assembly as a program: a process that writes a file, and can be killed or hit a full disk.</summary>
internal static class ChildProcess
{
    public const int UserErrorExitCode = 2;

    /// <summary>The command that runs a role of <see cref="Main"/>.</summary>
    public static ProcessStartInfo Start(string role, string path) =>
        new("dotnet", [Assembly.GetExecutingAssembly().Location, role, path]);

    private static int Main(string[] args)
    {
        try
        {
            switch (args)
            {
                case ["hang-while-writing", var path]:
                    AtomicFile.Write(path, stream =>
                    {
                        stream.Write(new byte[1 << 20]);
                        stream.Flush();
                        Console.WriteLine("half written");
                        Thread.Sleep(Timeout.Infinite);
                    });
                    return 0;
                case ["save-a-megabyte", var path]:
                    var writer = new SafetensorsWriter();
                    writer.Add("weights", [1 << 18], new float[1 << 18]);
                    writer.Save(path);
                    return 0;
                default:
                    throw new ArgumentException($"no such role: {string.Join(' ', args)}");
            }
        }
        catch (UserErrorException e)
        {
            Console.Error.WriteLine(e.Message);
            return UserErrorExitCode;
        }
    }
}
