using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Robustness.Evaluation;

/// <summary>What is told while an evaluation works.</summary>
public interface IEvaluationObserver
{
    /// <summary>How far an attack is.</summary>
    void Progress(EvaluationProgress progress);

    /// <summary>What a check for false robustness has found.</summary>
    void Finding(HonestyFinding finding, int images);

    /// <summary>A line that a user should read.</summary>
    void Note(string line);
}

/// <summary>What came out of an evaluation.</summary>
/// <param name="Report">Everything that was measured.</param>
/// <param name="Adversarial">The adversarial images; null where they are not kept.</param>
/// <param name="IsNew">Whether anything was measured: not where the folder held it all.</param>
public sealed record EvaluationResult(EvaluationReport Report, AdversarialImages? Adversarial, bool IsNew)
{
    /// <summary>The folder that keeps it; null where there is none.</summary>
    public EvaluationStore? Store { get; init; }
}

/// <summary>
/// The evaluation of a classifier on a data set: the attacks, and as far as asked for a curve over ε, the smallest changes, checks for
/// false robustness. In a folder it keeps adversarial images and goes on where it was stopped.
/// </summary>
public sealed class RobustnessEvaluation
{
    /// <summary>Fewer than this, and a difference of an image or two means nothing.</summary>
    public const int FewImages = 50;

    private const int DefaultCheckImages = 200;
    private readonly Classifier model;
    private readonly DataSet data;
    private readonly EvaluationSettings settings;
    private readonly AttackOptions options;

    /// <param name="model">Under evaluation.</param>
    /// <param name="data">Its test part is attacked.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <param name="trained">What the weights were trained against; null: what their provenance says.</param>
    /// <exception cref="UserErrorException">Settings, model and data do not fit.</exception>
    public RobustnessEvaluation(Classifier model, DataSet data, EvaluationSettings? settings = null, ThreatModel? trained = null)
    {
        (this.model, this.data, this.settings) = (model, data, (settings ?? new()).Checked());
        (Threat, options, Attacks) = Plan(this.settings, trained ?? ThreatModel.Of(model.Provenance), model);
        Images = this.settings.ImagesOf(data);
        CheckFit(model, Images, model.Spec.Network, countIsLeast: true);
        foreach (double radius in this.settings.Epsilons.Append(Threat.Epsilon))
            (Threat with { Epsilon = radius }).CheckFits(Images);
    }

    /// <summary>The file that the classifier is from; null where it is from none.</summary>
    public string? Weights { get; init; }

    /// <summary>What the images are called in a description of the evaluation; by default the data set's name.</summary>
    public string? Source { get; init; }

    /// <summary>A naturally trained classifier of the same images, whose adversarial images the checks try too; null for none.</summary>
    public Classifier? Twin { get; init; }

    /// <summary>The ball that attacks stay in.</summary>
    public ThreatModel Threat { get; }

    /// <summary>The attacks in their order.</summary>
    public IReadOnlyList<PlannedAttack> Attacks { get; }

    /// <summary>The images that are evaluated.</summary>
    public ImageSet Images { get; }

    /// <summary>What a user should know before, a line each.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. data.Notes.Select(note => $"{data.Name}: {note}"), .. Threat.Doubt is { } doubt ? [doubt] : Array.Empty<string>(),
        .. ClassCoverage.Notes("test", Images, data.Test), .. Unused(),
    ];

    /// <summary>The attacks that settings name, made for their ball: tells early what cannot be evaluated.</summary>
    /// <param name="trained">What the weights were trained against; null where it is not known.</param>
    /// <param name="model">Under evaluation; null where it is not loaded yet.</param>
    /// <exception cref="UserErrorException">There is no such attack or radius, or it needs gradients that the model does not
    /// have.</exception>
    public static (ThreatModel Threat, AttackOptions Options, IReadOnlyList<PlannedAttack> Attacks) Plan(
        EvaluationSettings settings, ThreatModel? trained, Classifier? model = null)
    {
        ThreatModel threat = settings.BallOf(trained);
        foreach (double radius in settings.Epsilons)
            (threat with { Epsilon = radius }).Checked();
        AttackOptions options = settings.Options(threat);
        IReadOnlyList<PlannedAttack> attacks = AttackCatalog.Of(settings.Attacks, options);
        if (model is not null)
            AttackCatalog.CheckGradients(model, [.. attacks.Select(planned => planned.Attack)],
                settings.MinimalEpsilon ? "minimal-epsilon" : settings.Checks ? "checks" : null);
        return (threat, options, attacks);
    }

    /// <summary>Whether a classifier takes some images and has their classes.</summary>
    /// <param name="file">What messages call the classifier.</param>
    /// <param name="countIsLeast">Whether the network may have more classes: a bare file of labels only shows those that occur in it.</param>
    /// <exception cref="UserErrorException">It does not.</exception>
    public static void CheckFit(Classifier model, ImageSet images, string file, bool countIsLeast)
    {
        if (model.Spec.Classes < 2)
            throw new UserErrorException($"{file}: the network has one class; robustness is of classifiers of at least two");
        if (model.Spec.Channels != images.Channels)
            throw new UserErrorException($"{file}: the network takes images of {model.Spec.Channels} channels, {images.Name} has "
                + $"{images.Channels}");
        if (model.Spec.Classes < images.ClassNames.Count || (model.Spec.Classes > images.ClassNames.Count && !countIsLeast))
            throw new UserErrorException($"{file}: the network has {model.Spec.Classes} classes, {images.Name} has "
                + $"{images.ClassNames.Count}");
        if (model.ImageSize is { } size && size != (images.Height, images.Width))
            throw new UserErrorException($"{file}: the network takes images of {size.Height}x{size.Width} pixels, {images.Name} has "
                + $"{images.Height}x{images.Width}");
    }

    /// <summary>Measures everything that is asked for.</summary>
    /// <param name="folder">Where adversarial images and results are kept and the evaluation goes on after a stop; null for
    /// nowhere.</param>
    /// <param name="observer">Told how far it is; null for nobody.</param>
    /// <param name="stop">Ends it; what is done is in the folder.</param>
    /// <exception cref="UserErrorException">The folder holds something else, or a file cannot be written.</exception>
    public EvaluationResult Run(string? folder = null, IEvaluationObserver? observer = null, CancellationToken stop = default)
    {
        EvaluationStore? store = folder is null ? null : EvaluationStore.Open(folder, Description(), Images);
        EvaluationReport? done = store?.ReadReport();
        if (done is not null && !IsOwn(done))
            throw new UserErrorException($"{store!.ReportFile}: is not of the evaluation in {folder}, but of other weights or attacks: "
                + "choose another folder with --out");
        if (done is not null && HoldsAll(done))
        {
            observer?.Note($"{folder} held this evaluation already; nothing was attacked again");
            return new(done, null, IsNew: false) { Store = store };
        }
        if (done is null && store?.Batches > 0)
            observer?.Note($"{folder}: goes on after {store.Batches} batches");
        EvaluationReport report = done ?? Measure(observer, store, stop);
        // What a finished evaluation has and is not asked for again stays.
        if (settings.MinimalEpsilon && report.MinimalEpsilon is null)
            report = WithSmallest(report, Smallest(observer, store, stop));
        if (settings.Checks && !HoldsChecks(report))
            report = WithFindings(report, observer, stop);
        if (settings.Epsilons.Count > 0 && !HoldsCurve(report))
            report = report with { Curve = [.. settings.Epsilons.Select(radius => Point(radius, observer, stop))] };
        return new(report, done is null ? store?.Finish(report) : store!.Complete(report), IsNew: true) { Store = store };
    }

    private Evaluator Evaluator() => new(model, Images, settings.Batch, settings.Seed);

    private EvaluationReport Measure(IEvaluationObserver? observer, EvaluationStore? store, CancellationToken stop)
    {
        Evaluator evaluator = Evaluator();
        return evaluator.Described(evaluator.Run(Attacks, stop, observer is null ? null : observer.Progress, !settings.Each, store),
            Weights, data);
    }

    private MinimalEpsilonReport Smallest(IEvaluationObserver? observer, EvaluationStore? store, CancellationToken stop) =>
        Evaluator()
            .Smallest(NearestAttack.All(Threat.Norm, Threat.Epsilon), Threat.Norm, Threat.Epsilon, stop,
                observer is null ? null : observer.Progress, store);

    private CurvePoint Point(double radius, IEvaluationObserver? observer, CancellationToken stop)
    {
        IReadOnlyList<PlannedAttack> attacks = AttackCatalog.Of(settings.Attacks, options.Within(radius));
        return new(radius, Evaluator().Run(attacks, stop, observer is null ? null : observer.Progress, isCascade: true).WorstCaseAccuracy);
    }

    private EvaluationReport WithFindings(EvaluationReport report, IEvaluationObserver? observer, CancellationToken stop)
    {
        ImageSet some = Images.Take(settings.CheckImages ?? DefaultCheckImages);
        HonestySubject subject = new(model, some, Threat.Epsilon, Threat.Norm, settings.Batch, settings.Seed, Twin, Attacks);
        List<HonestyFinding> findings = [];
        foreach (HonestyFinding finding in HonestyChecks.All(subject))
        {
            stop.ThrowIfCancellationRequested();
            findings.Add(finding);
            observer?.Finding(finding, some.Count);
        }
        return report with { Findings = findings, CheckedImages = some.Count };
    }

    /// <summary>What was misclassified within ε by the search for the smallest changes is not robust either.</summary>
    private static EvaluationReport WithSmallest(EvaluationReport report, MinimalEpsilonReport minimal)
    {
        string doubt =
            $"the search for the smallest changes turned more images within {NumberText.Of(minimal.Epsilon)} than the attacks did "
            + $"({100 * report.WorstCaseAccuracy:F2} %): its accuracy is the worst case";
        return report with
        {
            MinimalEpsilon = minimal,
            WorstCaseAccuracy = Math.Min(report.WorstCaseAccuracy, minimal.Accuracy),
            Doubts = minimal.Accuracy < report.WorstCaseAccuracy ? [.. report.Doubts ?? [], doubt] : report.Doubts,
        };
    }

    /// <summary>All that the result depends on; weights and images by their content.</summary>
    private JsonObject Description() => new()
    {
        ["weights"] = Weights is not { } file
            ? WeightHash()
            : FileHash.Of(OnnxFiles.IsOnnx(file) ? OnnxFiles.Of(file) : [WeightPath.Parse(file).File]),
        ["set"] = Weights is null ? null : WeightPath.Parse(Weights).Set,
        ["classifier"] = ClassifierFile.Described(model.Spec),
        ["data"] = Source ?? data.Name,
        ["images"] = Images.Count,
        ["content"] = Images.ContentHash,
        ["attack"] = string.Join(',', settings.Attacks),
        ["each"] = settings.Each,
        ["epsilon"] = options.Epsilon,
        ["norm"] = NameText.Of(options.Norm),
        ["step-size"] = options.StepOf(options.Steps),
        ["steps"] = options.Steps,
        ["restarts"] = options.Restarts,
        ["queries"] = options.Queries,
        ["seed"] = settings.Seed,
        ["batch"] = settings.Batch,
        // Absent in older evaluations, which can still be resumed.
        ["precision"] = model.Device.Precision == Kernels.Devices.Precision.Float32 ? null : NameText.Of(model.Device.Precision),
    };

    /// <summary>Of a classifier that is from no file.</summary>
    private string WeightHash()
    {
        using System.Security.Cryptography.IncrementalHash hash =
            System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        foreach (NamedTensor tensor in model.Parameters.All)
            hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(tensor.Tensor.ToArray()));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Whether a report is of these weights and attacks.</summary>
    private bool IsOwn(EvaluationReport report)
    {
        bool areWeights = report.WeightsSha256 is null || Weights is null || report.WeightsSha256 == WeightPath.Sha256(Weights);
        return areWeights && report.Attacks.Select(a => (a.Name, a.Norm, a.Epsilon))
            .SequenceEqual(Attacks.Select(a => (a.Attack.Name, NameText.Of(a.Attack.Norm), a.Attack.Epsilon)));
    }

    /// <summary>Whether a finished evaluation has all that is asked for besides the attacks.</summary>
    private bool HoldsAll(EvaluationReport done) => (!settings.MinimalEpsilon || done.MinimalEpsilon is not null)
        && (!settings.Checks || HoldsChecks(done)) && (settings.Epsilons.Count == 0 || HoldsCurve(done));

    private bool HoldsChecks(EvaluationReport done) =>
        done.Findings is not null && Twin is null && done.CheckedImages == Math.Min(done.Count, settings.CheckImages ?? DefaultCheckImages);

    private bool HoldsCurve(EvaluationReport done) => settings.Epsilons.SequenceEqual((done.Curve ?? []).Select(point => point.Epsilon));

    /// <summary>Settings of attacks that none of those asked for has.</summary>
    private IEnumerable<string> Unused()
    {
        (string Name, bool IsGiven, AttackOptions Changed)[] all =
        [
            ("steps", settings.Steps is not null, options with { Steps = options.Steps + 1 }),
            ("restarts", settings.Restarts is not null, options with { Restarts = options.Restarts + 1 }),
            ("queries", settings.Queries is not null, options with { Queries = options.Queries + 1 }),
            ("step-size", settings.StepSize is not null, options with { StepSize = options.StepSize / 2 }),
        ];
        string[] unused = [.. all.Where(one => one.IsGiven && AttackCatalog.Ignores(settings.Attacks, options, one.Changed))
            .Select(one => one.Name)];
        if (unused.Length > 0)
            yield return $"{string.Join(", ", unused)}: not used by {string.Join(',', settings.Attacks)}";
    }
}
