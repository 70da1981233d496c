using System.Diagnostics;
using Ascl.Distributed;
using Spectre.Console;

namespace Ascl.Cli.Display;

/// <summary>
/// Progress of a long operation: a bar on a terminal, a plain line every few seconds if the output goes to a file or a pipe. Lines that are
/// printed meanwhile stay above the bar.
/// </summary>
internal abstract class ProgressDisplay
{
    /// <summary>Whether standard output is a terminal. Open MPI gives every process a pseudo-terminal, whatever the output of mpirun goes
    /// to.</summary>
    public static bool IsTerminal => !Console.IsOutputRedirected && ProcessLaunch.Detect() is null;

    /// <summary>Runs <paramref name="work"/> with a display, which disappears at the end.</summary>
    /// <param name="what">Description of the work, shown until the first report.</param>
    /// <param name="work">The work; it reports its progress to the display.</param>
    public static T Run<T>(string what, Func<ProgressDisplay, T> work)
    {
        if (!IsTerminal)
            return work(new PlainProgress(Console.Out, TimeSpan.FromSeconds(10)));
        return AnsiConsole.Progress().AutoClear(true)
            .Columns(
                new ProgressBarColumn { Width = 20 },
                new PercentageColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => work(new BarProgress(context.AddTask(Markup.Escape(what)))));
    }

    /// <param name="done">Number of steps done.</param>
    /// <param name="total">Number of all steps.</param>
    /// <param name="detail">Description of the current state.</param>
    public abstract void Report(long done, long total, string detail);

    /// <summary>Prints a line above the bar.</summary>
    public abstract void Line(string text);

    private sealed class BarProgress(ProgressTask task) : ProgressDisplay
    {
        public override void Report(long done, long total, string detail)
        {
            task.MaxValue = total;
            task.Value = done;
            task.Description = Markup.Escape(detail);
        }

        public override void Line(string text) => AnsiConsole.WriteLine(text);
    }
}

/// <summary>Prints plain lines, and reports at most once per interval.</summary>
internal sealed class PlainProgress(TextWriter output, TimeSpan interval) : ProgressDisplay
{
    private long reported = Stopwatch.GetTimestamp();

    public override void Report(long done, long total, string detail)
    {
        if (Stopwatch.GetElapsedTime(reported) < interval)
            return;
        reported = Stopwatch.GetTimestamp();
        Line($"{100.0 * done / total,3:F0}% {detail}");
    }

    public override void Line(string text)
    {
        output.WriteLine(text);
        output.Flush();
    }
}
