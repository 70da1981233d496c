using System.Diagnostics;
using Ascl.Cli.Verbs;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>What a process wrote and how it ended.</summary>
internal sealed record ProcessResult(int ExitCode, string Output, string Error)
{
    /// <summary>The error output as one line "ascl: …" with nothing beside it.</summary>
    public string ErrorLine
    {
        get
        {
            Assert.Empty(Output);
            string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
            Assert.StartsWith("ascl: ", line);
            return line["ascl: ".Length..];
        }
    }
}

/// <summary>Runs the built program, as a user does.</summary>
internal static class AsclProcess
{
    /// <summary>The published program: what "dotnet" runs.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "program", "ascl.dll");

    public static ProcessResult Run(params string[] arguments) =>
        Run(new ProcessStartInfo("dotnet", [Program, .. arguments]));

    /// <summary>Starts the program and throws its output away, for a test that will kill it.</summary>
    public static Process Start(params string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", [Program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    public static ProcessResult Run(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output, error.Result);
    }

    /// <summary>Asserts that a verb refuses these arguments as the user's error, and gives its message; in this process, which is quicker.</summary>
    public static string RefusalHere(params string[] arguments)
    {
        (string message, int exitCode) = Cli.Program.Failure(Assert.ThrowsAny<Exception>(() =>
        {
            (Verb verb, string[] own) = Verb.Find(arguments);
            return verb.Read(own).Run(CancellationToken.None);
        }));
        Assert.Equal(2, exitCode);
        return message["error: ".Length..];
    }

    /// <summary>Asserts that the program refuses these arguments as the user's error, and gives its line.</summary>
    public static string Refusal(params string[] arguments)
    {
        ProcessResult result = Run(arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith("error: ", result.ErrorLine);
        return result.ErrorLine["error: ".Length..];
    }
}
