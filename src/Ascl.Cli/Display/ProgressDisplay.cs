using System.Diagnostics;
using Spectre.Console;

namespace Ascl.Cli.Display;

/// <summary>
/// How far long work has come: a bar on a terminal; where the output goes to a file or a pipe, a plain line now and then. Lines of results
/// printed meanwhile stay above the bar.
/// </summary>
internal abstract class ProgressDisplay
{
    /// <summary>Runs <paramref name="work"/> with a display of its own, which is gone when it ends.</summary>
    /// <param name="what">What is being done, shown until the first report.</param>
    /// <param name="work">The work.</param>
    public static T Run<T>(string what, Func<ProgressDisplay, T> work)
    {
        if (Console.IsOutputRedirected)
            return work(new PlainProgress(Console.Out, TimeSpan.FromSeconds(10)));
        return AnsiConsole.Progress().AutoClear(true)
            .Columns(
                new ProgressBarColumn { Width = 20 },
                new PercentageColumn(),
                new TaskDescriptionColumn { Alignment = Justify.Left })
            .Start(context => work(new BarProgress(context.AddTask(Markup.Escape(what)))));
    }

    /// <param name="done">Steps done.</param>
    /// <param name="total">Steps of the whole work.</param>
    /// <param name="detail">What the work has come to.</param>
    public abstract void Report(long done, long total, string detail);

    /// <summary>Prints a line that stays.</summary>
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

/// <summary>Plain lines, a report at most once an interval.</summary>
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
