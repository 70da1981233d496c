using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>Auto-PGD's means over several passes, on a linear model that draws its weights anew in every pass.</summary>
public sealed class RandomNetworkTests
{
    private const double Epsilon = 0.05;
    private const float Noise = 0.02f;
    private static readonly int[] Eight = [.. Enumerable.Range(0, 8)];

    /// <summary>One step, from where Auto-PGD starts, along the signs of the mean of the gradients of so many passes.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(20)]
    public void StepsFollowTheMeanGradient(int passes)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device, noise: Noise);
        ImageBatch batch = AlwaysWrong(device);
        var (weight, bias) = LinearNetwork.Weights(model);
        Tensor start = Tensor.EmptyLike(batch.Images);
        AttackKernels.Start(AttackStart.Surface, PerturbationNorm.Linf, Made.Image, batch.Images.Data, batch.Ids,
            Made.Key with { Purpose = RandomPurpose.AutoPgd }, (float)Epsilon, start.Data);
        (long forward, long backward) = (WorkCount.ForwardImages, WorkCount.BackwardImages);
        float[] found = new AutoPgdAttack(new(Epsilon, Steps: 1, Passes: passes)).Perturb(model, batch, Made.Key).ToArray();
        Assert.Equal((8 * 2 * passes, 8 * 2 * passes), (WorkCount.ForwardImages - forward, WorkCount.BackwardImages - backward));

        float[] x = start.ToArray(), original = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        int compared = 0;
        for (int n = 0; n < 8; n++)
        {
            double[] mean = new double[Made.Image];
            for (uint pass = 0; pass < passes; pass++)
            {
                double[] drawn = [.. weight.Zip(LinearNetwork.Noise(pass, weight.Length), (w, d) => (double)(w + Noise * d))];
                double[] logits = [.. bias.Select(
                    (b, c) => b + Enumerable.Range(0, Made.Image).Sum(i => drawn[c * Made.Image + i] * x[n * Made.Image + i]))];
                double total = logits.Sum(l => Math.Exp(l - logits.Max()));
                for (int i = 0; i < Made.Image; i++)
                    mean[i] += Enumerable.Range(0, Made.Classes).Sum(
                        c => (Math.Exp(logits[c] - logits.Max()) / total - (c == labels[n] ? 1 : 0)) * drawn[c * Made.Image + i]) / passes;
            }
            for (int i = 0; i < Made.Image; i++)
            {
                int at = n * Made.Image + i;
                if (Math.Abs(mean[i]) < 1e-4)
                    continue;
                compared++;
                double stepped = Math.Clamp(x[at] + 2 * Epsilon * Math.Sign(mean[i]), original[at] - Epsilon, original[at] + Epsilon);
                Assert.Equal(Math.Clamp(stepped, 0, 1), found[at], 1e-6);
            }
        }
        Assert.True(compared > 0.95 * found.Length);
    }

    /// <summary>A network made again gives the same bits, on any number of threads.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, Epsilon)]
    [InlineData(PerturbationNorm.L2, 0.5)]
    public void ResultsAreReproducible(PerturbationNorm norm, double epsilon)
    {
        Assert.Equal(Images(1), Images(2));

        float[] Images(int threads)
        {
            using CpuDevice device = new(threads);
            Classifier model = LinearNetwork.Classifier(device, noise: Noise);
            return new AutoPgdAttack(new(epsilon, norm, 8, AttackLoss.Dlr, Passes: 5))
                .Perturb(model, Made.Batch(device, Eight), Made.Key).ToArray();
        }
    }

    /// <summary>What it is for: a network that errs by chance is turned for good, so that the one without noise errs too.</summary>
    [Fact]
    public void AveragedGradientsFoolMoreImages()
    {
        using CpuDevice device = new(2);
        Classifier still = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.RightBatch(still, Enumerable.Range(0, 64));
        int one = Turned(1), twenty = Turned(20);
        Assert.True(twenty >= one + 10, $"{one} of 64 turned by single passes, {twenty} by means of 20");

        int Turned(int passes)
        {
            var adversarial = new AutoPgdAttack(new(Epsilon, Steps: 10, Passes: passes))
                .Perturb(LinearNetwork.Classifier(device, noise: 5 * Noise), batch, Made.Key);
            return Made.Predictions(still, adversarial).Zip(batch.Labels.ToArray()).Count(p => p.First != p.Second);
        }
    }

    [Fact]
    public void ReportNotesDeterministicNetworks()
    {
        using CpuDevice device = new(2);
        Assert.All(Notes(Noise), Assert.Null);
        Assert.All(Notes(0), note => Assert.Contains(
            "EOT 20): the network is deterministic: averaging 20 passes gives the same gradient as one", note, StringComparison.Ordinal));

        string?[] Notes(float noise)
        {
            ImageBatch batch = Made.Batch(device, Eight);
            ImageSet images =
                new("made", ["a", "b", "c", "d", "e"], Made.Channels, Made.Size, Made.Size, batch.Labels.ToArray(), batch.Images.ToArray());
            Evaluator evaluator = new(LinearNetwork.Classifier(device, noise: noise), images, 4, 1);
            var attacks = AttackCatalog.Of(["autoattack-rand"], new(Epsilon, 0, Iterations: 2));
            return [.. evaluator.Run(attacks, default).Attacks.Select(a => a.Note)];
        }
    }

    /// <summary>Labels that the model without noise holds least likely: an attack on them always has something to return.</summary>
    private static ImageBatch AlwaysWrong(CpuDevice device)
    {
        ImageBatch batch = Made.Batch(device, Eight);
        float[] logits = LinearNetwork.Classifier(device).Forward(batch.Images, ForwardMode.Inference).Logits.ToArray();
        return batch with { Labels = device.Upload<int>([.. logits.Chunk(Made.Classes).Select(row => Array.IndexOf(row, row.Min()))]) };
    }
}
