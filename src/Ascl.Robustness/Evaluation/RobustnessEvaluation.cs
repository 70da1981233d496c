using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Robustness.Evaluation;

/// <summary>Receives progress and results during an evaluation.</summary>
public interface IEvaluationObserver
{
    /// <summary>Called after every batch.</summary>
    void Progress(EvaluationProgress progress);

    /// <summary>Called with the finding of each check for false robustness.</summary>
    void Finding(HonestyFinding finding, int images);

    /// <summary>Called after each corruption.</summary>
    /// <param name="accuracy">The accuracy under it.</param>
    /// <param name="done">Number of corruptions that are measured.</param>
    /// <param name="total">Number of all.</param>
    void Corruption(CorruptionAccuracy accuracy, int done, int total)
    {
    }

    /// <summary>Called with a note for the user, of one line.</summary>
    void Note(string line);
}

/// <summary>The result of an evaluation.</summary>
/// <param name="Report">The report.</param>
/// <param name="Adversarial">The adversarial images; null if they were not kept.</param>
/// <param name="IsNew">Whether anything was measured; false if the folder already held all results.</param>
public sealed record EvaluationResult(EvaluationReport Report, AdversarialImages? Adversarial, bool IsNew)
{
    /// <summary>The evaluation's folder; null if there is none.</summary>
    public EvaluationStore? Store { get; init; }
}

/// <summary>
/// The evaluation of a classifier on a data set: attacks, and on request an accuracy curve over ε, the smallest perturbations and checks
/// for false robustness. With a folder it saves adversarial images and can be resumed.
/// </summary>
public sealed class RobustnessEvaluation
{
    /// <summary>With fewer images, differences of one or two of them are not meaningful.</summary>
    public const int FewImages = 50;

    private const int DefaultCheckImages = 200;
    private readonly Classifier model;
    private readonly DataSet data;
    private readonly EvaluationSettings settings;
    private readonly AttackOptions options;
    private readonly IReadOnlyList<PlannedAttack> named;
    private readonly IReadOnlyList<PlannedAttack>? own;
    private readonly TargetChoice? target;

    /// <summary>An evaluation of a classifier on the test part of a data set.</summary>
    /// <param name="model">The classifier to evaluate.</param>
    /// <param name="data">Its test part is attacked.</param>
    /// <param name="settings">Evaluation settings; null for the defaults.</param>
    /// <param name="trained">The threat model of training; null: as recorded in the weights' provenance.</param>
    /// <exception cref="UserErrorException">Settings, model and data do not match.</exception>
    public RobustnessEvaluation(Classifier model, DataSet data, EvaluationSettings? settings = null, ThreatModel? trained = null)
    {
        (this.model, this.data, this.settings) = (model, data, (settings ?? new()).Checked());
        (Threat, options, named) = Plan(this.settings, trained ?? ThreatModel.Of(model.Provenance), model);
        target = this.settings.Target is { } text ? TargetChoice.Parse(text) : null;
        target?.CheckFits(model.Spec.Classes);
        Images = this.settings.ImagesOf(data);
        CheckFit(model, Images, model.Spec.Network, mayHaveMoreClasses: true);
        foreach (double radius in this.settings.Epsilons.Append(Threat.Epsilon))
            (Threat with { Epsilon = radius }).CheckFits(Images);
    }

    /// <summary>The weight file of the classifier; null if it is not from a file.</summary>
    public string? Weights { get; init; }

    /// <summary>Name of the images in the stored description of the evaluation; by default the data set's name.</summary>
    public string? Source { get; init; }

    /// <summary>A naturally trained classifier for transfer attacks in the checks; null for none.</summary>
    public Classifier? Twin { get; init; }

    /// <summary>Corrupted images to measure the accuracy on, too; null for none.</summary>
    public CorruptionSet? Corruptions { get; init; }

    /// <summary>The processes that evaluate together, each a block of the images; by default one. The report has the same numbers for any
    /// number of processes.</summary>
    public Communicator Communicator { get; init; } = Communicator.Single;

    /// <summary>The threat model of the attacks.</summary>
    public ThreatModel Threat { get; }

    /// <summary>The attacks, in the order of execution: by default those that the settings name; others, such as one's own, replace
    /// them.</summary>
    /// <exception cref="UserErrorException">There are none, one does not fit the classifier or the threat model, or the settings ask for
    /// other ε, for which given attacks cannot be repeated.</exception>
    public IReadOnlyList<PlannedAttack> Attacks
    {
        get => own ?? named;
        init
        {
            Threat.CheckAttacks(value, settings.Epsilons);
            AttackCatalog.CheckGradients(model, value.Select(planned => planned.Attack));
            if (target is not null)
                AttackCatalog.CheckTargets(value.Select(planned => planned.Attack));
            own = value;
        }
    }

    /// <summary>The images to evaluate.</summary>
    public ImageSet Images { get; }

    /// <summary>Notes for the user about data and settings, one line each.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. data.Notes.Select(note => $"{data.Name}: {note}"), .. Threat.Caveat is { } doubt ? [doubt] : Array.Empty<string>(),
        .. ClassCoverage.Notes("test", Images, data.Test), .. Unused(),
    ];

    /// <summary>Creates the attacks that the settings name, which reports invalid settings before any data or model is needed.</summary>
    /// <param name="trained">The threat model of training; null if unknown.</param>
    /// <param name="model">The classifier to evaluate; null if it is not loaded yet.</param>
    /// <exception cref="UserErrorException">An attack or radius is invalid, or an attack needs gradients that the model does not
    /// provide.</exception>
    public static (ThreatModel Threat, AttackOptions Options, IReadOnlyList<PlannedAttack> Attacks) Plan(
        EvaluationSettings settings, ThreatModel? trained, Classifier? model = null)
    {
        ThreatModel threat = settings.BallOf(trained);
        foreach (double radius in settings.Epsilons)
            (threat with { Epsilon = radius }).Checked();
        AttackOptions options = settings.Options(threat);
        IReadOnlyList<PlannedAttack> attacks = AttackCatalog.Of(settings.Attacks, options);
        if (settings.Target is not null)
        {
            TargetChoice.Parse(settings.Target);
            AttackCatalog.CheckTargets(attacks.Select(planned => planned.Attack));
        }
        if (model is not null)
            AttackCatalog.CheckGradients(model, [.. attacks.Select(planned => planned.Attack)],
                settings.MinimalEpsilon ? "minimal-epsilon" : settings.Checks ? "checks" : null);
        return (threat, options, attacks);
    }

    /// <summary>Checks that a classifier matches the size, channels and classes of images.</summary>
    /// <param name="file">Name of the classifier, for messages.</param>
    /// <param name="mayHaveMoreClasses">Whether the network may have more classes than the data, because files of labels only tell the
    /// classes that occur in them.</param>
    /// <exception cref="UserErrorException">They do not match.</exception>
    public static void CheckFit(Classifier model, ImageSet images, string file, bool mayHaveMoreClasses)
    {
        if (model.Spec.Classes < 2)
            throw new UserErrorException($"{file}: the network has one class; at least two are needed");
        if (model.Spec.Channels != images.Channels)
            throw new UserErrorException($"{file}: the network takes images of {model.Spec.Channels} channels, {images.Name} has "
                + $"{images.Channels}");
        if (model.Spec.Classes < images.ClassNames.Count || (model.Spec.Classes > images.ClassNames.Count && !mayHaveMoreClasses))
            throw new UserErrorException($"{file}: the network has {model.Spec.Classes} classes, {images.Name} has "
                + $"{images.ClassNames.Count}");
        if (model.ImageSize is { } size && size != (images.Height, images.Width))
            throw new UserErrorException($"{file}: the network takes images of {size.Height}x{size.Width} pixels, {images.Name} has "
                + $"{images.Height}x{images.Width}");
    }

    /// <summary>Runs the evaluation. Collective.</summary>
    /// <param name="folder">Folder for adversarial images and results, from which a stopped evaluation is resumed; null for none.</param>
    /// <param name="observer">Receives progress and findings; null for none.</param>
    /// <param name="stop">Stops the evaluation; completed batches remain in the folder.</param>
    /// <exception cref="UserErrorException">The folder holds something else, or a file cannot be written.</exception>
    public EvaluationResult Run(string? folder = null, IEvaluationObserver? observer = null, CancellationToken stop = default)
    {
        JsonObject description = Description();
        Communicator.RequireSame(
        [
            ("build of ascl", typeof(RobustnessEvaluation).Module.ModuleVersionId.ToString()), ("evaluation", description.ToJsonString()),
            ("instruction set", model.Device.InstructionSet),
        ]);
        EvaluationStore? store = folder is null ? null : Open(folder, description);
        EvaluationReport? done = store?.ReadReport();
        if (done is not null && HasAllResults(done))
        {
            observer?.Note($"{folder} already holds this evaluation; nothing was attacked again");
            return new(done, null, IsNew: false) { Store = store };
        }
        if (done is null && store?.Batches > 0)
            observer?.Note($"{folder}: resuming after {store.Batches} batches");
        EvaluationReport report = done ?? Measure(observer, store, stop);
        // Results of a finished evaluation that are not requested again are kept.
        if (settings.MinimalEpsilon && report.MinimalEpsilon is null)
            report = WithSmallest(report, FindSmallestChanges(observer, store, stop));
        if (settings.Epsilons.Count > 0 && !HasCurve(report))
            report = report with { Curve = [.. settings.Epsilons.Select(radius => CurvePointAt(radius, observer, stop))] };
        EvaluationStore? written = Communicator.IsMain ? store : null;
        AdversarialImages? adversarial = done is null ? written?.Finish(report) : written?.ReadAdversarial();
        if (Corruptions is { } corruptions)
            report = WithCorruptions(report, corruptions, observer, written, stop);
        if (!Communicator.IsMain)
            return new(report, null, IsNew: true);
        // Rank 0 alone, at the end, so that nobody waits for it.
        if (settings.Checks && !HasChecks(report))
            report = WithFindings(report, observer, stop);
        written?.Complete(report);
        return new(report, adversarial, IsNew: true) { Store = store };
    }

    /// <summary>Runs the attacks on one of several parts of the images, without the other parts, and saves the outcome in the folder.
    /// <see cref="Run"/> with the same folder puts the report together, and runs what no part has done.</summary>
    /// <param name="part">The part, from 0.</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="folder">Folder that all parts share.</param>
    /// <param name="observer">Receives progress; null for none.</param>
    /// <param name="stop">Stops the evaluation; completed batches remain in the folder.</param>
    /// <returns>Number of images in the part.</returns>
    /// <exception cref="UserErrorException">The folder holds something else, or a file cannot be written.</exception>
    public int RunPart(int part, int parts, string folder, IEvaluationObserver? observer = null, CancellationToken stop = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(part, parts);
        EvaluationStore store = Open(folder, Description());
        Range block = ShardTree.Part(Images.Count, part, parts);
        if (store.ReadReport() is null)
        {
            Action<EvaluationProgress>? progress = observer is null ? null : observer.Progress;
            Evaluator().RunPart(block, Attacks, store, stop, progress, !settings.Each);
            if (settings.MinimalEpsilon)
                Evaluator().FindSmallestPart(block, NearestAttack.All(Threat.Norm, Threat.Epsilon), Threat.Norm, Threat.Epsilon, store,
                    stop, progress);
        }
        return block.End.Value - block.Start.Value;
    }

    /// <summary>Opens the folder: first on rank 0, which creates it. Collective.</summary>
    private EvaluationStore Open(string folder, JsonObject description)
    {
        EvaluationStore? own = Communicator.Together(() =>
            Communicator.IsMain ? EvaluationStore.Open(folder, description, Images) : null);
        return Communicator.Together(() =>
        {
            EvaluationStore store = own ?? EvaluationStore.Open(folder, description, Images);
            return store.ReadReport() is { } done && !IsOfThisEvaluation(done)
                ? throw new UserErrorException($"{store.ReportFile}: is not of the evaluation in {folder}, but of other weights or "
                    + "attacks: choose another folder")
                : store;
        });
    }

    private Evaluator Evaluator() => new(model, Images, settings.Batch, settings.Seed) { Communicator = Communicator, Target = target };

    private EvaluationReport Measure(IEvaluationObserver? observer, EvaluationStore? store, CancellationToken stop)
    {
        Evaluator evaluator = Evaluator();
        return evaluator.Annotate(evaluator.Run(Attacks, stop, observer is null ? null : observer.Progress, !settings.Each, store),
            Weights, data);
    }

    private MinimalEpsilonReport FindSmallestChanges(IEvaluationObserver? observer, EvaluationStore? store, CancellationToken stop) =>
        Evaluator()
            .FindSmallestChanges(NearestAttack.All(Threat.Norm, Threat.Epsilon), Threat.Norm, Threat.Epsilon, stop,
                observer is null ? null : observer.Progress, store);

    private CurvePoint CurvePointAt(double radius, IEvaluationObserver? observer, CancellationToken stop)
    {
        IReadOnlyList<PlannedAttack> attacks = AttackCatalog.Of(settings.Attacks, options.Within(radius));
        return new(radius, Evaluator().Run(attacks, stop, observer is null ? null : observer.Progress, isCascade: true).WorstCaseAccuracy);
    }

    /// <summary>Measures the corruptions that the report lacks, and saves the report after each.</summary>
    private EvaluationReport WithCorruptions(
        EvaluationReport report, CorruptionSet set, IEvaluationObserver? observer, EvaluationStore? store, CancellationToken stop)
    {
        List<CorruptionAccuracy> measured = [.. Measured(report, set)];
        foreach (string name in set.Names.Where(name => measured.All(one => one.Name != name)))
        {
            List<double> accuracies = [];
            foreach (ImageSet images in Communicator.Together(() => set.Read(name, settings.Limit)))
            {
                stop.ThrowIfCancellationRequested();
                CheckFit(model, images, model.Spec.Network, mayHaveMoreClasses: true);
                accuracies.Add(new Evaluator(model, images, settings.Batch, settings.Seed) { Communicator = Communicator }.CleanAccuracy());
            }
            measured.Add(new(name, accuracies));
            observer?.Corruption(measured[^1], measured.Count, set.Names.Count);
            report = report with
            {
                Corruptions = new(NameOf(set), CountOf(set), [.. measured.OrderBy(one => one.Name, StringComparer.Ordinal)]),
            };
            store?.Complete(report);
        }
        return report;
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

    /// <summary>Images for which the search found perturbations within ε are not robust either.</summary>
    private static EvaluationReport WithSmallest(EvaluationReport report, MinimalEpsilonReport minimal)
    {
        string doubt =
            $"the search for the smallest perturbations broke more images within {NumberText.Of(minimal.Epsilon)} than the attacks did "
                + $"({100 * report.WorstCaseAccuracy:F2} %): the worst-case accuracy is that of the search";
        return report with
        {
            MinimalEpsilon = minimal,
            WorstCaseAccuracy = Math.Min(report.WorstCaseAccuracy, minimal.Accuracy),
            Caveats = minimal.Accuracy < report.WorstCaseAccuracy ? [.. report.Caveats ?? [], doubt] : report.Caveats,
        };
    }

    /// <summary>All settings that the result depends on; weights and images by content hash.</summary>
    private JsonObject Description() => new()
    {
        ["weights"] = Weights is not { } file
            ? model.WeightHash()
            : FileHash.Of(OnnxFiles.IsOnnx(file) ? OnnxFiles.Of(file) : [WeightPath.Parse(file).File]),
        ["set"] = Weights is null ? null : WeightPath.Parse(Weights).Set,
        ["classifier"] = ClassifierFile.Described(model.Spec),
        ["data"] = Source ?? data.Name,
        ["images"] = Images.Count,
        ["content"] = Images.ContentHash,
        ["attack"] = own is null ? string.Join(',', settings.Attacks) : string.Join("; ", own.Select(AttackDescription.Text)),
        ["each"] = settings.Each,
        ["epsilon"] = options.Epsilon,
        ["norm"] = NameText.Of(options.Norm),
        ["step-size"] = options.StepSizeFor(options.Steps),
        ["steps"] = options.Steps,
        ["restarts"] = options.Restarts,
        ["queries"] = options.Queries,
        ["seed"] = settings.Seed,
        ["batch"] = settings.Batch,
        // These two are absent in older evaluations, which can still be resumed.
        ["target"] = settings.Target,
        ["precision"] = model.Device.Precision == Kernels.Devices.Precision.Float32 ? null : NameText.Of(model.Device.Precision),
    };

    /// <summary>Whether a report has these weights and attacks.</summary>
    private bool IsOfThisEvaluation(EvaluationReport report)
    {
        bool areWeights = report.WeightsSha256 is null || Weights is null || report.WeightsSha256 == WeightPath.Sha256(Weights);
        return areWeights && report.Attacks.Select(a => (a.Name, a.Norm, a.Epsilon))
            .SequenceEqual(Attacks.Select(a => (a.Attack.Name, NameText.Of(a.Attack.Norm), a.Attack.Epsilon)));
    }

    /// <summary>Whether a finished evaluation has all requested results besides the attacks.</summary>
    private bool HasAllResults(EvaluationReport done) => (!settings.MinimalEpsilon || done.MinimalEpsilon is not null)
        && (!settings.Checks || HasChecks(done)) && (settings.Epsilons.Count == 0 || HasCurve(done))
        && (Corruptions is null || Corruptions.Names.SequenceEqual(Measured(done, Corruptions).Select(corruption => corruption.Name)));

    /// <summary>The corruptions of a set that a report has already.</summary>
    private IReadOnlyList<CorruptionAccuracy> Measured(EvaluationReport report, CorruptionSet set) =>
        report.Corruptions is { } earlier && (earlier.Folder, earlier.Count) == (NameOf(set), CountOf(set)) ? earlier.Corruptions : [];

    private static string NameOf(CorruptionSet set) => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(set.Directory)));

    private int CountOf(CorruptionSet set) => Math.Min(set.Count, settings.Limit ?? set.Count);

    private bool HasChecks(EvaluationReport done) =>
        done.Findings is not null && Twin is null && done.CheckedImages == Math.Min(done.Count, settings.CheckImages ?? DefaultCheckImages);

    private bool HasCurve(EvaluationReport done) => settings.Epsilons.SequenceEqual((done.Curve ?? []).Select(point => point.Epsilon));

    /// <summary>A note about attack settings that none of the attacks uses.</summary>
    private IEnumerable<string> Unused()
    {
        (string Name, bool IsGiven, AttackOptions Changed)[] all =
        [
            ("steps", settings.Steps is not null, options with { Steps = options.Steps + 1 }),
            ("restarts", settings.Restarts is not null, options with { Restarts = options.Restarts + 1 }),
            ("queries", settings.Queries is not null, options with { Queries = options.Queries + 1 }),
            ("step-size", settings.StepSize is not null, options with { StepSize = options.StepSize / 2 }),
        ];
        string[] unused = [.. all
            .Where(one => one.IsGiven && (own is not null || AttackCatalog.Ignores(settings.Attacks, options, one.Changed)))
            .Select(one => one.Name)];
        if (unused.Length > 0)
            yield return $"{string.Join(", ", unused)}: not used by "
                + string.Join(',', own is null ? settings.Attacks : own.Select(planned => planned.Attack.Name));
    }
}
