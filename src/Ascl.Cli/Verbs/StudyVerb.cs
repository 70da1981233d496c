using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Onnx;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.LatentStudy;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("study", HelpText = "Measures how well networks separate the classes at each stage, for natural and adversarial images (R-DIV).")]
[Example("One run, stage by stage", "runs/ascl-1")]
[Example("Several runs: does the R-DIV of their latents correlate with robust accuracy?",
    "runs/ascl-1 runs/pgd-at-1 runs/natural-1 --limit 1000 --out study")]
[Example("Somebody's ONNX file beside a run, on the same images", "theirs.onnx runs/ascl-1 --data cifar10:data/cifar-10-batches-bin")]
[OptionsFor(typeof(DataOptions), Section = "Reading the data")]
[OptionsFor(typeof(StudySettings), Section = "Images and attack")]
public class StudyVerb : ComputingArguments, IVerb
{
    [Value(0, MetaName = "RUN|FILE...", Required = true,
        HelpText = "Folders of runs, whose best checkpoints are studied on the run's own test images, or files of weights (.pt, "
            + "safetensors) and ONNX files, for which --data names the images. R-DIV is the mean distance of two images of the same "
            + "class divided by that of two images of different classes: small if classes are well separated.")]
    public IEnumerable<string> Subjects { get; init; } = [];

    [Section("Model and images")]
    [Option("data", MetaValue = "SPEC",
        HelpText = $"Images for all that are studied: {SettingTexts.DataForms}. Default for a run: its own test images.")]
    public string? Data { get; init; }

    [Option("normalize", MetaValue = "NAME",
        HelpText = $"Input normalisation of files that no run has written: {SettingTexts.Normalizations}. Default: as stored in the file.")]
    public string? Normalize { get; init; }

    [Option("model", MetaValue = "NAME",
        HelpText = $"Network of weights from elsewhere: {SettingTexts.Networks}. Files written by ascl name their network.")]
    public string? Model { get; init; }

    [Section("Files")]
    [Option("out", MetaValue = "DIR",
        HelpText = "Folder for the results: comparison.json and plots of robust accuracy over R-DIV; for each network a subfolder with "
            + "study.json, latents.safetensors and plots of the latents and of R-DIV by stage.")]
    public string? Out { get; init; }

    public int Run(CancellationToken stop)
    {
        StudySettings settings = Settings(new StudySettings(), "study");
        if (Out is not null)
            AtomicFile.CreateFolder(Out);
        Subject[] subjects = [.. Subjects.Select(path => SubjectAt(path, settings))];
        if (subjects.GroupBy(subject => subject.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"study: {string.Join(" and ", twice.Select(subject => subject.Path))} have the same name, "
                + $"{twice.Key}: rename one");
        using Device device = OpenDevice();
        List<StudyReport> reports = [];
        (TestImages Images, DataSet Data)? opened = null;
        foreach (Subject subject in subjects)
        {
            if (opened is not { } known || known.Images.Source != subject.Images.Source || known.Images.Reading != subject.Images.Reading)
                opened = (subject.Images, OpeningProgress.Open(subject.Images.Source, subject.Images.Reading, stop));
            StudyResult result = Measure(device, subject, opened.Value.Data, settings, stop);
            reports.Add(result.Report);
            if (subjects.Length == 1)
                StudyTables.PrintStages(result.Report);
            if (Out is not null)
                result.Save(Path.Combine(Out, subject.Name));
        }
        StudyComparison comparison = StudyComparison.Of(reports);
        StudyTables.PrintComparison(comparison);
        if (Out is not null)
            comparison.Save(Out);
        return 0;
    }

    /// <param name="Path">As given on the command line.</param>
    /// <param name="Name">Name of the run's folder, or of the file.</param>
    /// <param name="Weights">The weight file.</param>
    /// <param name="Folder">The run; null for a file from elsewhere.</param>
    /// <param name="Images">What is attacked.</param>
    private sealed record Subject(string Path, string Name, string Weights, RunFolder? Folder, TestImages Images);

    /// <summary>Everything that can fail before the device is opened.</summary>
    private Subject SubjectAt(string path, StudySettings settings)
    {
        RunFolder? run = RunFolder.Of(path)?.RequireClassifier();
        string file = RunFolder.WeightsFile(path);
        if (run is null && Data is null)
            throw new UserErrorException($"study: {path} belongs to no run, so there are no images of its own: name some with --data");
        ThreatModel.Of(settings.Norm, settings.Epsilon, run?.Config.Attack.Threat);
        string name = Directory.Exists(path)
            ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)))
            : Path.GetFileNameWithoutExtension(path);
        return new(path, name, file, run, TestImages.Of(run, Data, Given(typeof(DataOptions)), "study"));
    }

    private StudyResult Measure(Device device, Subject subject, DataSet data, StudySettings settings, CancellationToken stop)
    {
        foreach (string note in subject.Images.Differences(data, settings.Limit))
            Console.WriteLine(note);
        bool isForeign = subject.Folder is null;
        ClassifierChoice choice = new(subject.Weights, isForeign && !OnnxFiles.IsOnnx(subject.Weights) ? Model : null);
        Classifier model = choice.Load(device, isForeign && Normalize is not null ? InputNormalization.Of(Normalize, data) : null,
            isForeign ? Message.Print : null);
        ClassNames.Check(subject.Weights, model.Spec.ClassNames, data.Name, data.ClassNames);
        ClassifierStudy study = new(model, data, settings, subject.Folder?.Config.Attack.Threat)
        {
            Name = subject.Name,
            Weights = subject.Weights,
        };
        return ProgressDisplay.Run($"studying {subject.Path}", display => study.Measure(Threads > 0 ? Threads : null,
            (done, total) => display.Report(done, total, $"{subject.Path}: batch {done} of {total}"), stop));
    }
}
