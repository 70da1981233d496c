using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;
using Ascl.Models;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
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
        if (isOwnData && reading == run!.DataOptions && folder!.ChangedImages(data) is { } changed)
            Message.Print(changed);

        if (Replay is not null)
            return PrintReplay(AdversarialImages.Replay(Replay, model, data.Test, Batch));
        EvaluationStore? store = Out is null ? null : EvaluationStore.Open(Out, Settings(file, specification, test, model, options), test);
        if (store?.ReadReport() is { } done && HoldsAll(done, balls))
        {
            Print(done);
            Message.Print($"{Out} held this evaluation already; nothing was attacked again");
            if (Json is not null)
                AtomicFile.WriteText(Json, Evaluator.ToJson(done));
            return 0;
        }
        if (store?.Batches > 0)
            Message.Print($"{Out}: goes on after {store.Batches} batches");
        if (isOwnData && Limit is null && run!.LimitTest < test.Count)
            Message.Print($"the report of the run is of its first {run.LimitTest} test images; this is of all {test.Count} (--limit {run.LimitTest} for the same)");
        Evaluator evaluator = new(model, test, Batch, Seed);
        EvaluationReport report = ProgressDisplay.Run("evaluating", display => evaluator.Run(attacks, stop, new EvaluationDisplay(display).Report, !Each, store));
        report = evaluator.Described(report, file, data) with
        {
            MinimalEpsilon = MinimalEpsilon ? Smallest(model, test, threat, store, stop) : null,
            Findings = Checks ? Findings(new(model, test.Take(CheckImages ?? DefaultCheckImages), threat.Epsilon, threat.Norm, Batch, Seed, twin, attacks), stop) : null,
            Curve = Epsilons is null ? null : Curve(model, test, options, balls, stop),
        };
        Print(report);
        if (store is not null)
        {
            AdversarialImages adversarial = store.Finish(report);
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
        AttackOptions options = new(threat.Epsilon, StepSize?.Value, threat.Norm, Steps, Restarts, Queries: Queries);
        double[] balls = Check(threat.Norm);
        return (options, AttackCatalog.Of(AttackNames(), options), balls);
    }

    private Classifier Load(Device device, string file, (float[] Mean, float[] Std)? normalization, Action<string>? note)
    {
        if (!OnnxNetwork.IsOnnx(file))
            return ClassifierFile.Load(device, file, new()
            {
                Network = Model,
                Normalization = normalization,
                Activation = Activation is null ? null : RunParts.Activation(Activation),
                Note = note,
            });
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
        ["weights"] = FileHash.Of(OnnxNetwork.IsOnnx(file) ? OnnxFiles.Of(file) : [WeightPath.Parse(file).File]),
        ["set"] = WeightPath.Parse(file).Set,
        ["classifier"] = ClassifierFile.Described(model.Spec),
        ["data"] = specification,
        ["images"] = test.Count,
        ["content"] = test.ContentHash,
        ["attack"] = Attack,
        ["each"] = Each,
        ["epsilon"] = options.Epsilon,
        ["norm"] = options.Norm.ToString().ToLowerInvariant(),
        ["step-size"] = options.StepOf(Steps),
        ["steps"] = Steps,
        ["restarts"] = Restarts,
        ["queries"] = Queries,
        ["seed"] = Seed,
        ["batch"] = Batch,
        // Absent in older evaluations, which can still be resumed.
        ["precision"] = Precision == RunConfig.Precisions[0] ? null : Precision,
    };

    /// <summary>Whether a finished evaluation has all that is asked for besides the attacks.</summary>
    private bool HoldsAll(EvaluationReport done, double[] balls) =>
        (!MinimalEpsilon || done.MinimalEpsilon is not null) && (!Checks || (done.Findings is not null && Twin is null && CheckImages is null))
        && (Epsilons is null || balls.SequenceEqual((done.Curve ?? []).Select(point => point.Epsilon)));

    private void Print(EvaluationReport report)
    {
        PrintAttacks(report);
        Print(report.MinimalEpsilon);
        PrintFindings(report);
        foreach (CurvePoint point in report.Curve ?? [])
            Console.WriteLine($"{report.Attacks[0].Norm} epsilon {NumberText.Of(point.Epsilon)}: {100 * point.Accuracy:F2} %");
    }

    private static void PrintAttacks(EvaluationReport report)
    {
        var table = new ResultTable("attack", "norm", "epsilon", "step", "steps", "restarts", "tried on", "turned", report.IsCascade && report.Attacks.Count > 1 ? "left %" : "accuracy %", "seconds") { Title = $"{report.Weights} ({report.Model}) on {report.Images} of {report.Data}" };
        table.Add("none", "", "", "", "", "", "", "", $"{100 * report.CleanAccuracy:F2}", "");
        foreach (AttackReport a in report.Attacks)
            table.Add(a.Name, a.Norm, NumberText.Of(a.Epsilon), a.StepSize is { } step ? NumberText.Short(step) : "", $"{a.Steps}", $"{a.Restarts}", $"{a.Attacked}", $"{a.Turned}", $"{100 * a.Accuracy:F2}", $"{a.Seconds:F1}");
        if (report.Attacks.Count > 1 && !report.IsCascade)
            table.Add("worst case", "", "", "", "", "", "", "", $"{100 * report.WorstCaseAccuracy:F2}", "");
        table.Print();
        Console.WriteLine($"input normalisation: {report.Normalization}");
        foreach (AttackReport a in report.Attacks.Where(a => a.Rejected > 0))
            Console.WriteLine($"{a.Name}: {a.Rejected} images left the ball or [0, 1] and did not count");
        foreach (string note in report.Attacks.Select(a => a.Note).OfType<string>())
            Console.WriteLine(note);
        foreach (string doubt in report.Doubts ?? [])
            Console.WriteLine($"warning: {doubt}");
    }

    private MinimalEpsilonReport Smallest(Classifier model, ImageSet test, ThreatModel threat, EvaluationStore? store, CancellationToken stop) =>
        ProgressDisplay.Run("evaluating", display => new Evaluator(model, test, Batch, Seed)
            .Smallest(NearestAttack.All(threat.Norm, threat.Epsilon), threat.Norm, threat.Epsilon, stop, new EvaluationDisplay(display).Report, store));

    private static void Print(MinimalEpsilonReport? minimal)
    {
        if (minimal is null)
            return;
        var table = new ResultTable("images turned %", "epsilon") { Title = $"smallest {minimal.Norm} changes found by {string.Join(" and ", minimal.Attacks)}" };
        foreach (SizeQuantile quantile in minimal.Quantiles)
            table.Add($"{100 * quantile.Share:F0}", EvaluationPage.Size(quantile.Size));
        table.Print();
        Console.WriteLine($"{100 * minimal.Accuracy:F2} % of images were turned by no change within {NumberText.Of(minimal.Epsilon)}{(minimal.NotFound > 0 ? $"; none at all was found for {minimal.NotFound}" : "")}");
    }

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

    private void PrintFindings(EvaluationReport report)
    {
        IReadOnlyList<HonestyFinding> findings = report.Findings ?? [];
        int checkedImages = Math.Min(report.Count, CheckImages ?? DefaultCheckImages);
        foreach (HonestyFinding finding in findings.Where(f => f.IsSuspicious))
            Console.WriteLine($"warning: {finding.Name}: {finding.Meaning}");
        if (findings.Count > 0 && !findings.Any(f => f.IsSuspicious))
            Console.WriteLine($"none of {findings.Count} signs of false robustness was seen{(checkedImages < FewImages ? $", but {checkedImages} images are too few to tell much" : "")}");
    }

    private int PrintReplay(ReplayReport replay)
    {
        var table = new ResultTable("images", "within the ball", "adversarial", "count") { Title = $"{Replay}: {replay.Norm}, epsilon {NumberText.Of(replay.Epsilon)}" };
        table.Add("as they are", $"{replay.Within}", $"{replay.Adversarial}", $"{replay.Count}");
        table.Add("rounded to 8 bits", $"{replay.WithinRounded}", $"{replay.AdversarialRounded}", $"{replay.Count}");
        table.Print();
        return replay.Within == replay.Count && replay.Adversarial == replay.Count ? 0 : 1;
    }

    /// <summary>All that can be wrong before anything is opened.</summary>
    /// <returns>The ε of the curve.</returns>
    private double[] Check(PerturbationNorm norm)
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
            if (File.Exists(Json) && !JsonFile.ReadObject(Json).ContainsKey("clean_accuracy"))
                throw new UserErrorException($"option --json: {Json} holds something else than the results of an evaluation: it is not overwritten");
        }
        double[] balls = Balls();
        if (Epsilons is not null && balls.Length == 0)
            throw new UserErrorException($"option --epsilons: '{Epsilons}' names no epsilon");
        foreach (double ball in balls)
            new ThreatModel(norm, ball).Checked();
        return balls;
    }

    private double[] Balls()
    {
        try
        {
            return [.. (Epsilons ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(text => new Fraction(text).Value)];
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
