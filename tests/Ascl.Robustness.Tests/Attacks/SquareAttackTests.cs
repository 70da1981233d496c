using Ascl.Autograd;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests.Attacks;

public sealed class SquareAttackTests
{
    private static readonly int[] Sixteen = [.. Enumerable.Range(0, 16)];

    /// <summary>The authors' schedule for 10,000 queries, which Auto-Attack does not stretch over its 5,000.</summary>
    [Theory]
    [InlineData(0, 0.8)]
    [InlineData(10, 0.8)]
    [InlineData(11, 0.4)]
    [InlineData(50, 0.4)]
    [InlineData(51, 0.2)]
    [InlineData(201, 0.1)]
    [InlineData(501, 0.05)]
    [InlineData(1001, 0.025)]
    [InlineData(2001, 0.0125)]
    [InlineData(4000, 0.0125)]
    [InlineData(4001, 0.00625)]
    [InlineData(4999, 0.00625)]
    [InlineData(8001, 0.0015625)]
    public void SquaresShrinkWithTheQueries(int query, double share) => Assert.Equal(share, SquareAttack.Share(query));

    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.8, 28, 28, 25)]
    [InlineData(PerturbationNorm.Linf, 0.0015625, 32, 32, 1)]
    [InlineData(PerturbationNorm.Linf, 0.8, 4, 40, 4)]
    [InlineData(PerturbationNorm.L2, 0.8, 28, 28, 25)]
    [InlineData(PerturbationNorm.L2, 0.4, 28, 28, 19)]
    [InlineData(PerturbationNorm.L2, 0.4, 32, 32, 21)]
    [InlineData(PerturbationNorm.L2, 0.0015625, 32, 32, 3)]
    [InlineData(PerturbationNorm.L2, 0.8, 4, 40, 3)]
    [InlineData(PerturbationNorm.L2, 0.8, 2, 2, 1)]
    public void SidesOfL2AreOddAndFitTheImage(PerturbationNorm norm, double share, int height, int width, int side) =>
        Assert.Equal(side, SquareAttack.Side(norm, share, height, width));

    [Theory]
    [InlineData(PerturbationNorm.Linf, 0.3)]
    [InlineData(PerturbationNorm.L2, 3)]
    public void UsesAtMostItsQueriesAndNoGradient(PerturbationNorm norm, double epsilon)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.RightBatch(model, Sixteen);
        (long forward, long backward) = (WorkCount.ForwardImages, WorkCount.BackwardImages);
        Assert.Equal(batch.Labels.ToArray(), Made.Predictions(model, new SquareAttack(1e-4, 50, norm).Perturb(model, batch, Made.Key)));
        // The start, then 50 queries of every image; then the predictions just made.
        Assert.Equal(16 * 51 + 16, WorkCount.ForwardImages - forward);
        Assert.Equal(backward, WorkCount.BackwardImages);
        int[] strong = Made.Predictions(model, new SquareAttack(epsilon, 300, norm).Perturb(model, batch, Made.Key));
        Assert.True(strong.Zip(batch.Labels.ToArray()).Count(p => p.First != p.Second) >= 12);
    }

    /// <summary>
    /// What lies beyond ε cannot be turned, and of what is nearer than a fifth of it most is; where no pixel meets the border, with changes
    /// of length ε exactly.
    /// </summary>
    [Fact]
    public void L2UsesAllOfEpsilonAndFoolsALinearModelWherePossible()
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.GreyBatch(model, Enumerable.Range(0, 64));
        int[] labels = batch.Labels.ToArray();
        float[] pixels = batch.Images.ToArray();
        double[] distances = [.. Enumerable.Range(0, 64)
            .Select(n => LinearNetwork.Distance(model, PerturbationNorm.L2, pixels[(n * Made.Image)..((n + 1) * Made.Image)], labels[n]))];
        const double epsilon = 0.4;
        Tensor found = new SquareAttack(epsilon, 400, PerturbationNorm.L2).Perturb(model, batch, Made.Key);
        int[] after = Made.Predictions(model, found);
        double[] lengths =
            [.. found.ToArray().Zip(pixels, (a, b) => (double)a - b).Chunk(Made.Image).Select(d => Math.Sqrt(d.Sum(v => v * v)))];
        int near = 0, turned = 0, far = 0;
        for (int n = 0; n < 64; n++)
        {
            bool isTurned = after[n] != labels[n];
            Assert.Equal(isTurned ? epsilon : 0, lengths[n], 1e-6);
            Assert.True(!isTurned || distances[n] <= epsilon);
            far += distances[n] > epsilon ? 1 : 0;
            near += distances[n] < epsilon / 5 ? 1 : 0;
            turned += distances[n] < epsilon / 5 && isTurned ? 1 : 0;
        }
        Assert.True(far >= 3 && near >= 5 && turned >= 0.8 * near, $"{far} beyond reach, {turned} of {near} near ones turned");
    }
}
