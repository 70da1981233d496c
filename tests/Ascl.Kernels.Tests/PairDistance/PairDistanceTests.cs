using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.PairDistance;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.PairDistance;

public sealed class PairDistanceTests
{
    [Fact]
    public void RowsOfEveryLengthFollowTheDefinition()
    {
        using CpuDevice device = new(2);
        for (int d = 1; d <= 70; d++)
        {
            int n = 1 + d % 5, m = 1 + d % 7;
            // Quarters, so that many coordinates are equal.
            float[] a = Quarters(n * d, 1), b = Quarters(m * d, 2), dDistances = DeviceData.Uniform(n * m, 3);
            double[] distances = new double[n * m], da = new double[n * d], db = new double[m * d];
            for (int i = 0; i < n; i++)
                for (int j = 0; j < m; j++)
                    for (int k = 0; k < d; k++)
                    {
                        double difference = a[i * d + k] - b[j * d + k];
                        distances[i * m + j] += Math.Abs(difference);
                        da[i * d + k] += dDistances[i * m + j] * Math.Sign(difference);
                        db[j * d + k] -= dDistances[i * m + j] * Math.Sign(difference);
                    }
            DeviceBuffer<float> ab = device.Upload<float>(a), bb = device.Upload<float>(b), dy = device.Upload<float>(dDistances);
            DeviceBuffer<float> y = device.Allocate<float>(n * m), dab = device.Allocate<float>(n * d), dbb = device.Allocate<float>(m * d);
            PairDistanceKernels.Forward(n, m, d, ab, bb, y);
            PairDistanceKernels.BackwardFirst(n, m, d, ab, bb, dy, dab);
            PairDistanceKernels.BackwardSecond(n, m, d, ab, bb, dy, dbb);
            Tolerance.Close(distances, y.ToArray(), 1e-6, $"distances, d = {d}");
            Tolerance.Close(da, dab.ToArray(), 1e-6, $"da, d = {d}");
            Tolerance.Close(db, dbb.ToArray(), 1e-6, $"db, d = {d}");
            foreach (DeviceBuffer<float> buffer in new[] { y, dab, dbb })
                DeviceData.AssertNothingBehind(buffer, $"d = {d}");
        }
    }

    [Fact]
    public void SameBitsForAnyNumberOfThreads()
    {
        float[][] results = [.. new[] { 1, 3 }.Select(threads =>
        {
            using CpuDevice device = new(threads);
            DeviceBuffer<float> a = device.Upload<float>(DeviceData.Uniform(23 * 19, 1));
            DeviceBuffer<float> b = device.Upload<float>(DeviceData.Uniform(31 * 19, 2)), y = device.Allocate<float>(23 * 31);
            PairDistanceKernels.Forward(23, 31, 19, a, b, y);
            return y.ToArray();
        })];
        Assert.Equal(results[0], results[1]);
    }

    [Fact]
    public void LengthsThatDoNotFitAreNamed()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> six = device.Allocate<float>(6), four = device.Allocate<float>(4);
        Assert.Equal("pair_distance.forward: b of 4 values for [2, 3]",
            Assert.Throws<ShapeException>(() => PairDistanceKernels.Forward(2, 2, 3, six, four, four)).Message);
        Assert.Throws<ShapeException>(() => PairDistanceKernels.BackwardFirst(2, 2, 3, six, six, four, four));
    }

    private static float[] Quarters(int length, uint stream) => [.. DeviceData.Uniform(length, stream).Select(v => MathF.Round(v * 4) / 4)];
}
