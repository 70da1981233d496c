using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Robustness.LatentStudy;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("study", HelpText = "Measures how well networks separate the classes at each stage, for natural and adversarial images (R-DIV).")]
[Example("One run, stage by stage", "runs/ascl-1")]
[Example("Several runs: does the R-DIV of their latents correlate with robust accuracy?",
    "runs/ascl-1 runs/pgd-at-1 runs/natural-1 --limit 1000 --out study")]
[OptionsFor(typeof(StudySettings), Section = "Images and attack")]
public class StudyVerb : ComputingArguments, IVerb
{
    [Value(0, MetaName = "RUN...", Required = true,
        HelpText = "Folders of runs. The best checkpoint of each is studied on the run's own test images. R-DIV is the mean distance of "
            + "two images of the same class divided by that of two images of different classes: small if classes are well separated.")]
    public IEnumerable<string> Runs { get; init; } = [];

    [Section("Files")]
    [Option("out", MetaValue = "DIR",
        HelpText = "Folder for the results: comparison.json and plots of robust accuracy over R-DIV; for each run a subfolder with "
            + "study.json, latents.safetensors and plots of the latents and of R-DIV by stage.")]
    public string? Out { get; init; }

    public int Run(CancellationToken stop)
    {
        StudySettings settings = Settings(new StudySettings(), "study");
        if (Out is not null)
            AtomicFile.CreateFolder(Out);
        RunStudy[] studies = [.. Runs.Select(path => new RunStudy(RunFolder.Open(path), settings))];
        if (studies.GroupBy(study => study.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"study: {string.Join(" and ", twice.Select(study => study.Run.Path))} have the same name, "
                + $"{twice.Key}: rename one");
        using Device device = OpenDevice();
        List<StudyReport> reports = [];
        foreach (RunStudy study in studies)
        {
            StudyResult result = Measure(device, study, stop);
            reports.Add(result.Report);
            if (studies.Length == 1)
                StudyTables.PrintStages(result.Report);
            if (Out is not null)
                result.Save(Path.Combine(Out, study.Name));
        }
        StudyComparison comparison = StudyComparison.Of(reports);
        StudyTables.PrintComparison(comparison);
        if (Out is not null)
            comparison.Save(Out);
        return 0;
    }

    private StudyResult Measure(Device device, RunStudy study, CancellationToken stop)
    {
        DataSettings own = study.Run.Config.Data;
        DataSet data = OpeningProgress.Open(own.Source, own.Reading, stop);
        if (study.Run.ImageChangeNote(data) is { } changed)
            Console.WriteLine(changed);
        return ProgressDisplay.Run($"studying {study.Run.Path}", display => study.Measure(device, data, Threads > 0 ? Threads : null,
            (done, total) => display.Report(done, total, $"{study.Run.Path}: batch {done} of {total}"), stop));
    }
}
