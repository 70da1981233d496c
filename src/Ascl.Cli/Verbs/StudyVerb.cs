using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.LatentStudy;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("study", HelpText = "Studies where trained networks place natural and adversarial images: how far apart classes lie at every stage.")]
[Example("One run, every stage", "runs/ascl-1")]
[Example("Several runs: does the divergence of latents go with robust accuracy?",
    "runs/ascl-1 runs/pgd-at-1 runs/natural-1 --limit 1000 --out study")]
internal sealed class StudyVerb : RandomArguments, IVerb
{
    [Value(0, MetaName = "RUN", Required = true, HelpText = "Folders of runs: their best checkpoints on their own test images.")]
    public IEnumerable<string> Runs { get; init; } = [];

    [Option("limit", MetaValue = "N", HelpText = "Use only the first N test images.")]
    public int Limit { get; init; } = 1000;

    [Option("norm", MetaValue = "NORM", HelpText = AttackTexts.Norm + " By default that of each run.")]
    public string? Norm { get; init; }

    [Option("epsilon", MetaValue = "E", HelpText = AttackTexts.Epsilon + " By default that of each run.")]
    public Fraction? Epsilon { get; init; }

    [Option("steps", MetaValue = "N", HelpText = "Steps of PGD, each of 2.5 epsilon/N, but at least epsilon/4 and at most epsilon.")]
    public int Steps { get; init; } = 20;

    [Option("out", MetaValue = "DIR",
        HelpText =
            "Folder for comparison.json and pictures of R-DIV over robust accuracy, and in a folder for every run study.json, "
                + "latents.safetensors and pictures of the latents and of R-DIV by stage.")]
    public string? Out { get; init; }

    public int Run(CancellationToken stop)
    {
        if (Limit < 1 || Steps < 1)
            throw new UserErrorException("study: --limit and --steps must be at least 1");
        if (Out is not null)
            AtomicFile.CreateFolder(Out);
        RunFolder[] folders = [.. Runs.Select(RunFolder.Open)];
        foreach (RunFolder folder in folders)
        {
            RunFolder.WeightsFile(folder.RequireClassifier().Path);
            BallOf(folder);
        }
        if (folders.GroupBy(Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"study: {string.Join(" and ", twice.Select(folder => folder.Path))} have the same name, "
                + $"{twice.Key}: rename one");
        using Device device = OpenDevice();
        List<StudyReport> reports = [];
        foreach (RunFolder folder in folders)
        {
            StudyReport report = ProgressDisplay.Run($"studying {folder.Path}", display => Study(device, folder, display, stop));
            reports.Add(report);
            if (folders.Length == 1)
                PrintStages(report);
        }
        StudyComparison comparison = StudyComparison.Of(reports);
        PrintTogether(comparison);
        if (Out is not null)
        {
            AtomicFile.WriteText(Path.Combine(Out, "comparison.json"), JsonFile.Text(comparison, StudyJson.Default.StudyComparison));
            SavePlots(Out, comparison.Plots());
        }
        return 0;
    }

    private ThreatModel BallOf(RunFolder folder) =>
        ThreatModel.Of(Norm is null ? null : NameText.Parse<PerturbationNorm>("norm", Norm), Epsilon?.Value, folder.Config.Attack.Threat);

    private static string Name(RunFolder folder) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder.Path)));

    private static void SavePlots(string folder, IEnumerable<(string Name, string Svg)> plots)
    {
        foreach (var (name, svg) in plots)
            AtomicFile.WriteText(Path.Combine(folder, $"divergence-{name}.svg"), svg);
    }

    private StudyReport Study(Device device, RunFolder folder, ProgressDisplay display, CancellationToken stop)
    {
        Classifier model = ClassifierFile.Load(device, folder.Checkpoints.BestFile);
        DataSet data = DataSource.Open(folder.Config.Data.Source, folder.Config.Data.Reading, progress: new OpeningProgress(display, stop));
        if (folder.ImageChangeNote(data) is { } changed)
            display.Line(changed);
        ImageSet test = data.Test.Take(Limit);
        ThreatModel threat = BallOf(folder);
        threat.CheckFits(test);
        PgdAttack attack = PgdAttack.Standard(threat, Steps);
        LatentRows rows = LatentRows.Of(model, test, attack, 128, Seed, stop,
            (done, total) => display.Report(done, total, $"{folder.Path}: batch {done} of {total}"));
        StageRows latent = rows.Stages.First(s => s.Stage == "latent");
        var (natural, adversarial) = LatentStudies.NearestLabels(latent, rows.Labels, Threads > 0 ? Threads : Environment.ProcessorCount);
        StudyReport report = new(Name(folder), folder.Checkpoints.BestFile, model.Spec.Network, data.Name, test.Count, attack.Name,
            threat.Epsilon,
            Share(rows.Labels.Zip(rows.Predictions, (label, p) => label == p)),
            Share(rows.Labels.Index().Select(l => rows.Predictions[l.Index] == l.Item && rows.AdversarialPredictions[l.Index] == l.Item)),
            LatentStudies.Stages(device, rows), natural, adversarial, NameText.Of(threat.Norm), data.HasTestPart
                ? "test"
                : "train", Evaluator.TrainedOn(model, test));
        if (Out is not null)
            Save(Path.Combine(Out, report.Name), report, rows, latent, data.ClassNames);
        return report;
    }

    private static void Save(string folder, StudyReport report, LatentRows rows, StageRows latent, IReadOnlyList<string> classes)
    {
        AtomicFile.CreateFolder(folder);
        AtomicFile.WriteText(Path.Combine(folder, "study.json"), JsonFile.Text(report, StudyJson.Default.StudyReport));
        SavePlots(folder, StudyComparison.StagePlots(report));
        SafetensorsWriter writer = new();
        int n = rows.Labels.Length;
        writer.Add("natural", [n, latent.Size], latent.Natural);
        writer.Add("adversarial", [n, latent.Size], latent.Adversarial);
        writer.Add("labels", [n], [.. rows.Labels.Select(v => (long)v)]);
        writer.Add("predictions", [n], [.. rows.Predictions.Select(v => (long)v)]);
        writer.Add("adversarial_predictions", [n], [.. rows.AdversarialPredictions.Select(v => (long)v)]);
        writer.Save(Path.Combine(folder, "latents.safetensors"));
        (double X, double Y)[] points = LatentStudies.PrincipalComponents([.. latent.Natural, .. latent.Adversarial], latent.Size);
        foreach (var (name, from) in new[] { ("natural", 0), ("adversarial", n) })
            AtomicFile.WriteText(Path.Combine(folder, $"{name}.svg"),
                Chart.Points($"Latents of {name} images, first two principal components", "first", "second",
                [.. classes.Select((c, k) => (c,
                    (IReadOnlyList<(double, double)>)[.. points[from..(from + n)].Where((_, i) => rows.Labels[i] == k)]))]));
    }

    private static void PrintStages(StudyReport report)
    {
        var table = new ResultTable("stage", "size", "distance", "R-DIV natural", "natural-adversarial", "adversarial", "intra adv.",
            "inter adv.")
        {
            Title =
                $"{report.Weights} ({report.Model}) on {EvaluationReport.ImagesOf(report.Part, report.Count, report.TrainedOn)} of "
                    + $"{report.Data}, {report.Attack} with {report.Norm} epsilon {NumberText.Of(report.Epsilon)}",
        };
        foreach (StageStudy stage in report.Stages)
            foreach (var (i, adversarial) in stage.Adversarial.Index())
                table.Add(stage.Stage, $"{stage.Size}", adversarial.Distance, Text(stage.Natural[i].Ratio),
                    Text(stage.NaturalAdversarial[i].Ratio), Text(adversarial.Ratio), Text(adversarial.Intra), Text(adversarial.Inter));
        table.Print();
    }

    /// <summary>The latents of every run, and how their R-DIV goes with robust accuracy.</summary>
    private static void PrintTogether(StudyComparison comparison)
    {
        var table = new ResultTable("run", "images", "norm", "epsilon", "clean %", "robust %", "R-DIV natural", "R-DIV adversarial",
            "nearest natural %", "nearest adversarial %")
        { Title = "latents, L2" };
        foreach (StudyReport study in comparison.Studies)
            table.Add(study.Name, study.IsOnUnseenImages ? $"{study.Count}" : $"{study.Count} TRAINING", study.Norm,
                NumberText.Of(study.Epsilon), Percent(study.CleanAccuracy), Percent(study.RobustAccuracy),
                Text(study.Latent.Natural[0].Ratio), Text(study.Latent.Adversarial[0].Ratio), Percent(study.NearestNatural),
                Percent(study.NearestAdversarial));
        table.Print();
        if (comparison.Studies.Select(s => (s.Norm, s.Epsilon)).Distinct().Count() > 1)
            Console.WriteLine("each run was attacked within its own ball: robust accuracies of different balls do not compare (--norm and "
                + "--epsilon attack all within one)");
        if (comparison.Studies.Select(s => (s.Data, s.Part)).Distinct().Count() > 1)
            Console.WriteLine("the runs were studied on different data: their figures and the correlation mix what does not compare");
        if (comparison.Studies.Count < 3)
            return;
        var correlations = new ResultTable("pairs", "l2", "cosine",
            "linf")
        { Title = $"correlation of R-DIV of latents and robust accuracy over {comparison.Studies.Count} classifiers" };
        foreach (IGrouping<string, DivergenceCorrelation> pairs in comparison.Correlations.GroupBy(c => c.Pairs))
            correlations.Add([pairs.Key, .. pairs.Select(c => Text(c.Value))]);
        correlations.Print();
    }

    private static double Share(IEnumerable<bool> holds) => holds.Average(h => h ? 1.0 : 0);

    private static string Percent(double share) => $"{100 * share:F1}";

    private static string Text(double? value) => value is { } known ? known.ToString("F3") : "-";
}
