using System.Reflection;
using System.Runtime.InteropServices;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Cli.Verbs;
using Ascl.Core.Diagnostics;
using Ascl.Distributed;

namespace Ascl.Cli;

/// <summary>Entry point: finds and runs the verb, and reports every failure as a one-line message and an exit code.</summary>
internal static class Program
{
    private const int Failed = 1, WrongInput = 2, Stopped = 130;

    private static int Main(string[] args)
    {
        // Open MPI gives every process a pseudo-terminal, also where its own output goes to a file.
        if (ProcessLaunch.Detect() is not null)
            Environment.SetEnvironmentVariable("TERM", "dumb");
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            // The first Ctrl-C lets the verb save its state and stop; a second one kills the process.
            e.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        };
        // Schedulers announce the end of a job's time by SIGTERM.
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
        {
            signal.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        });
        try
        {
            return Run(args, stop.Token);
        }
        catch (Exception thrown)
        {
            return Report(thrown);
        }
    }

    private static int Run(string[] args, CancellationToken stop)
    {
        ProcessLaunch? launch = ProcessLaunch.Detect();
        TextWriter help = launch is { Rank: > 0 } ? TextWriter.Null : Console.Out;
        switch (args)
        {
            case [] or ["--help" or "-h" or "help"]:
                help.Write(HelpPage.OfProgram(Verb.All.Select(verb => (verb.Name, verb.Help))));
                return 0;
            case ["--version"]:
                help.WriteLine($"ascl {Assembly.GetExecutingAssembly().GetName().Version!.ToString(3)}");
                return 0;
            case ["help", .. var rest]:
                return Run([.. rest, "--help"], stop);
        }
        (Verb verb, string[] verbArguments) = Verb.Find(args);
        if (verbArguments.TakeWhile(arg => arg != "--").Any(arg => arg is "--help" or "-h"))
        {
            help.Write(HelpPage.OfVerb(verb.Name, verb.Help, verb.Arguments));
            return 0;
        }
        IVerb read = verb.Read(verbArguments);
        if (launch is not null && read.InsteadOfProcesses is { } instead)
            throw new UserErrorException($"{launch.Program} started {launch.Size} processes, but ascl {verb.Name} works in one: {instead}");
        return read.Run(stop);
    }

    private static int Report(Exception e)
    {
        var (message, exitCode) = Failure(e);
        if (DebugSettings.Level >= 1)
            Console.Error.WriteLine(e);
        // Errors outside of the work that ranks do together, such as wrong options, are the same on all of them.
        if (ProcessLaunch.Detect() is null or { Rank: 0 })
            Message.Print(message);
        else
            Thread.Sleep(ProcessGroup.Grace);
        return exitCode;
    }

    /// <summary>The message and the exit code for an exception that ends the program.</summary>
    public static (string Message, int ExitCode) Failure(Exception thrown)
    {
        // Parallel loops wrap exceptions of their body.
        Exception e = thrown is AggregateException many ? many.Flatten().InnerExceptions[0] : thrown;
        return e switch
        {
            UserErrorException => ($"error: {e.Message}", WrongInput),
            // The user chose the sizes that do not fit: of the network, the batch, the head.
            ShapeException => ($"error: {e.Message}", WrongInput),
            OutOfMemoryException => ("error: not enough memory: try a smaller batch, fewer images or smaller ones", WrongInput),
            OperationCanceledException => ("stopped", Stopped),
            _ => ($"error in ascl: {e.GetType().Name}: {e.Message} (ASCL_DEBUG=1 shows where)", Failed),
        };
    }
}
