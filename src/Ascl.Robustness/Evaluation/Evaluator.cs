using System.Diagnostics;
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
public sealed record EvaluationProgress(string Attack, int Done, int Total, (int Done, int All) Attacks, double Accuracy, double Seconds);

/// <summary>
/// Measures a classifier on images: clean accuracy, then each attack. Every adversarial image is verified to be within the ball and [0, 1]
/// and to be misclassified. The result of an image depends only on the weights, the image, its id and the seed, not on its batch.
/// </summary>
/// <param name="model">The classifier to evaluate.</param>
/// <param name="images">The images to evaluate it on.</param>
/// <param name="batchSize">Images per batch; results do not depend on it.</param>
/// <param name="seed">Seed of the random numbers of attacks.</param>
public sealed class Evaluator(Classifier model, ImageSet images, int batchSize, ulong seed)
{
    /// <summary>Number of images checked for vanished gradients.</summary>
    private const int GradientImages = 256;

    private readonly ResidentBatches batches = new(model.Device);

    /// <summary>The processes that evaluate together, each a block of the images; by default one.</summary>
    public Communicator Communicator { get; init; } = Communicator.Single;

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
        var (right, doubts) = CleanPredictions();
        bool[] robust = [.. right];
        // The built-in networks are deterministic; those of ONNX files may be stochastic.
        bool isRandom = (!model.HasGradients || attacks.Any(a => a.Attack is AutoPgdAttack { Settings.Passes: > 1 })) && IsRandom();
        List<AttackReport> reports = [];
        double secondsBefore = 0;
        foreach (var (a, planned) in attacks.Index())
        {
            int[] attacked = [.. Enumerable.Range(0, images.Count).Where(i => isCascade ? robust[i] : right[i])];
            int misclassified = 0, rejected = 0, done = 0;
            double seconds = 0;
            foreach (var (b, indices) in attacked.Chunk(Math.Min(batchSize, images.Count)).Index())
            {
                stop.ThrowIfCancellationRequested();
                ChunkOutcome? known = store?.Read(a, b, indices);
                secondsBefore += known?.Seconds ?? 0;
                ChunkOutcome outcome = known ?? Attack(planned, indices, store is not null);
                if (known is null)
                    store?.Write(a, b, indices, outcome);
                foreach (int index in outcome.Misclassified)
                    robust[index] = false;
                (misclassified, rejected, seconds, done) = (misclassified + outcome.Misclassified.Count,
                    rejected + outcome.Rejected, seconds + outcome.Seconds, done + indices.Length);
                progress?.Invoke(new(planned.Attack.Name, done, attacked.Length, (a, attacks.Count), Share(attacked.Length - misclassified),
                    seconds));
            }
            reports.Add(new(planned.Attack.Name, NameText.Of(planned.Attack.Norm), planned.Attack.Epsilon,
                planned.Attack.Steps, planned.Restarts,
                Share(attacked.Length - misclassified), attacked.Length, misclassified, rejected, seconds,
                AttackCatalog.Note(planned.Attack, model.Spec.Classes, isRandom), planned.Attack.StepSize));
        }
        double clean = Share(right.Count(r => r)), worst = Share(robust.Count(r => r));
        return new(images.Count, clean, reports, worst, Stopwatch.GetElapsedTime(began).TotalSeconds + secondsBefore, model.Spec.Network,
            images.Name, seed, model.Device.Name,
            IsCascade: isCascade, Classes: Classes(right, robust),
            Caveats: [.. doubts, .. AdversarialCheck.Caveats(reports), .. isRandom ? [LogitChecks.RandomCaveat] : Array.Empty<string>()]);
    }

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
        float[] sizes = [.. CleanPredictions().Right.Select(isRight => isRight ? float.PositiveInfinity : 0)];
        int[] attacked = [.. sizes.Index().Where(s => s.Item > 0).Select(s => s.Index)];
        double seconds = 0;
        int done = 0;
        foreach (var (b, indices) in attacked.Chunk(Math.Min(batchSize, images.Count)).Index())
        {
            stop.ThrowIfCancellationRequested();
            SizesOutcome? known = store?.ReadSizes(b, indices);
            SizesOutcome outcome = known ?? FindSmallestChanges(attacks, norm, indices);
            if (known is null)
                store?.WriteSizes(b, indices, outcome);
            foreach (var (i, index) in indices.Index())
                sizes[index] = outcome.Sizes[i];
            (seconds, done) = (seconds + outcome.Seconds, done + indices.Length);
            progress?.Invoke(new("smallest changes", done, attacked.Length, (0, 1),
                Share(sizes.Count(size => size > epsilon + AdversarialCheck.BallSlack)), seconds));
        }
        return MinimalEpsilonReport.Of([.. attacks.Select(a => a.Name)], NameText.Of(norm), sizes, epsilon, seconds);
    }

    /// <summary>The report as JSON, indented.</summary>
    public static string ToJson(EvaluationReport report) => JsonFile.Text(report, EvaluationJson.Default.EvaluationReport);

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

    /// <summary>Which images are classified correctly, and caveats about the outputs.</summary>
    private (bool[] Right, IEnumerable<string> Caveats) CleanPredictions()
    {
        List<bool> right = [];
        HashSet<int> predicted = [];
        int probabilities = 0;
        foreach (var (host, batch) in new DeviceBatches(model.Device, images, batchSize, batches))
        {
            Tensor logits = model.Forward(batch.Images, ForwardMode.Inference).Logits;
            float[] values = logits.ToArray();
            LogitChecks.RequireFinite(values, host.Ids, model.Spec.Network, images.Name);
            probabilities += LogitChecks.CountProbabilities(values, model.Spec.Classes);
            int[] predictions = logits.Predict().ToArray();
            predicted.UnionWith(predictions.Take(host.Count));
            right.AddRange(Correct(predictions, host.Labels));
        }
        return ([.. right],
            LogitChecks.Caveats(probabilities > images.Count / 2,
                [.. predicted.Select(c => images.ClassNames.ElementAtOrDefault(c) ?? $"{c}")], images));
    }

    /// <summary>Whether two passes over a batch give different logits.</summary>
    private bool IsRandom()
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        Tensor x = Upload([.. Enumerable.Range(0, Math.Min(batchSize, images.Count))]).Images;
        return !model.Forward(x, ForwardMode.Inference).Logits.ToArray()
            .SequenceEqual(model.Forward(x, ForwardMode.Inference).Logits.ToArray());
    }

    /// <summary>Runs all starts of an attack on some images; each restart attacks only the survivors.</summary>
    private ChunkOutcome Attack(PlannedAttack planned, int[] indices, bool keepsImages)
    {
        long began = Stopwatch.GetTimestamp();
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = Upload(indices);
        List<int> misclassified = [];
        List<float[]> kept = [];
        int rejected = 0;
        int[] remaining = [.. Enumerable.Range(0, indices.Length)];
        for (int restart = 0; restart < planned.Restarts && remaining.Length > 0; restart++)
        {
            using IDisposable restartScope = model.Device.Pool.BeginScope();
            ImageBatch tried = batch.Select(Padded(remaining));
            Tensor adversarial = planned.Attack.Perturb(model, tried, new RandomKey(seed, RandomPurpose.AttackStart, (uint)restart));
            bool[] stillRight = AreCorrect(adversarial, tried.Labels.ToArray());
            float[] natural = tried.Images.ToArray(), moved = adversarial.ToArray();
            List<int> survivors = [];
            foreach (var (i, index) in remaining.Index())
            {
                int image = images.ImageLength;
                bool isValid = AdversarialCheck.IsWithin(natural.AsSpan(i * image, image), moved.AsSpan(i * image, image),
                    planned.Attack.Norm, planned.Attack.Epsilon);
                rejected += isValid ? 0 : 1;
                if (stillRight[i] || !isValid)
                {
                    survivors.Add(index);
                    continue;
                }
                misclassified.Add(indices[index]);
                if (keepsImages)
                    kept.Add(moved[(i * image)..((i + 1) * image)]);
            }
            remaining = [.. survivors];
        }
        return new(misclassified, kept, rejected, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>The smallest perturbation that the attacks return for each image, among those in [0, 1] that are verified to be
    /// misclassified.</summary>
    private SizesOutcome FindSmallestChanges(IReadOnlyList<NearestAttack> attacks, PerturbationNorm norm, int[] indices)
    {
        long began = Stopwatch.GetTimestamp();
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = Upload(Padded(indices));
        float[] natural = batch.Images.ToArray();
        float[] sizes = [.. Enumerable.Repeat(float.PositiveInfinity, indices.Length)];
        foreach (NearestAttack attack in attacks)
        {
            using IDisposable attackScope = model.Device.Pool.BeginScope();
            Tensor nearest = attack.Find(model, batch, new RandomKey(seed, RandomPurpose.AttackStart));
            bool[] stillRight = AreCorrect(nearest, batch.Labels.ToArray());
            float[] moved = nearest.ToArray();
            int image = images.ImageLength;
            for (int i = 0; i < sizes.Length; i++)
                if (!stillRight[i])
                    sizes[i] = Math.Min(sizes[i],
                        (float)AdversarialCheck.Size(natural.AsSpan(i * image, image), moved.AsSpan(i * image, image), norm));
        }
        return new(sizes, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private ImageBatch Upload(int[] indices)
    {
        ImageSet chunk = images.Subset(indices);
        return batches.Of(chunk, Batch.Of(chunk));
    }

    /// <summary>Pads by repeating the last index to a multiple of a quarter batch, so that buffers are reused.</summary>
    private int[] Padded(int[] remaining)
    {
        int quarter = (Math.Min(batchSize, images.Count) + 3) / 4;
        return [.. remaining, .. Enumerable.Repeat(remaining[^1], (quarter - remaining.Length % quarter) % quarter)];
    }

    /// <summary>Which of the images are classified correctly.</summary>
    private bool[] AreCorrect(Tensor x, ReadOnlySpan<int> labels)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        return Correct(model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray(), labels);
    }

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
