using Ascl.Kernels.Devices;
using Ascl.Kernels.PairDistance;
using Ascl.Core.Random;
using Xunit;

namespace Ascl.Kernels.Tests.PairDistance;

public sealed class PairMeansTests
{
    [Theory]
    [InlineData(9, 1)]
    [InlineData(17, 7)]
    [InlineData(40, 16)]
    [InlineData(23, 33)]
    public void MeansAreThoseOfAllPairs(int n, int d)
    {
        float[] a = Values(n * d, 1), b = Values(n * d, 2);
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i * i % 3)];
        PairMeans[] means = [.. new[] { 1, 2 }.Select(threads =>
        {
            using CpuDevice device = new(threads);
            return PairMeansKernels.Between(d, device.Upload<float>(a), device.Upload<float>(b), device.Upload<int>(labels));
        })];
        Assert.Equal(means[0], means[1]);
        foreach (bool isSame in new[] { true, false })
        {
            (int I, int J)[] pairs = [.. from i in Enumerable.Range(0, n) from j in Enumerable.Range(0, n)
                where i != j && labels[i] == labels[j] == isSame select (i, j)];
            var found = isSame ? means[0].Same : means[0].Other;
            Assert.Equal(pairs.Length, found.Count);
            Assert.Equal(pairs.Average(p => Math.Sqrt(Differences(p).Sum(v => v * v))), found.L2, 1e-5);
            Assert.Equal(pairs.Average(p => Differences(p).Max(Math.Abs)), found.Linf, 1e-5);
            Assert.Equal(
                pairs.Average(
                    p => 1 - Dot(Row(a, p.I), Row(b, p.J)) / Math.Sqrt(Dot(Row(a, p.I), Row(a, p.I)) * Dot(Row(b, p.J), Row(b, p.J)))),
                    found.Cosine, 1e-5);
        }

        double[] Differences((int I, int J) pair) => [.. Row(a, pair.I).Zip(Row(b, pair.J), (x, y) => x - y)];

        double[] Row(float[] rows, int i) => [.. rows[(i * d)..((i + 1) * d)].Select(v => (double)v)];
    }

    [Fact]
    public void WithoutPairsOfAKindThereIsNoMean()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> rows = device.Upload<float>([0, 3]);
        PairMeans means = PairMeansKernels.Between(1, rows, rows, device.Upload<int>([4, 4]));
        Assert.Equal((3, 2), (means.Same.L2, means.Same.Count));
        Assert.True(double.IsNaN(means.Other.L2));
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static float[] Values(int length, uint stream)
    {
        float[] values = new float[length];
        Philox.FillUniform(values, new RandomKey(3, RandomPurpose.Test, stream), -1, 1);
        return values;
    }
}
