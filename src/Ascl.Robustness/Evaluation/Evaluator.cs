using System.Diagnostics;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Files;
using Ascl.Kernels.Random;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Evaluation;

/// <summary>An attack and how often it may begin anew; an image counts as robust if it survives all starts.</summary>
public sealed record PlannedAttack(PgdAttack Attack, int Restarts = 1);

/// <summary>
/// Measures a classifier on images: clean accuracy, then each attack on every image that was right. Every adversarial image is checked again: within
/// the ball, in [0, 1], and really misclassified. An image's result depends on nothing but the weights, the image, its id and the seed.
/// </summary>
public sealed class Evaluator(Classifier model, ImageSet images, int batchSize, ulong seed)
{
    /// <summary>Rounding of x + δ to float may exceed ε by this much.</summary>
    private const double BallSlack = 1e-6;

    /// <param name="attacks">In the order of the report; each begins from the clean images.</param>
    /// <param name="stop">Ends the evaluation without a report.</param>
    /// <param name="progress">Told (images done, images) over all attacks together.</param>
    public EvaluationReport Run(IReadOnlyList<PlannedAttack> attacks, CancellationToken stop, Action<long, long>? progress = null)
    {
        long began = Stopwatch.GetTimestamp();
        BatchPlan plan = BatchPlan.Evaluation(images, batchSize);
        Batch host = plan.NewBatch();
        int clean = 0, worstCase = 0, passes = attacks.Count + 1;
        int[] survived = new int[attacks.Count], rejected = new int[attacks.Count];
        double[] seconds = new double[attacks.Count];
        for (int b = 0; b < plan.Count; b++)
        {
            plan.Fill(b, host);
            using IDisposable scope = model.Device.Pool.BeginScope();
            ImageBatch batch = ImageBatch.Upload(model.Device, images, host);
            bool[] right = Correct(batch.Images, host.Labels);
            bool[] robust = [.. right];
            clean += right.Count(r => r);
            for (int a = 0; a < attacks.Count; a++)
            {
                stop.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                bool[] left = Survivors(attacks[a], batch, right, ref rejected[a]);
                survived[a] += left.Count(l => l);
                for (int i = 0; i < left.Length; i++)
                    robust[i] &= left[i];
                seconds[a] += Stopwatch.GetElapsedTime(start).TotalSeconds;
                progress?.Invoke((long)b * batchSize * passes + (long)host.Count * (a + 2), (long)images.Count * passes);
            }
            worstCase += robust.Count(r => r);
        }
        double count = images.Count;
        AttackReport[] reports = [.. attacks.Select((p, a) => new AttackReport(p.Attack.Name, p.Attack.Settings.Norm.ToString().ToLowerInvariant(), p.Attack.Settings.Epsilon,
            p.Attack.Settings.StepSize, p.Attack.Settings.Steps, p.Restarts, survived[a] / count, rejected[a], seconds[a]))];
        return new(images.Count, clean / count, reports, worstCase / count, Stopwatch.GetElapsedTime(began).TotalSeconds, model.Spec.Network, images.Name, seed, model.Device.Name);
    }

    /// <summary>The report as JSON, indented.</summary>
    public static string ToJson(EvaluationReport report) => JsonFile.Text(report, RunJson.Default.EvaluationReport);

    /// <summary>Which images are right before and after the attack; a restart only sees those that survived the ones before it.</summary>
    private bool[] Survivors(PlannedAttack planned, ImageBatch batch, bool[] right, ref int rejected)
    {
        bool[] survived = [.. right];
        for (int restart = 0; restart < planned.Restarts; restart++)
        {
            if (!survived.Contains(true))
                break;
            int[] places = Places(survived);
            using IDisposable scope = model.Device.Pool.BeginScope();
            ImageBatch left = Select(batch, places);
            Tensor adversarial = planned.Attack.Perturb(model, left, new RandomKey(seed, RandomPurpose.AttackStart, (uint)restart));
            bool[] stillRight = Correct(adversarial, left.Labels.ToArray());
            bool[] valid = Valid(planned.Attack.Settings, left.Images.ToArray(), adversarial.ToArray(), places.Length);
            rejected += valid.Where((v, i) => !v && survived[places[i]]).Count();
            for (int i = 0; i < places.Length; i++)
                survived[places[i]] &= stillRight[i] || !valid[i];
        }
        return survived;
    }

    /// <summary>The places of the survivors, filled up with others to a quarter of the batch: few sizes of batch mean few sizes of memory.</summary>
    private static int[] Places(bool[] survived)
    {
        int quarter = (survived.Length + 3) / 4, count = survived.Count(s => s), wanted = Math.Min(survived.Length, (count + quarter - 1) / quarter * quarter);
        return [.. Enumerable.Range(0, survived.Length).OrderByDescending(i => survived[i]).Take(wanted).Order()];
    }

    private bool[] Correct(Tensor x, ReadOnlySpan<int> labels)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        int[] predictions = model.Forward(x, ForwardMode.Frozen).Logits.Predict().ToArray();
        bool[] correct = new bool[predictions.Length];
        for (int i = 0; i < correct.Length; i++)
            correct[i] = predictions[i] == labels[i];
        return correct;
    }

    private static ImageBatch Select(ImageBatch batch, int[] places)
    {
        if (places.Length == batch.Count)
            return batch;
        int image = batch.Images.Shape.Length / batch.Count;
        float[] all = batch.Images.ToArray(), pixels = new float[places.Length * image];
        int[] labels = batch.Labels.ToArray(), ids = batch.Ids.ToArray();
        for (int i = 0; i < places.Length; i++)
            all.AsSpan(places[i] * image, image).CopyTo(pixels.AsSpan(i * image));
        Tensor images = Tensor.Empty(batch.Images.Device, new([places.Length, .. batch.Images.Shape.Sizes[1..]]));
        images.Data.CopyFrom(pixels);
        return new(images, images.Device.Upload<int>([.. places.Select(p => labels[p])]), images.Device.Upload<int>([.. places.Select(p => ids[p])]));
    }

    private static bool[] Valid(PgdSettings settings, float[] original, float[] adversarial, int count)
    {
        int image = original.Length / count;
        bool[] valid = new bool[count];
        for (int n = 0; n < count; n++)
        {
            double largest = 0, squares = 0;
            bool inRange = true;
            for (int i = n * image; i < (n + 1) * image; i++)
            {
                double change = Math.Abs((double)adversarial[i] - original[i]);
                largest = Math.Max(largest, change);
                squares += change * change;
                inRange &= adversarial[i] >= 0 && adversarial[i] <= 1;
            }
            double size = settings.Norm == PerturbationNorm.Linf ? largest : Math.Sqrt(squares);
            valid[n] = inRange && size <= settings.Epsilon + BallSlack;
        }
        return valid;
    }
}
