using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Gemm;

public sealed class GemmTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void RandomSizesMatchTheDefinition(bool transposeA, bool transposeB)
    {
        using CpuDevice device = new(2);
        for (uint trial = 0; trial < 60; trial++)
        {
            int Size(uint position) => 1 + Philox.ToIndex(Philox.Word(new RandomKey(3, RandomPurpose.Test, trial), position), 70);
            Check(device, transposeA, transposeB, Size(0), Size(1), Size(2), withBias: trial % 2 == 0);
        }
    }

    [Theory]
    [InlineData(128, 10, 512)]
    [InlineData(1, 1, 1024)]
    [InlineData(200, 200, 1024)]
    [InlineData(15, 33, 1000)]
    [InlineData(129, 128, 65)]
    [InlineData(3, 5, 0)]
    [InlineData(0, 5, 4)]
    [InlineData(5, 0, 4)]
    public void LayersAndEmptyMatrices(int m, int n, int k)
    {
        using CpuDevice device = new(2);
        foreach (bool transposeA in new[] { false, true })
            foreach (bool transposeB in new[] { false, true })
                foreach (bool withBias in new[] { false, true })
                    Check(device, transposeA, transposeB, m, n, k, withBias);
    }

    private static void Check(CpuDevice device, bool transposeA, bool transposeB, int m, int n, int k, bool withBias)
    {
        string what = $"[{m}, {k}]{(transposeA ? "ᵀ" : "")}·[{k}, {n}]{(transposeB ? "ᵀ" : "")}, bias {withBias}";
        float[] a = DeviceData.Uniform(m * k, 1), b = DeviceData.Uniform(k * n, 2), bias = DeviceData.Uniform(n, 3);
        DeviceBuffer<float> c = device.Upload<float>(DeviceData.Uniform(m * n, 4));
        GemmKernels.Multiply(transposeA, transposeB, m, n, k, device.Upload<float>(a), device.Upload<float>(b),
            withBias ? device.Upload<float>(bias) : null, c);
        double[] expected = new double[m * n];
        for (int i = 0; i < m; i++)
            for (int j = 0; j < n; j++)
            {
                double sum = withBias ? bias[j] : 0;
                for (int l = 0; l < k; l++)
                    sum += (double)a[transposeA ? l * m + i : i * k + l] * b[transposeB ? j * k + l : l * n + j];
                expected[i * n + j] = sum;
            }
        // Rounding errors of k products of numbers up to 1, added up one by one.
        double allowed = 1e-6 * Math.Sqrt(k + 1) + 1e-7;
        float[] actual = c.ToArray();
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= allowed * Math.Max(1, Math.Sqrt(k) / 3),
                $"{what}: entry {i} is {actual[i]}, expected {expected[i]}");
        DeviceData.AssertNothingBehind(c, what);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ARowDoesNotDependOnTheOthersNorOnThreads(bool transposeB)
    {
        const int M = 61, N = 45, K = 77;
        float[] a = DeviceData.Uniform(M * K, 1), b = DeviceData.Uniform(K * N, 2), bias = DeviceData.Uniform(N, 3);
        float[]? whole = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            whole ??= Rows(device, 0, M);
            Assert.Equal(whole, Rows(device, 0, M));
            for (int from = 0; from < M; from += 7)
                for (int count = 1; from + count <= M; count += 9)
                    Assert.Equal(whole[(from * N)..((from + count) * N)], Rows(device, from, count));
        }

        float[] Rows(CpuDevice device, int from, int count)
        {
            DeviceBuffer<float> c = device.Allocate<float>(count * N);
            GemmKernels.Multiply(false, transposeB, count, N, K, device.Upload<float>(a.AsSpan(from * K, count * K)),
                device.Upload<float>(b), device.Upload<float>(bias), c);
            return c.ToArray();
        }
    }

    [Fact]
    public void BuffersThatDoNotFitAreNamed()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> six = device.Allocate<float>(6), four = device.Allocate<float>(4), three = device.Allocate<float>(3);
        GemmKernels.Multiply(false, false, 2, 2, 3, six, six, null, four);
        Assert.Contains("[2, 3]·[3, 2]",
            Assert.Throws<ShapeException>(() => GemmKernels.Multiply(false, false, 2, 2, 3, four, six, null, four)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => GemmKernels.Multiply(false, false, 2, 2, 3, six, six, null, six));
        Assert.Throws<ShapeException>(() => GemmKernels.Multiply(false, false, 2, 2, 3, six, six, three, four));
    }
}
