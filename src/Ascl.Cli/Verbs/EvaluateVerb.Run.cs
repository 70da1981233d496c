using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.OnnxRuntime;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Training;

namespace Ascl.Cli.Verbs;

internal sealed partial class EvaluateVerb
{
    private const int DefaultCheckImages = 200;

    /// <summary>Fewer than this, and a difference of an image or two means nothing.</summary>
    private const int FewImages = 50;

    public int Run(CancellationToken stop)
    {
        RunFolder? folder = RunFolder.Of(Weights)?.RequireClassifier();
        RunConfig? run = folder?.Config;
        CheckOptions();
        // Before anything is opened; what weights without a run's folder know of their own ball comes later.
        Plan(ThreatModel.Of(Norm, Epsilon?.Value, run?.Threat));
        string file = RunFolder.Weights(Weights);
        bool isOwnData = run is not null && (Data is null || DataSource.AreSame(Data, run.Data));
        DataOptions reading = DataOptions(run, isOwnData);
        bool isSplit = run?.TestShare is not null || reading.TestShare is not null;
        if (isOwnData && isSplit && reading != run!.DataOptions)
            throw new UserErrorException("evaluate: --test-share, --resize and --crop would make training images of the run test images: " + (run.TestShare is null ? "it was trained on all of these images" : "the run split its test part off these images itself"));
        string specification = Data ?? run?.Data ?? throw new UserErrorException("evaluate: name the test images with --data");
        using Device device = DeviceChoice.OpenFor(file, Device, Threads, CudaGraphs, Precision);
        // The weights first: a file that is not one should not cost the opening of the data.
        Classifier model = Load(device, file, normalization: null, Normalize is null ? Message.Print : null);
        ThreatModel? trained = run?.Threat ?? (model.Provenance is { } known ? new(ThreatModel.NormOf(known.Norm), known.Epsilon) : null);
        ThreatModel threat = ThreatModel.Of(Norm, Epsilon?.Value, trained);
        var (options, attacks, balls) = Plan(threat);
        if (Replay is null)
            AttackCatalog.CheckGradients(model, [.. attacks.Select(planned => planned.Attack)], MinimalEpsilon ? "--minimal-epsilon" : Checks ? "--checks" : null);
        Classifier? twin = Twin is null ? null : ClassifierFile.Load(device, RunFolder.Weights(Twin));
        DataSet data = ProgressDisplay.Run($"opening {specification}", display => DataSource.Open(specification, reading, progress: new OpeningProgress(display, stop)));
        if (Normalize is not null)
            model = Load(device, file, InputNormalization.Of(Normalize, data), Message.Print);
        ImageSet test = Limit is { } limit ? data.Test.Take(limit) : data.Test;
        bool countIsLeast = specification.StartsWith("file:", StringComparison.Ordinal);
        CheckFit(model, test, file, countIsLeast);
        foreach (double ball in balls.Append(threat.Epsilon))
            (threat with { Epsilon = ball }).CheckFits(test);
        if (!IgnoreClassNames)
            ClassNames.Check(file, model.Spec.ClassNames, data.Name, data.ClassNames);
        if (twin is not null)
            CheckFit(twin, test, Twin!, countIsLeast: true);
        foreach (string note in data.Notes)
            Message.Print($"{data.Name}: {note}");
        if (threat.Doubt is { } doubt)
            Message.Print(doubt);
        foreach (string missing in LearnedImages.MissingClasses("test", test, data.Test))
            Message.Print(missing);
        if (Replay is null)
            TellUnused(options);
        if (isOwnData && reading == run!.DataOptions && folder!.ChangedImages(data) is { } changed)
            Message.Print(changed);

        if (Replay is not null)
            return PrintReplay(AdversarialImages.Replay(Replay, model, data.Test, Batch));
        EvaluationStore? store = Out is null ? null : EvaluationStore.Open(Out, Settings(file, specification, test, model, options), test);
        EvaluationReport? done = store?.ReadReport();
        if (done is not null && !IsOf(done, file, attacks))
            throw new UserErrorException($"{store!.ReportFile}: is not of the evaluation in {Out}, but of other weights or attacks: choose another folder with --out");
        if (done is not null && HoldsAll(done, balls))
        {
            Print(done);
            Message.Print($"{Out} held this evaluation already; nothing was attacked again");
            if (Json is not null)
                AtomicFile.WriteText(Json, Evaluator.ToJson(done));
            return 0;
        }
        if (done is null && store?.Batches > 0)
            Message.Print($"{Out}: goes on after {store.Batches} batches");
        if (isOwnData && Limit is null && run!.LimitTest < test.Count)
            Message.Print($"the report of the run is of its first {run.LimitTest} test images; this is of all {test.Count} (--limit {run.LimitTest} for the same)");
        Evaluator evaluator = new(model, test, Batch, Seed);
        EvaluationReport report = done ?? evaluator.Described(ProgressDisplay.Run("evaluating", display => evaluator.Run(attacks, stop, new EvaluationDisplay(display).Report, !Each, store)), file, data);
        // What a finished evaluation has and is not asked for again stays.
        if (MinimalEpsilon && report.MinimalEpsilon is null)
            report = WithSmallest(report, Smallest(model, test, threat, store, stop));
        if (Checks && !HoldsChecks(report))
        {
            ImageSet some = test.Take(CheckImages ?? DefaultCheckImages);
            report = report with { Findings = Findings(new(model, some, threat.Epsilon, threat.Norm, Batch, Seed, twin, attacks), stop), CheckedImages = some.Count };
        }
        if (Epsilons is not null && !HoldsCurve(report, balls))
            report = report with { Curve = Curve(model, test, options, balls, stop) };
        Print(report);
        if (store is not null)
        {
            AdversarialImages adversarial = done is null ? store.Finish(report) : store.Complete(report);
            AtomicFile.WriteText(store.MarkdownFile, EvaluationPage.Markdown(report));
            AtomicFile.WriteText(store.PageFile, EvaluationPage.Html(report, test, adversarial));
            Console.WriteLine($"adversarial images and report in {Out}");
        }
        if (Json is not null)
            AtomicFile.WriteText(Json, Evaluator.ToJson(report));
        return 0;
    }

    /// <summary>What is asked for within a ball.</summary>
    /// <exception cref="UserErrorException">Options that do not go together.</exception>
    private (AttackOptions Options, IReadOnlyList<PlannedAttack> Attacks, double[] Balls) Plan(ThreatModel threat)
    {
        AttackOptions usual = new(threat.Epsilon, Norm: threat.Norm),
            options = usual with { StepSize = StepSize?.Value, Steps = Steps ?? usual.Steps, Restarts = Restarts ?? usual.Restarts, Queries = Queries ?? usual.Queries };
        double[] balls = Balls();
        foreach (double ball in balls)
            (threat with { Epsilon = ball }).Checked();
        return (options, AttackCatalog.Of(AttackNames(), options), balls);
    }

    /// <summary>Options of attacks that none of those asked for has.</summary>
    private void TellUnused(AttackOptions options)
    {
        (string Name, bool IsGiven, AttackOptions Changed)[] all =
        [
            ("--steps", Steps is not null, options with { Steps = options.Steps + 1 }), ("--restarts", Restarts is not null, options with { Restarts = options.Restarts + 1 }),
            ("--queries", Queries is not null, options with { Queries = options.Queries + 1 }), ("--step-size", StepSize is not null, options with { StepSize = options.StepSize / 2 }),
        ];
        string[] unused = [.. all.Where(option => option.IsGiven && AttackCatalog.Ignores(AttackNames(), options, option.Changed)).Select(option => option.Name)];
        if (unused.Length > 0)
            Message.Print($"{string.Join(", ", unused)}: not used by {Attack}");
    }

    /// <summary>What was turned within ε by the search for the smallest changes is not robust either.</summary>
    private static EvaluationReport WithSmallest(EvaluationReport report, MinimalEpsilonReport minimal) => report with
    {
        MinimalEpsilon = minimal,
        WorstCaseAccuracy = Math.Min(report.WorstCaseAccuracy, minimal.Accuracy),
        Doubts = minimal.Accuracy < report.WorstCaseAccuracy
            ? [.. report.Doubts ?? [], $"the search for the smallest changes turned more images within {NumberText.Of(minimal.Epsilon)} than the attacks did ({100 * report.WorstCaseAccuracy:F2} %): its accuracy is the worst case"]
            : report.Doubts,
    };

    private Classifier Load(Device device, string file, (float[] Mean, float[] Std)? normalization, Action<string>? note)
    {
        if (!OnnxFiles.IsOnnx(file))
            return RunFolder.RequireClassifier(ClassifierFile.Load(device, file, new()
            {
                Network = Model,
                Normalization = normalization,
                Activation = Activation is null ? null : RunParts.Activation(Activation),
                Note = note,
            }), file);
        if (Model is not null || Activation is not null)
            throw new UserErrorException($"{file}: holds its whole network: --model and --activation are not for it");
        return OnnxNetwork.Load((CpuDevice)device, file, normalization);
    }

    /// <summary>As the run read its images; what is given wins. A test share is of the run's own images.</summary>
    private DataOptions DataOptions(RunConfig? run, bool isOwnData) => new()
    {
        Resize = Resize ?? run?.Resize,
        Crop = Crop ?? run?.Crop,
        TestShare = TestShare?.Value ?? (isOwnData ? run?.TestShare : null),
        AllowEmptyClasses = AllowEmptyClasses || (run?.AllowEmptyClasses ?? false),
    };

    /// <summary>All that the result depends on; weights and images by their content.</summary>
    private JsonObject Settings(string file, string specification, ImageSet test, Classifier model, AttackOptions options) => new()
    {
        ["weights"] = FileHash.Of(OnnxFiles.IsOnnx(file) ? OnnxFiles.Of(file) : [WeightPath.Parse(file).File]),
        ["set"] = WeightPath.Parse(file).Set,
        ["classifier"] = ClassifierFile.Described(model.Spec),
        ["data"] = specification,
        ["images"] = test.Count,
        ["content"] = test.ContentHash,
        ["attack"] = Attack,
        ["each"] = Each,
        ["epsilon"] = options.Epsilon,
        ["norm"] = options.Norm.ToString().ToLowerInvariant(),
        ["step-size"] = options.StepOf(options.Steps),
        ["steps"] = options.Steps,
        ["restarts"] = options.Restarts,
        ["queries"] = options.Queries,
        ["seed"] = Seed,
        ["batch"] = Batch,
        // Absent in older evaluations, which can still be resumed.
        ["precision"] = Precision == RunConfig.Precisions[0] ? null : Precision,
    };

    /// <summary>Whether a report is of these weights and attacks.</summary>
    private static bool IsOf(EvaluationReport report, string file, IReadOnlyList<PlannedAttack> attacks)
    {
        bool areWeights = report.WeightsSha256 is null || report.WeightsSha256 == WeightPath.Sha256(file);
        return areWeights && report.Attacks.Select(a => (a.Name, a.Norm, a.Epsilon)).SequenceEqual(attacks.Select(a => (a.Attack.Name, a.Attack.Norm.ToString().ToLowerInvariant(), a.Attack.Epsilon)));
    }

    /// <summary>Whether a finished evaluation has all that is asked for besides the attacks.</summary>
    private bool HoldsAll(EvaluationReport done, double[] balls) =>
        (!MinimalEpsilon || done.MinimalEpsilon is not null) && (!Checks || HoldsChecks(done)) && (Epsilons is null || HoldsCurve(done, balls));

    private bool HoldsChecks(EvaluationReport done) => done.Findings is not null && Twin is null && done.CheckedImages == Math.Min(done.Count, CheckImages ?? DefaultCheckImages);

    private static bool HoldsCurve(EvaluationReport done, double[] balls) => balls.SequenceEqual((done.Curve ?? []).Select(point => point.Epsilon));

    private MinimalEpsilonReport Smallest(Classifier model, ImageSet test, ThreatModel threat, EvaluationStore? store, CancellationToken stop) =>
        ProgressDisplay.Run("evaluating", display => new Evaluator(model, test, Batch, Seed)
            .Smallest(NearestAttack.All(threat.Norm, threat.Epsilon), threat.Norm, threat.Epsilon, stop, new EvaluationDisplay(display).Report, store));

    private CurvePoint[] Curve(Classifier model, ImageSet test, AttackOptions options, double[] balls, CancellationToken stop) =>
        ProgressDisplay.Run("evaluating", display => balls.Select(ball =>
        {
            EvaluationReport report = new Evaluator(model, test, Batch, Seed)
                .Run(AttackCatalog.Of(AttackNames(), options.Within(ball)), stop, new EvaluationDisplay(display).Report, isCascade: true);
            return new CurvePoint(ball, report.WorstCaseAccuracy);
        }).ToArray());

    private static HonestyFinding[] Findings(HonestySubject subject, CancellationToken stop) => ProgressDisplay.Run("checking", display =>
    {
        List<HonestyFinding> findings = [];
        display.Line($"checks on the first {subject.Images.Count} images{(subject.Images.Count < FewImages ? ", too few to tell much" : "")}; PGD there has the default step size");
        foreach (HonestyFinding finding in HonestyChecks.All(subject))
        {
            stop.ThrowIfCancellationRequested();
            findings.Add(finding);
            display.Line($"{(finding.IsSuspicious ? "suspicious" : "fine      ")} {finding.Name}: {finding.Seen}");
        }
        return findings.ToArray();
    });

    /// <summary>Refuses options that do not go together, and files that cannot or should not be written, before anything is opened.</summary>
    private void CheckOptions()
    {
        if (!Checks && (Twin is not null || CheckImages is not null))
            throw new UserErrorException("evaluate: --twin and --check-images are for --checks");
        if (Steps < 1 || Restarts < 1 || Queries < 1 || Batch < 1 || Limit < 1 || CheckImages < 1)
            throw new UserErrorException("evaluate: --steps, --restarts, --queries, --batch, --limit and --check-images must be at least 1");
        if (Replay is not null && (Json is not null || Out is not null || Epsilons is not null || Checks || MinimalEpsilon))
            throw new UserErrorException("evaluate: --replay attacks nothing: --json, --out, --epsilons, --checks and --minimal-epsilon cannot be given with it");
        if (Replay is not null && (Norm is not null || Epsilon is not null || StepSize is not null || Limit is not null || Attack != new EvaluateVerb().Attack))
            throw new UserErrorException("evaluate: --replay takes the images and their ball from its file: --norm, --epsilon, --step-size, --limit and --attack cannot be given with it");
        if (Json is not null)
        {
            AtomicFile.CheckWritable(Json);
            string place = Path.GetDirectoryName(Path.GetFullPath(Json))!;
            if (File.Exists(Path.Combine(place, "config.json")) || File.Exists(Path.Combine(place, "evaluation.json")))
                throw new UserErrorException($"option --json: {place} is the folder of a run or an evaluation, with reports of its own: choose another place");
            if (File.Exists(Json) && !AtomicFile.IsDevice(Json) && !JsonFile.ReadObject(Json).ContainsKey("clean_accuracy"))
                throw new UserErrorException($"option --json: {Json} holds something else than the results of an evaluation: it is not overwritten");
        }
    }

    /// <summary>The ε of the curve; none where none is asked for.</summary>
    private double[] Balls()
    {
        string[] texts = (Epsilons ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
        if (Epsilons is not null && texts.Length == 0)
            throw new UserErrorException($"option --epsilons: '{Epsilons}' names no epsilon");
        try
        {
            return [.. texts.Select(text => new Fraction(text).Value)];
        }
        catch (FormatException e)
        {
            throw new UserErrorException($"option --epsilons: {e.Message}", e);
        }
    }

    private string[] AttackNames()
    {
        string[] names = Attack.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return names.Length > 0 ? names : throw new UserErrorException("evaluate: --attack names no attack");
    }

    private static void CheckFit(Classifier model, ImageSet images, string file, bool countIsLeast)
    {
        if (model.Spec.Classes < 2)
            throw new UserErrorException($"{file}: the network has one class; robustness is of classifiers of at least two");
        if (model.Spec.Channels != images.Channels)
            throw new UserErrorException($"{file}: the network takes images of {model.Spec.Channels} channels, {images.Name} has {images.Channels}");
        // A bare file of labels only shows the classes that occur in it.
        if (model.Spec.Classes < images.ClassNames.Count || (model.Spec.Classes > images.ClassNames.Count && !countIsLeast))
            throw new UserErrorException($"{file}: the network has {model.Spec.Classes} classes, {images.Name} has {images.ClassNames.Count}");
        if (model.ImageSize is { } size && size != (images.Height, images.Width))
            throw new UserErrorException($"{file}: the network takes images of {size.Height}x{size.Width} pixels, {images.Name} has {images.Height}x{images.Width}");
    }
}
