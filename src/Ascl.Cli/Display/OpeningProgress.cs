using Ascl.Data;

namespace Ascl.Cli.Display;

/// <summary>Shows how far the opening of a data set is, and ends it where asked to stop.</summary>
internal sealed class OpeningProgress(ProgressDisplay display, CancellationToken stop) : IProgress<DataProgress>
{
    public void Report(DataProgress progress)
    {
        stop.ThrowIfCancellationRequested();
        if (progress.Total > 0)
            display.Report(progress.Done, progress.Total, progress.What);
        else
            display.Line(progress.What);
    }
}
