using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("evaluate", HelpText = "Measures the clean and robust accuracy of trained weights.")]
[Example("The best checkpoint of a run under PGD-20, on the run's own test images", "--weights runs/ascl-1")]
[Example("Weights from PyTorch on CIFAR-10",
    "--weights resnet18.pt --model resnet18 --data cifar10:data/cifar-10-batches-bin --normalize cifar10")]
[Example("Auto-Attack on 1,000 images. If interrupted, the same command resumes it",
    "--weights runs/ascl-1 --attack autoattack --limit 1000 --out evaluations/ascl-1")]
[Example("Can that accuracy be trusted? Check for masked gradients and weak attacks",
    "--weights runs/ascl-1 --checks --twin runs/natural-1")]
[Example("The smallest adversarial perturbation of each image: median, quantiles, accuracy by epsilon",
    "--weights runs/ascl-1 --minimal-epsilon --limit 1000 --out evaluations/minimal")]
[Example("Accuracy under common corruptions, too (CIFAR-10-C)", "--weights runs/ascl-1 --corruptions data/CIFAR-10-C")]
[Example("A stronger attack, with the results as JSON too", "--weights runs/ascl-1 --steps 100 --restarts 5 --json result.json")]
[Example("Any classifier as ONNX (images [N, C, H, W] in [0, 1] to logits) under Auto-Attack",
    "--weights theirs.onnx --data cifar10:data/cifar-10-batches-bin --attack autoattack --limit 1000 --out evaluations/theirs")]
[Example("Check the adversarial images that an evaluation saved, also rounded to 8 bits",
    "--weights runs/ascl-1 --replay evaluations/ascl-1/adversarial.safetensors")]
[OptionsFor(typeof(DataOptions), Section = "Reading the data")]
[OptionsFor(typeof(EvaluationSettings))]
public class EvaluateVerb : ComputingArguments, IVerb
{
    [Section("Model and images")]
    [Option("weights", MetaValue = "FILE|RUN", Required = true,
        HelpText = "A PyTorch (.pt), safetensors or ONNX file, or the folder of a run (its best checkpoint). FILE#SET names one of several "
            + "sets of weights in a file.")]
    public string Weights { get; init; } = "";

    [Option("model", MetaValue = "NAME",
        HelpText = $"Network: {SettingTexts.Networks}. Only for weights from elsewhere: files written by ascl name their network.")]
    public string? Model { get; init; }

    [Option("activation", MetaValue = "NAME",
        HelpText = $"Activation of the network: {SettingTexts.Activations}. Only for weights from elsewhere.")]
    public string? Activation { get; init; }

    [Option("straight-through",
        HelpText = "For an ONNX file: nodes without a gradient (Round, Floor, Sign, casts to integers) pass it on unchanged, so that "
            + "attacks by gradients are not stopped by them.")]
    public bool StraightThrough { get; init; }

    [Option("onnx-runtime",
        HelpText = "Compute an ONNX file by ONNX Runtime, on the CPU and without gradients: for models with operators that ascl "
            + "does not have.")]
    public bool OnnxRuntime { get; init; }

    [Option("data", MetaValue = "SPEC", HelpText = $"Test images: {SettingTexts.DataForms}. Default for a run: its own test images.")]
    public string? Data { get; init; }

    [Option("ignore-class-names",
        HelpText = "Evaluate even if the class names in the weights and in the data differ: classes are matched by number.")]
    public bool IgnoreClassNames { get; init; }

    [Option("normalize", MetaValue = "NAME",
        HelpText = $"Input normalisation: {SettingTexts.Normalizations}. Default: as stored in the file.")]
    public string? Normalize { get; init; }

    [Option("twin", MetaValue = "FILE|RUN",
        HelpText = "With --checks: a naturally trained classifier for the same images, for a transfer attack.")]
    public string? Twin { get; init; }

    [Option("corruptions", MetaValue = "DIR",
        HelpText = "Also measure the accuracy on corrupted images, such as those of CIFAR-10-C: a directory of .npy files, one for each "
            + "corruption, and labels.npy. --limit counts images of each severity.")]
    public string? Corruptions { get; init; }

    [Section("Files")]
    [Option("out", MetaValue = "DIR",
        HelpText = "Folder for the adversarial images and the report. An evaluation that was interrupted in it is resumed.")]
    public string? Out { get; init; }

    [Option("part", MetaValue = "K/N",
        HelpText = "Attack only the K-th of N parts of the images, and save the outcome in --out. The same command without --part puts the "
            + "parts together. For job arrays of schedulers.")]
    public string? Part { get; init; }

    [Option("replay", MetaValue = "FILE",
        HelpText = "Run no attack: check the adversarial images in this file, which an earlier evaluation saved.")]
    public string? Replay { get; init; }

    [Option("json", MetaValue = "FILE", HelpText = "Also write the results to this file, as JSON.")]
    public string? Json { get; init; }

    [Section("Processes")]
    [Option("mpi", MetaValue = "LIBRARY|off", HelpText = VerbTexts.Mpi)]
    public string Mpi { get; init; } = "";

    [Option("mpi-timeout", MetaValue = "SECONDS", HelpText = VerbTexts.MpiTimeout)]
    public int MpiTimeout { get; init; } = ProcessGroup.DefaultTimeout;

    string? IVerb.InsteadOfProcesses =>
        Replay is null || Mpi == ProcessGroup.Off ? null : "--replay runs no attack: start it as one process, without the launcher";

    public int Run(CancellationToken stop) =>
        ProcessGroup.Run(this, Part is null && Replay is null ? Mpi : ProcessGroup.Off, MpiTimeout, group => Evaluate(group, stop));

    private sealed record Prepared(Device Device, RobustnessEvaluation? Evaluation, Classifier Model, DataSet Data);

    private int Evaluate(ProcessGroup group, CancellationToken stop)
    {
        var (device, planned, model, data) = group.Communicator.Together(() => Prepare(group, stop));
        using Device opened = device;
        if (planned is not { } evaluation)
            return RunReplay(model, data);
        if (Part is not null)
        {
            var (part, parts) = PartOption.Read(Part);
            int images = ProgressDisplay.Run("evaluating",
                display => evaluation.RunPart(part, parts, Out!, new EvaluationDisplay(display), stop));
            Console.WriteLine($"part {Part}: {images} of {evaluation.Images.Count} images done, in {Out}; the same command without --part "
                + "puts the parts together");
            return 0;
        }
        EvaluationResult result = ProgressDisplay.Run("evaluating", display => evaluation.Run(Out, new EvaluationDisplay(display), stop));
        if (!group.Communicator.IsMain)
            return 0;
        EvaluationTables.Print(result.Report);
        if (EvaluationPage.Save(result, evaluation.Images))
            Console.WriteLine($"adversarial images and report in {Out}");
        if (Json is not null)
            AtomicFile.WriteText(Json, Evaluator.ToJson(result.Report));
        return 0;
    }

    /// <summary>Everything that can fail before the first attack.</summary>
    private Prepared Prepare(ProcessGroup group, CancellationToken stop)
    {
        RunFolder? run = RunFolder.Of(Weights)?.RequireClassifier();
        EvaluationSettings settings = Settings(new EvaluationSettings(), "evaluate");
        CheckOptions(settings);
        // Fails early if settings are wrong; repeated below with what the weights themselves say of their training.
        RobustnessEvaluation.Plan(settings, run?.Config.Attack.Threat);
        ClassifierChoice choice = new(RunFolder.WeightsFile(Weights), Model, Activation, OnnxRuntime, StraightThrough);
        TestImages tested = TestImages.Of(run, Data, Given(typeof(DataOptions)), "evaluate");
        Device device = group.OpenDevice(Device, Threads,
            (name, threads, cores) => DeviceChoice.OpenFor(choice, name, threads, CudaGraphs, ChosenPrecision, cores));
        // The weights first, so that a wrong file is reported without opening the data.
        Classifier model = choice.Load(device, note: Normalize is null ? Message.Print : null);
        ThreatModel? trained = run?.Config.Attack.Threat ?? ThreatModel.Of(model.Provenance);
        RobustnessEvaluation.Plan(settings, trained, Replay is null ? model : null);
        Classifier? twin = Twin is null ? null : new ClassifierChoice(RunFolder.WeightsFile(Twin)).Load(device);
        DataSet data = OpeningProgress.Open(tested.Source, tested.Reading, stop);
        if (Normalize is not null)
            model = choice.Load(device, InputNormalization.Of(Normalize, data), Message.Print);
        CheckFit(settings.ImagesOf(data), data, tested.Source, model, twin);
        if (Replay is not null)
            return new(device, null, model, data);
        RobustnessEvaluation evaluation = new(model, data, settings, trained)
        {
            Weights = choice.File,
            Source = tested.Source,
            Twin = twin,
            Corruptions = Corruptions is null ? null : CorruptionSet.Open(Corruptions, data.ClassNames),
            Communicator = group.Communicator,
        };
        foreach (string note in evaluation.Notes.Concat(tested.Differences(data, settings.Limit)))
            Message.Print(note);
        return new(device, evaluation, model, data);
    }

    private int RunReplay(Classifier model, DataSet data)
    {
        int batch = Settings(new EvaluationSettings(), "evaluate").Batch;
        ReplayReport replay = AdversarialImages.Replay(Replay!, model, data.Test, batch);
        EvaluationTables.Print(replay, Replay!);
        return replay.Within == replay.Count && replay.Adversarial == replay.Count ? 0 : 1;
    }

    private void CheckFit(ImageSet images, DataSet data, string source, Classifier model, Classifier? twin)
    {
        string file = RunFolder.WeightsFile(Weights);
        RobustnessEvaluation.CheckFit(model, images, file, mayHaveMoreClasses: source.StartsWith("file:", StringComparison.Ordinal));
        if (!IgnoreClassNames)
            ClassNames.Check(file, model.Spec.ClassNames, data.Name, data.ClassNames);
        if (twin is not null)
            RobustnessEvaluation.CheckFit(twin, images, Twin!, mayHaveMoreClasses: true);
    }

    /// <exception cref="UserErrorException">Options contradict each other, or the file for results cannot be written.</exception>
    private void CheckOptions(EvaluationSettings settings)
    {
        if (!settings.Checks && Twin is not null)
            throw new UserErrorException("evaluate: --twin is for --checks");
        if (Replay is not null
            && (Json is not null || Out is not null || Corruptions is not null || settings.Epsilons.Count > 0 || settings.Checks
                || settings.MinimalEpsilon))
        {
            throw new UserErrorException("evaluate: --replay runs no attack: --json, --out, --corruptions, --epsilons, --checks and "
                + "--minimal-epsilon cannot be given with it");
        }
        string[] ofTheFile = ["norm", "epsilon", "step-size", "limit", "attack", "target"];
        if (Replay is not null && Given(typeof(EvaluationSettings)).Any(given => ofTheFile.Contains(given.Key)))
            throw new UserErrorException("evaluate: --replay takes the images and their ball from its file: --norm, --epsilon, "
                + "--step-size, --limit, --target and --attack cannot be given with it");
        if (Part is not null)
        {
            PartOption.Read(Part);
            if (Out is null)
                throw new UserErrorException("evaluate: --part needs --out DIR, the folder that all parts share");
            if (Json is not null || Replay is not null || Corruptions is not null || settings.Checks || settings.Epsilons.Count > 0)
                throw new UserErrorException("evaluate: --part only runs attacks: give --json, --replay, --corruptions, --checks and "
                    + "--epsilons to the command without --part");
        }
        ResultFile.CheckEvaluation(Json);
    }
}
