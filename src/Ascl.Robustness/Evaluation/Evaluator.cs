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

/// <summary>How far an evaluation is.</summary>
/// <param name="Attack">At work.</param>
/// <param name="Done">Images that it has been tried on.</param>
/// <param name="Total">Images that it will be tried on.</param>
/// <param name="Attacks">Attacks done before it, and all.</param>
/// <param name="Accuracy">Share of all images that it has not turned so far.</param>
/// <param name="Seconds">Time it took for those done, in earlier processes too.</param>
public sealed record EvaluationProgress(string Attack, int Done, int Total, (int Done, int All) Attacks, double Accuracy, double Seconds);

/// <summary>
/// Measures a classifier on images: clean accuracy, then each attack. Every adversarial image is checked again: within the ball, in [0, 1],
/// and really misclassified. An image's result depends on nothing but the weights, the image, its id and the seed; not on the batch it is
/// in.
/// </summary>
public sealed class Evaluator(Classifier model, ImageSet images, int batchSize, ulong seed)
{
    /// <summary>Looked at for gradients that vanish.</summary>
    private const int GradientImages = 256;

    private readonly ResidentBatches batches = new(model.Device);

    /// <summary>The processes that evaluate together, each a block of the images; by default one.</summary>
    public Communicator Communicator { get; init; } = Communicator.Single;

    /// <param name="attacks">In the order of the report; each begins from the clean images.</param>
    /// <param name="stop">Ends the evaluation without a report.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="isCascade">Each attack is tried only on what those before it have left, as in Auto-Attack; else on every image that was
    /// right.</param>
    /// <param name="store">Keeps adversarial images, and lets an evaluation go on that was stopped; null for neither.</param>
    public EvaluationReport Run(IReadOnlyList<PlannedAttack> attacks, CancellationToken stop, Action<EvaluationProgress>? progress = null,
        bool isCascade = false, EvaluationStore? store = null)
    {
        long began = Stopwatch.GetTimestamp();
        var (right, doubts) = Right();
        bool[] robust = [.. right];
        // The networks of the catalogue are not random; what a file of somebody's holds may be.
        bool isRandom = (!model.HasGradients || attacks.Any(a => a.Attack is AutoPgdAttack { Settings.Passes: > 1 })) && IsRandom();
        List<AttackReport> reports = [];
        double secondsBefore = 0;
        foreach (var (a, planned) in attacks.Index())
        {
            int[] attacked = [.. Enumerable.Range(0, images.Count).Where(i => isCascade ? robust[i] : right[i])];
            int turned = 0, rejected = 0, done = 0;
            double seconds = 0;
            foreach (var (b, places) in attacked.Chunk(Math.Min(batchSize, images.Count)).Index())
            {
                stop.ThrowIfCancellationRequested();
                ChunkOutcome? known = store?.Read(a, b, places);
                secondsBefore += known?.Seconds ?? 0;
                ChunkOutcome outcome = known ?? Attack(planned, places, store is not null);
                if (known is null)
                    store?.Write(a, b, places, outcome);
                foreach (int place in outcome.Turned)
                    robust[place] = false;
                (turned, rejected, seconds, done) = (turned + outcome.Turned.Count, rejected + outcome.Rejected, seconds + outcome.Seconds,
                    done + places.Length);
                progress?.Invoke(new(planned.Attack.Name, done, attacked.Length, (a, attacks.Count), Share(attacked.Length - turned),
                    seconds));
            }
            reports.Add(new(planned.Attack.Name, NameText.Of(planned.Attack.Norm), planned.Attack.Epsilon,
                planned.Attack.Steps, planned.Restarts,
                Share(attacked.Length - turned), attacked.Length, turned, rejected, seconds,
                AttackCatalog.Note(planned.Attack, model.Spec.Classes, isRandom), planned.Attack.StepSize));
        }
        double clean = Share(right.Count(r => r)), worst = Share(robust.Count(r => r));
        return new(images.Count, clean, reports, worst, Stopwatch.GetElapsedTime(began).TotalSeconds + secondsBefore, model.Spec.Network,
            images.Name, seed, model.Device.Name,
            IsCascade: isCascade, Classes: Classes(right, robust),
            Doubts: [.. doubts, .. isRandom ? [LogitChecks.Random] : Array.Empty<string>()]);
    }

    /// <summary>The report with what is known of its weights and images, and the doubts that follow from it.</summary>
    /// <param name="weights">The file the classifier is from; null where it is from none.</param>
    /// <param name="data">What the images are the test part of, or some of it.</param>
    public EvaluationReport Described(EvaluationReport report, string? weights, DataSet data) => report with
    {
        Weights = weights,
        WeightsSha256 = weights is null ? null : WeightPath.Sha256(weights),
        Data = data.Name,
        Normalization = InputNormalization.Text(model.Spec.Mean, model.Spec.Std),
        Part = data.HasTestPart ? "test" : "train",
        TrainedOn = TrainedOn(model, images),
        Doubts = [.. report.Doubts ?? [], .. model.HasGradients ? LogitChecks.Vanished(VanishedShare()) : [], .. OtherSize()],
    };

    /// <summary>How small a change turns each image that is right. What an attack returns is checked and measured again.</summary>
    /// <param name="epsilon">Of the evaluation: where the report tells the accuracy too.</param>
    public MinimalEpsilonReport Smallest(IReadOnlyList<NearestAttack> attacks, PerturbationNorm norm, double epsilon,
        CancellationToken stop, Action<EvaluationProgress>? progress = null, EvaluationStore? store = null)
    {
        float[] sizes = [.. Right().Right.Select(isRight => isRight ? float.PositiveInfinity : 0)];
        int[] attacked = [.. sizes.Index().Where(s => s.Item > 0).Select(s => s.Index)];
        double seconds = 0;
        int done = 0;
        foreach (var (b, places) in attacked.Chunk(Math.Min(batchSize, images.Count)).Index())
        {
            stop.ThrowIfCancellationRequested();
            SizesOutcome? known = store?.ReadSizes(b, places);
            SizesOutcome outcome = known ?? Smallest(attacks, norm, places);
            if (known is null)
                store?.WriteSizes(b, places, outcome);
            foreach (var (i, place) in places.Index())
                sizes[place] = outcome.Sizes[i];
            (seconds, done) = (seconds + outcome.Seconds, done + places.Length);
            progress?.Invoke(new("smallest changes", done, attacked.Length, (0, 1),
                Share(sizes.Count(size => size > epsilon + AdversarialCheck.BallSlack)), seconds));
        }
        return MinimalEpsilonReport.Of([.. attacks.Select(a => a.Name)], NameText.Of(norm), sizes, epsilon, seconds);
    }

    /// <summary>The report as JSON, indented.</summary>
    public static string ToJson(EvaluationReport report) => JsonFile.Text(report, EvaluationJson.Default.EvaluationReport);

    private double Share(int count) => (double)count / images.Count;

    /// <summary>How many of some images a classifier was trained on or chosen by; null where it is not known.</summary>
    public static int? TrainedOn(Classifier model, ImageSet images) => model.Provenance?.CountOf(images.Size, images.PixelHashes());

    private IEnumerable<string> OtherSize() => model.Provenance is { } known && !known.Size.SequenceEqual(images.Size)
        ? [$"the weights were trained on images of {string.Join("x", known.Size)}, these are {string.Join("x", images.Size)}: whether they "
            + "have learned some of them in another size cannot be told"]
        : [];

    /// <summary>Share of the first images at which cross-entropy has no gradient.</summary>
    private double VanishedShare()
    {
        ImageSet first = images.Take(GradientImages);
        int vanished = 0;
        foreach (var (_, batch) in new DeviceBatches(model.Device, first, batchSize, batches))
            vanished += VanishedGradients.CountIn(model, batch);
        return (double)vanished / first.Count;
    }

    /// <summary>Which images are predicted right, and what is odd about the outputs.</summary>
    private (bool[] Right, IEnumerable<string> Doubts) Right()
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
            LogitChecks.Doubts(probabilities > images.Count / 2,
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

    /// <summary>All starts of an attack on some images; a restart only sees those that survived the ones before it.</summary>
    private ChunkOutcome Attack(PlannedAttack planned, int[] places, bool keepsImages)
    {
        long began = Stopwatch.GetTimestamp();
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = Upload(places);
        List<int> turned = [];
        List<float[]> kept = [];
        int rejected = 0;
        int[] left = [.. Enumerable.Range(0, places.Length)];
        for (int restart = 0; restart < planned.Restarts && left.Length > 0; restart++)
        {
            using IDisposable restartScope = model.Device.Pool.BeginScope();
            ImageBatch tried = batch.Select(Padded(left));
            Tensor adversarial = planned.Attack.Perturb(model, tried, new RandomKey(seed, RandomPurpose.AttackStart, (uint)restart));
            bool[] stillRight = Predicted(adversarial, tried.Labels.ToArray());
            float[] natural = tried.Images.ToArray(), moved = adversarial.ToArray();
            List<int> survivors = [];
            foreach (var (i, place) in left.Index())
            {
                int image = images.ImageLength;
                bool isValid = AdversarialCheck.IsWithin(natural.AsSpan(i * image, image), moved.AsSpan(i * image, image),
                    planned.Attack.Norm, planned.Attack.Epsilon);
                rejected += isValid ? 0 : 1;
                if (stillRight[i] || !isValid)
                {
                    survivors.Add(place);
                    continue;
                }
                turned.Add(places[place]);
                if (keepsImages)
                    kept.Add(moved[(i * image)..((i + 1) * image)]);
            }
            left = [.. survivors];
        }
        return new(turned, kept, rejected, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>The least size of what the attacks return for each image: of those in [0, 1] that are really misclassified.</summary>
    private SizesOutcome Smallest(IReadOnlyList<NearestAttack> attacks, PerturbationNorm norm, int[] places)
    {
        long began = Stopwatch.GetTimestamp();
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = Upload(Padded(places));
        float[] natural = batch.Images.ToArray();
        float[] sizes = [.. Enumerable.Repeat(float.PositiveInfinity, places.Length)];
        foreach (NearestAttack attack in attacks)
        {
            using IDisposable attackScope = model.Device.Pool.BeginScope();
            Tensor nearest = attack.Find(model, batch, new RandomKey(seed, RandomPurpose.AttackStart));
            bool[] stillRight = Predicted(nearest, batch.Labels.ToArray());
            float[] moved = nearest.ToArray();
            int image = images.ImageLength;
            for (int i = 0; i < sizes.Length; i++)
                if (!stillRight[i])
                    sizes[i] = Math.Min(sizes[i],
                        (float)AdversarialCheck.Size(natural.AsSpan(i * image, image), moved.AsSpan(i * image, image), norm));
        }
        return new(sizes, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private ImageBatch Upload(int[] places)
    {
        ImageSet chunk = images.Subset(places);
        return batches.Of(chunk, Batch.Of(chunk));
    }

    /// <summary>Pads with the last of them to a multiple of a quarter batch, so that buffers are reused.</summary>
    private int[] Padded(int[] left)
    {
        int quarter = (Math.Min(batchSize, images.Count) + 3) / 4;
        return [.. left, .. Enumerable.Repeat(left[^1], (quarter - left.Length % quarter) % quarter)];
    }

    /// <summary>Which of the images are predicted right.</summary>
    private bool[] Predicted(Tensor x, ReadOnlySpan<int> labels)
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

        static double Accuracy(bool[] holds, IEnumerable<int> places) => places.Select(i => holds[i] ? 1.0 : 0).DefaultIfEmpty(0).Average();
    }
}
