using Ascl.Data;

namespace Ascl.Cli.Display;

/// <summary>Shows the progress of opening a data set, and lets Ctrl-C interrupt it.</summary>
internal sealed class OpeningProgress(ProgressDisplay display, CancellationToken stop) : IProgress<DataProgress>
{
    /// <summary>Opens a data set with a progress display.</summary>
    /// <param name="source">NAME or NAME:PATH.</param>
    /// <param name="reading">How to read it; null for the defaults.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">It cannot be read.</exception>
    public static DataSet Open(string source, DataOptions? reading, CancellationToken stop) => ProgressDisplay.Run($"opening {source}",
        display => DataSource.Open(source, reading, progress: new OpeningProgress(display, stop)));

    public void Report(DataProgress progress)
    {
        stop.ThrowIfCancellationRequested();
        if (progress.Total > 0)
            display.Report(progress.Done, progress.Total, progress.What);
        else
            display.Line(progress.What);
    }
}
