using System.Diagnostics;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

public sealed partial class Evaluator
{
    /// <summary>Classifies the images of a block.</summary>
    private CleanOutcome CleanPredictions(Range block)
    {
        ImageSet own = block.Start.Value == 0 && block.End.Value == images.Count
            ? images
            : images.Subset([.. Enumerable.Range(0, images.Count).Take(block)]);
        List<bool> right = [];
        HashSet<int> predicted = [];
        int probabilities = 0;
        foreach (var (host, batch) in new DeviceBatches(model.Device, own, batchSize, batches))
        {
            Tensor logits = model.Forward(batch.Images, ForwardMode.Inference).Logits;
            float[] values = logits.ToArray();
            LogitChecks.RequireFinite(values, host.Ids, model.Spec.Network, images.Name);
            probabilities += LogitChecks.CountProbabilities(values, model.Spec.Classes);
            int[] predictions = logits.Predict().ToArray();
            predicted.UnionWith(predictions.Take(host.Count));
            right.AddRange(Correct(predictions, host.Labels));
        }
        return new([.. right], [.. predicted.Order()], probabilities);
    }

    /// <summary>Runs the attacks on a block of the images, from where the store's outcomes end.</summary>
    /// <param name="right">For each image of the block, whether it is classified correctly.</param>
    private BlockOutcome AttackBlock(Range block, IReadOnlyList<PlannedAttack> attacks, bool[] right, CancellationToken stop,
        Action<EvaluationProgress>? progress, bool isCascade, EvaluationStore? store)
    {
        int[] all = [.. Enumerable.Range(0, images.Count).Take(block)];
        bool[] robust = new bool[images.Count];
        right.CopyTo(robust, block.Start.Value);
        bool[] correct = [.. robust];
        int[]? targets = Target is null ? null : Targets(all);
        List<AttackTally> tallies = [];
        foreach (var (a, planned) in attacks.Index())
        {
            int[] attacked = [.. all.Where(i => (isCascade ? robust[i] : correct[i]) && !IsLeftOut(i))];
            HashSet<int> open = [.. attacked];
            AttackTally tally = new(attacked.Length);
            int done = 0;
            foreach (ChunkOutcome saved in store?.Read(a, open) ?? [])
                Add(saved, isSaved: true);
            int[] remaining = [.. open.Order()];
            foreach (int[] indices in remaining.Chunk(Math.Min(batchSize, images.Count)))
            {
                stop.ThrowIfCancellationRequested();
                ChunkOutcome outcome = Attack(planned, indices, targets, store is not null);
                store?.Write(a, outcome);
                Add(outcome, isSaved: false);
            }
            tallies.Add(tally);

            void Add(ChunkOutcome outcome, bool isSaved)
            {
                // A saved chunk may be of another division of the images into blocks: its totals count in the block of its first image.
                int[] own = [.. outcome.Attacked.Where(open.Contains)];
                bool isWhole = open.Contains(outcome.Attacked[0]);
                int[] misclassified = [.. outcome.Misclassified.Where(open.Contains)];
                foreach (int index in misclassified)
                    robust[index] = false;
                open.ExceptWith(own);
                done += own.Length;
                tally += new AttackTally(0, misclassified.Length, isWhole ? outcome.Rejected : 0, isWhole ? outcome.Seconds : 0,
                    isWhole && isSaved ? outcome.Seconds : 0);
                progress?.Invoke(new(planned.Attack.Name, done, attacked.Length, (a, attacks.Count),
                    (double)(attacked.Length - tally.Misclassified) / all.Length, tally.Seconds, targets is not null));
            }
        }
        return new([.. robust.Take(block)], [.. tallies], all.Count(i => correct[i] && IsLeftOut(i)));

        bool IsLeftOut(int i) => targets?[i] == images.Labels[i];
    }

    private SizesOutcome FindSmallestChanges(IReadOnlyList<NearestAttack> attacks, PerturbationNorm norm, double epsilon, bool[] right,
        Range block, CancellationToken stop, Action<EvaluationProgress>? progress, EvaluationStore? store)
    {
        int[] all = [.. Enumerable.Range(0, images.Count).Take(block)];
        Dictionary<int, float> sizes = all.Zip(right).ToDictionary(i => i.First, i => i.Second ? float.PositiveInfinity : 0);
        HashSet<int> open = [.. all.Where(i => sizes[i] > 0)];
        int total = open.Count, done = 0;
        double seconds = 0;
        foreach (SizesOutcome saved in store?.ReadSizes(open) ?? [])
            Add(saved);
        int[] remaining = [.. open.Order()];
        foreach (int[] indices in remaining.Chunk(Math.Min(batchSize, images.Count)))
        {
            stop.ThrowIfCancellationRequested();
            SizesOutcome outcome = FindSmallestChanges(attacks, norm, indices);
            store?.WriteSizes(outcome);
            Add(outcome);
        }
        return new(all, [.. all.Select(i => sizes[i])], seconds);

        void Add(SizesOutcome outcome)
        {
            seconds += open.Contains(outcome.Indices[0]) ? outcome.Seconds : 0;
            foreach (var (index, size) in outcome.Indices.Zip(outcome.Sizes))
                if (open.Remove(index))
                {
                    sizes[index] = size;
                    done++;
                }
            progress?.Invoke(new("smallest changes", done, total, (0, 1),
                (double)sizes.Values.Count(size => size > epsilon + AdversarialCheck.BallSlack) / all.Length, seconds));
        }
    }

    /// <summary>Runs all starts of an attack on some images; each restart attacks only the survivors.</summary>
    /// <param name="targets">The target of each image of the set; null for none.</param>
    private ChunkOutcome Attack(PlannedAttack planned, int[] indices, int[]? targets, bool keepsImages)
    {
        long began = Stopwatch.GetTimestamp();
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = Upload(indices);
        if (targets is not null)
            batch = batch with { Targets = model.Device.Upload<int>([.. indices.Select(i => targets[i])]) };
        List<int> misclassified = [];
        List<float[]> kept = [];
        int rejected = 0;
        int[] remaining = [.. Enumerable.Range(0, indices.Length)];
        for (int restart = 0; restart < planned.Restarts && remaining.Length > 0; restart++)
        {
            using IDisposable restartScope = model.Device.Pool.BeginScope();
            ImageBatch tried = batch.Select(Padded(remaining));
            Tensor adversarial = planned.Attack.Perturb(model, tried, new RandomKey(seed, RandomPurpose.AttackStart, (uint)restart));
            bool[] areTurned = tried.AreTurned(Predictions(adversarial));
            float[] natural = tried.Images.ToArray(), moved = adversarial.ToArray();
            List<int> survivors = [];
            foreach (var (i, index) in remaining.Index())
            {
                int image = images.ImageLength;
                bool isValid = AdversarialCheck.IsWithin(natural.AsSpan(i * image, image), moved.AsSpan(i * image, image),
                    planned.Attack.Norm, planned.Attack.Epsilon);
                rejected += isValid ? 0 : 1;
                if (!areTurned[i] || !isValid)
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
        return new(indices, misclassified, kept, rejected, Stopwatch.GetElapsedTime(began).TotalSeconds);
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
            bool[] areTurned = batch.AreTurned(Predictions(nearest));
            float[] moved = nearest.ToArray();
            int image = images.ImageLength;
            for (int i = 0; i < sizes.Length; i++)
                if (areTurned[i])
                    sizes[i] = Math.Min(sizes[i],
                        (float)AdversarialCheck.Size(natural.AsSpan(i * image, image), moved.AsSpan(i * image, image), norm));
        }
        return new(indices, sizes, Stopwatch.GetElapsedTime(began).TotalSeconds);
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

    private int[] Predictions(Tensor x)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        return model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray();
    }

    /// <summary>The targets of some images, at their indices in the set.</summary>
    private int[] Targets(int[] indices)
    {
        int[] targets = new int[images.Count];
        foreach (int[] chunk in indices.Chunk(Math.Min(batchSize, images.Count)))
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            ImageBatch batch = Upload(chunk);
            Tensor logits = model.Forward(batch.Images, ForwardMode.Inference).Logits;
            foreach (var (index, target) in chunk.Zip(Target!.Of(logits, batch.Labels.ToArray(), batch.Ids.ToArray(), seed)))
                targets[index] = target;
        }
        return targets;
    }
}
