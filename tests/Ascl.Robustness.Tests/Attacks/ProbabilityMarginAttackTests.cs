using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests.Attacks;

public sealed class ProbabilityMarginAttackTests
{
    private const int Steps = 14;

    /// <summary>From 2ε to almost 0 and again from 2ε, one step after half-way.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(26, 1)]
    [InlineData(50, 0.0019733)]
    [InlineData(51, 2)]
    [InlineData(76, 1)]
    [InlineData(99, 0.0078853)]
    public void StepsFollowACosineThatIsRestartedHalfWay(int step, double expected) =>
        Assert.Equal(0.1 * expected, ProbabilityMarginAttack.StepSizeAt(step, 100, 0.1), 1e-6);

    /// <summary>On a linear model with softmax, step by step in double precision.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.02)]
    [InlineData(PerturbationNorm.L2, 0.2)]
    public void IsThePublishedAttack(PerturbationNorm norm, double epsilon)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        var (weight, bias) = LinearNetwork.Weights(model);
        ImageBatch batch = Made.RightBatch(model, Enumerable.Range(0, 48));
        float[] adversarial = new ProbabilityMarginAttack(epsilon, Steps, norm).Perturb(model, batch, Made.Key).ToArray();
        float[][] pixels = [.. batch.Images.ToArray().Chunk(Made.Image)], starts = [Start(0), Start(1)];
        int[] labels = batch.Labels.ToArray();
        int turned = 0, late = 0;
        for (int n = 0; n < batch.Count; n++)
        {
            double[] x = [.. pixels[n].Select(v => (double)v)], expected = x;
            for (int round = 0; round < 2 && expected == x; round++)
                if (Round(x, [.. starts[round].Skip(n * Made.Image).Take(Made.Image).Select(v => (double)v)], labels[n], round) is
                    { } found)
                {
                    expected = found.Point;
                    turned++;
                    late += found.Step > 1 ? 1 : 0;
                }
            Assert.All(expected.Zip(adversarial.Skip(n * Made.Image)), p => Assert.Equal(p.First, p.Second, 2e-5));
        }
        Assert.InRange(turned, 5, 43);
        Assert.True(late >= 1, "no image took more than a step");

        float[] Start(uint round)
        {
            Tensor start = Tensor.EmptyLike(batch.Images);
            AttackKernels.Start(AttackStart.Uniform, norm, Made.Image, batch.Images.Data, batch.Ids, Made.Key.At(round), (float)epsilon,
                start.Data);
            return start.ToArray();
        }

        (double[] Point, int Step)? Round(double[] x, double[] point, int label, int round)
        {
            for (int i = 0; i <= Steps; i++)
            {
                double[] logits = Logits(point), p = Softmax(logits);
                if (Array.IndexOf(logits, logits.Max()) != label)
                    return (point, i);
                int other = Enumerable.Range(0, p.Length).Where(c => c != label).MaxBy(c => p[c]);
                var (own, next) = i == 0 ? (-1, 0) : i >= Steps / 2 ? (1, 1) : round == 0 ? (1, 0) : (0, 1);
                double[] ofLogits = [.. p.Select((share, c) =>
                    next * p[other] * ((c == other ? 1 : 0) - share) - own * p[label] * ((c == label ? 1 : 0) - share))];
                double[] gradient = [.. x.Select((_, j) => ofLogits.Select((d, c) => d * Weight(c, j)).Sum())];
                double since = i > Steps / 2 ? i - Steps / 2 : i, size = epsilon * (1 + Math.Cos((since - 1) * Math.PI / (Steps / 2)));
                double length = Math.Sqrt(gradient.Sum(g => g * g));
                double[] delta = [.. x.Select((v, j) =>
                    point[j] - v + size * (norm == PerturbationNorm.Linf ? Math.Sign(gradient[j]) : gradient[j] / length))];
                double back = Math.Min(1, epsilon / Math.Sqrt(delta.Sum(d => d * d)));
                point = [.. x.Zip(delta, (v, d) =>
                    Math.Clamp(v + (norm == PerturbationNorm.Linf ? Math.Clamp(d, -epsilon, epsilon) : back * d), 0, 1))];
            }
            return null;
        }

        double[] Logits(double[] x) => [.. bias.Select((b, c) => b + x.Select((v, j) => v * Weight(c, j)).Sum())];

        double Weight(int c, int j) => weight[c * Made.Image + j];
    }

    private static double[] Softmax(double[] logits)
    {
        double total = logits.Sum(Math.Exp);
        return [.. logits.Select(z => Math.Exp(z) / total)];
    }
}
