using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("report", HelpText = "Rewrites report.html of a run: training curves, pair selection, confusion matrices, adversarial images.")]
[Example("A run of an earlier version of ascl", "runs/ascl-1")]
internal sealed class ReportVerb : ComputingArguments, IVerb
{
    [Value(0, MetaName = "RUN", Required = true, HelpText = "Folder of the run.")]
    public string Folder { get; init; } = "";

    public int Run(CancellationToken stop)
    {
        RunFolder folder = RunFolder.Open(Folder).RequireClassifier();
        if (!File.Exists(folder.ReportFile))
            throw new UserErrorException($"{Folder}: the run is not finished: finish it with ascl train --resume {Folder}");
        using Device device = OpenDevice();
        DataSet data = OpeningProgress.Open(folder.Config.Data.Source, folder.Config.Data.Reading, stop);
        if (!folder.HasSameImages(data))
            throw new UserErrorException($"{Folder}: the images of {folder.Config.Data.Source} have changed since the run, so the "
                + "report would not match it");
        new RunDisplay(device, data, Communicator.Single, stop).WriteReport(folder);
        return 0;
    }
}
