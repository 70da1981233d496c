using System.Diagnostics;
using System.Runtime.InteropServices;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Files;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

/// <summary>Progress of an evaluation.</summary>
/// <param name="Attack">Name of the current attack.</param>
/// <param name="Done">Images attacked so far.</param>
/// <param name="Total">Images to attack.</param>
/// <param name="Attacks">Number of completed attacks, and of all.</param>
/// <param name="Accuracy">Fraction of all images, minus those that this attack has made misclassified so far.</param>
/// <param name="Seconds">Time spent on the images attacked so far, including earlier processes.</param>
/// <param name="IsTargeted">Whether only images count as misclassified that are predicted as their target.</param>
public sealed record EvaluationProgress(string Attack, int Done, int Total, (int Done, int All) Attacks, double Accuracy, double Seconds,
    bool IsTargeted = false);

/// <summary>
/// Measures a classifier on images: clean accuracy, then each attack. Every adversarial image is verified to be within the ball and [0, 1]
/// and to be misclassified. The result of an image depends only on the weights, the image, its id and the seed, not on its batch.
/// </summary>
/// <param name="model">The classifier to evaluate.</param>
/// <param name="images">The images to evaluate it on.</param>
/// <param name="batchSize">Images per batch; results do not depend on it.</param>
/// <param name="seed">Seed of the random numbers of attacks.</param>
public sealed partial class Evaluator(Classifier model, ImageSet images, int batchSize, ulong seed)
{
    /// <summary>Number of images checked for vanished gradients.</summary>
    private const int GradientImages = 256;

    private readonly ResidentBatches batches = new(model.Device);

    /// <summary>The processes that evaluate together, each a block of the images; by default one.</summary>
    public Communicator Communicator { get; init; } = Communicator.Single;

    /// <summary>The classes that attacks are to lead images to; null: every class but the label will do.</summary>
    public TargetChoice? Target { get; init; }

    /// <summary>Measures clean accuracy and runs the attacks.</summary>
    /// <param name="attacks">In the order of the report; each starts from the clean images.</param>
    /// <param name="stop">Ends the evaluation without a report.</param>
    /// <param name="progress">Called after every batch.</param>
    /// <param name="isCascade">Whether each attack runs only on images that survived the previous ones, as in Auto-Attack; otherwise on
    /// every correctly classified image.</param>
    /// <param name="store">Saves adversarial images and lets a stopped evaluation resume; null for neither.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">A setting of an attack is out of range.</exception>
    public EvaluationReport Run(IReadOnlyList<PlannedAttack> attacks, CancellationToken stop, Action<EvaluationProgress>? progress = null,
        bool isCascade = false, EvaluationStore? store = null)
    {
        long began = Stopwatch.GetTimestamp();
        foreach (PlannedAttack planned in attacks)
            planned.Attack.Checked();
        if (Target is not null)
            AttackCatalog.CheckTargets(attacks.Select(planned => planned.Attack));
        CleanOutcome clean = CleanOutcome.Gather(Communicator, CleanPredictions(OwnBlock));
        bool[] right = clean.Right;
        // ONNX Runtime does not say whether a network is stochastic.
        bool isRandom = (model.IsStochastic || !model.HasGradients || attacks.Any(a => a.Attack is AutoPgdAttack { Settings.Passes: > 1 }))
            && IsRandom();
        BlockOutcome[] blocks = BlockOutcome.Gather(Communicator,
            AttackBlock(OwnBlock, attacks, right[OwnBlock], stop, progress, isCascade, store));
        bool[] robust = [.. blocks.SelectMany(block => block.Robust)];
        List<AttackReport> reports = [];
        foreach (var (a, planned) in attacks.Index())
        {
            AttackTally tally = blocks.Select(block => block.Attacks[a]).Aggregate((sum, block) => sum + block);
            reports.Add(new(planned.Attack.Name, NameText.Of(planned.Attack.Norm), planned.Attack.Epsilon,
                planned.Attack.Steps, planned.Restarts,
                Share(tally.Attacked - tally.Misclassified), tally.Attacked, tally.Misclassified, tally.Rejected, tally.Seconds,
                AttackCatalog.Note(planned.Attack, model.Spec.Classes, isRandom), planned.Attack.StepSize));
        }
        double secondsBefore = blocks.Max(block => block.Attacks.Sum(attack => attack.SecondsBefore));
        int leftOut = blocks.Sum(block => block.LeftOut);
        double accuracy = Share(right.Count(r => r)), worst = Share(robust.Count(r => r) - leftOut);
        TargetedReport? targeted = Target is null
            ? null
            : new($"{Target}", right.Count(r => r) - leftOut, right.Count(r => r) - robust.Count(r => r), leftOut);
        return new(images.Count, accuracy, reports, worst, Stopwatch.GetElapsedTime(began).TotalSeconds + secondsBefore, model.Spec.Network,
            images.Name, seed, model.Device.Name,
            IsCascade: isCascade, Classes: targeted is null ? Classes(right, robust) : null, Targeted: targeted,
            Caveats:
            [
                .. Caveats(clean), .. TargetedCaveat(targeted), .. AdversarialCheck.Caveats(reports),
                .. isRandom ? [LogitChecks.RandomCaveat] : Array.Empty<string>(),
            ]);
    }

    /// <summary>Measures clean accuracy only. Collective.</summary>
    public double CleanAccuracy() =>
        Share(CleanOutcome.Gather(Communicator, CleanPredictions(OwnBlock)).Right.Count(isRight => isRight));

    /// <summary>Runs the attacks on one of several parts of the images and saves the outcome in the store, from which a later
    /// <see cref="Run"/> puts the report together. Parts need not know of each other.</summary>
    /// <param name="block">The images of the part.</param>
    public void RunPart(Range block, IReadOnlyList<PlannedAttack> attacks, EvaluationStore store, CancellationToken stop,
        Action<EvaluationProgress>? progress = null, bool isCascade = false) =>
        AttackBlock(block, attacks, CleanPredictions(block).Right, stop, progress, isCascade, store);

    /// <summary>As <see cref="RunPart"/>, for the smallest adversarial perturbations.</summary>
    /// <param name="block">The images of the part.</param>
    public void FindSmallestPart(Range block, IReadOnlyList<NearestAttack> attacks, PerturbationNorm norm, double epsilon,
        EvaluationStore store, CancellationToken stop, Action<EvaluationProgress>? progress = null) =>
        FindSmallestChanges(attacks, norm, epsilon, CleanPredictions(block).Right, block, stop, progress, store);

    /// <summary>Adds to a report what is known about its weights and images, and the resulting caveats.</summary>
    /// <param name="weights">The weight file of the classifier; null if it is not from a file.</param>
    /// <param name="data">The data set whose test part the images are from.</param>
    public EvaluationReport Annotate(EvaluationReport report, string? weights, DataSet data) => report with
    {
        Weights = weights,
        WeightsSha256 = weights is null ? null : WeightPath.Sha256(weights),
        Data = data.Name,
        Normalization = InputNormalization.Text(model.Spec.Mean, model.Spec.Std),
        Part = data.HasTestPart ? "test" : "train",
        TrainedOn = TrainedOn(model, images),
        Caveats =
        [
            .. report.Caveats ?? [], .. model.HasGradients ? LogitChecks.VanishedGradientCaveat(VanishedShare()) : [], .. SizeCaveat(),
        ],
    };

    /// <summary>Searches for the smallest adversarial perturbation of each correctly classified image. What the attacks return is verified
    /// and measured independently.</summary>
    /// <param name="epsilon">ε of the evaluation, for which the report gives the accuracy too.</param>
    public MinimalEpsilonReport FindSmallestChanges(IReadOnlyList<NearestAttack> attacks, PerturbationNorm norm, double epsilon,
        CancellationToken stop, Action<EvaluationProgress>? progress = null, EvaluationStore? store = null)
    {
        SizesOutcome own = FindSmallestChanges(attacks, norm, epsilon, CleanPredictions(OwnBlock).Right, OwnBlock, stop, progress, store);
        // Of each block the sizes, then the seconds.
        float[][] blocks = [.. Communicator.Gather(MemoryMarshal.AsBytes<float>([.. own.Sizes, (float)own.Seconds]))
            .Select(bytes => MemoryMarshal.Cast<byte, float>(bytes).ToArray())];
        return MinimalEpsilonReport.Of([.. attacks.Select(attack => attack.Name)], NameText.Of(norm), [.. blocks.SelectMany(b => b[..^1])],
            epsilon, blocks.Sum(b => b[^1]));
    }

    /// <summary>The report as JSON, indented.</summary>
    public static string ToJson(EvaluationReport report) => JsonFile.Text(report, EvaluationJson.Default.EvaluationReport);

    /// <summary>The images that this process attacks.</summary>
    private Range OwnBlock => ShardTree.Part(images.Count, Communicator.Rank, Communicator.Size);

    private double Share(int count) => (double)count / images.Count;

    /// <summary>How many of some images a classifier was trained on or selected by; null if unknown.</summary>
    public static int? TrainedOn(Classifier model, ImageSet images) => model.Provenance?.CountOf(images.Size, images.PixelHashes());

    private IEnumerable<string> SizeCaveat() => model.Provenance is { } known && !known.Size.SequenceEqual(images.Size)
        ? [$"the weights were trained on images of {string.Join("x", known.Size)}, these are {string.Join("x", images.Size)}: whether they "
            + "were trained on resized versions of some of these is unknown"]
        : [];

    /// <summary>Fraction of the first images whose cross-entropy gradient has vanished.</summary>
    private double VanishedShare()
    {
        ImageSet first = images.Take(GradientImages);
        int vanished = 0;
        foreach (var (_, batch) in new DeviceBatches(model.Device, first, batchSize, batches))
            vanished += VanishedGradients.CountIn(model, batch);
        return (double)vanished / first.Count;
    }

    private IEnumerable<string> Caveats(CleanOutcome clean) => LogitChecks.Caveats(clean.Probabilities > images.Count / 2,
        [.. clean.Predicted.Select(c => images.ClassNames.ElementAtOrDefault(c) ?? $"{c}")], images);

    /// <summary>Whether two passes over a batch give different logits.</summary>
    private bool IsRandom()
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        Tensor x = Upload([.. Enumerable.Range(0, Math.Min(batchSize, images.Count))]).Images;
        return !model.Forward(x, ForwardMode.Inference).Logits.ToArray()
            .SequenceEqual(model.Forward(x, ForwardMode.Inference).Logits.ToArray());
    }

    private static IEnumerable<string> TargetedCaveat(TargetedReport? targeted) => targeted is null
        ? []
        : [$"targeted attacks (target: {targeted.Target}): an image counts as flipped only if it is predicted as its target, so that this "
            + "is no robust accuracy"
            + (targeted.LeftOut > 0 ? $"; {targeted.LeftOut} images whose label is their target were left out" : "")];

    private static bool[] Correct(int[] predictions, ReadOnlySpan<int> labels)
    {
        bool[] correct = new bool[predictions.Length];
        for (int i = 0; i < correct.Length; i++)
            correct[i] = predictions[i] == labels[i];
        return correct;
    }

    private ClassReport[] Classes(bool[] right, bool[] robust)
    {
        int[] labels = images.Labels.ToArray();
        ILookup<int, int> members = Enumerable.Range(0, labels.Length).ToLookup(i => labels[i]);
        return [.. images.ClassNames.Select((name, c) => new ClassReport(name, members[c].Count(), Accuracy(right, members[c]),
            Accuracy(robust, members[c])))];

        static double Accuracy(bool[] holds, IEnumerable<int> indices) =>
            indices.Select(i => holds[i] ? 1.0 : 0).DefaultIfEmpty(0).Average();
    }
}
