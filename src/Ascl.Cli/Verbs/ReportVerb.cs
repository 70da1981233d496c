using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("report", HelpText = "Writes report.html of a training again: curves, selections, confusions, adversarial images.")]
[Example("After a run of an earlier version, or when the images have moved", "runs/ascl-1")]
internal sealed class ReportVerb : ComputingArguments, IVerb
{
    [Value(0, MetaName = "RUN", Required = true, HelpText = "The run's folder.")]
    public string Folder { get; init; } = "";

    public int Run(CancellationToken stop)
    {
        RunFolder folder = RunFolder.Open(Folder).RequireClassifier();
        if (!File.Exists(folder.ReportFile))
            throw new UserErrorException($"{Folder}: has not been evaluated yet: end it with ascl train --resume {Folder}");
        using Device device = OpenDevice();
        DataSet data = ProgressDisplay.Run($"opening {folder.Config.Data.Source}",
            display =>
                DataSource.Open(folder.Config.Data.Source, folder.Config.Data.Reading, progress: new OpeningProgress(display, stop)));
        if (!folder.HasSameImages(data))
            throw new UserErrorException($"{Folder}: the images of {folder.Config.Data.Source} have changed since the run: a page of both "
                + $"would be of neither");
        RunDisplay.WriteReport(device, folder, data, stop);
        return 0;
    }
}
