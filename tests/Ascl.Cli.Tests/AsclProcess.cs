using System.Diagnostics;
using Ascl.Cli.Verbs;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Exit code and output of a process.</summary>
internal sealed record ProcessResult(int ExitCode, string Output, string Error)
{
    /// <summary>The error output, which must be one line "ascl: …" and the only output.</summary>
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

/// <summary>Runs the published program in a process, as a user does.</summary>
internal static class AsclProcess
{
    /// <summary>The published program, an argument of dotnet.</summary>
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "program", "ascl.dll");

    public static ProcessResult Run(params string[] arguments) =>
        Run(new ProcessStartInfo("dotnet", [Program, .. arguments]));

    /// <summary>Starts the program and discards its output, for tests that kill it.</summary>
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

    /// <summary>Asserts that a verb refuses these arguments as a user error, and returns the message. Runs in this process, which is
    /// faster.</summary>
    public static string RefusalInProcess(params string[] arguments)
    {
        (string message, int exitCode) = Cli.Program.Failure(Assert.ThrowsAny<Exception>(() =>
        {
            (Verb verb, string[] own) = Verb.Find(arguments);
            return verb.Read(own).Run(CancellationToken.None);
        }));
        Assert.Equal(2, exitCode);
        return message["error: ".Length..];
    }

    /// <summary>Asserts that the program refuses these arguments as a user error, and returns the message.</summary>
    public static string Refusal(params string[] arguments)
    {
        ProcessResult result = Run(arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith("error: ", result.ErrorLine);
        return result.ErrorLine["error: ".Length..];
    }
}
