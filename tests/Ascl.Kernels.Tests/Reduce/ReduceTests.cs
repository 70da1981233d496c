using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Reduce;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Reduce;

public sealed class ReduceTests
{
    [Fact]
    public void SumsOfEveryLength()
    {
        using CpuDevice device = new(2);
        DeviceBuffer<float> y = device.Allocate<float>(1);
        for (int length = 0; length <= 257; length++)
        {
            float[] x = DeviceData.Uniform(length, 1);
            ReduceKernels.Sum(device.Upload<float>(x), 0.25f, y);
            Assert.Equal((float)(0.25 * x.Sum(v => (double)v)), y.ToArray()[0], 1e-6f);
        }
    }

    [Fact]
    public void SquaredNormsOfEveryLengthOnAnyNumberOfThreads()
    {
        foreach (int length in Enumerable.Range(0, 40).Append(1 << 15).Append((1 << 17) + 3))
        {
            float[] x = DeviceData.Uniform(length, 1);
            double[] norms = [.. new[] { 1, 3 }.Select(threads =>
            {
                using CpuDevice device = new(threads);
                return ReduceKernels.SquaredNorm(device.Upload<float>(x));
            })];
            double expected = x.Sum(v => (double)v * v);
            Assert.Equal(norms[0], norms[1]);
            Assert.Equal(expected, norms[0], 1e-12 * Math.Max(1, expected));
        }
    }

    /// <summary>A float would stop growing at 2²⁴.</summary>
    [Fact]
    public void SumsAreCarriedInDouble()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> y = device.Allocate<float>(1);
        float[] x = new float[1001];
        Array.Fill(x, 1);
        x[0] = 1 << 24;
        ReduceKernels.Sum(device.Upload<float>(x), 1, y);
        Assert.Equal((1 << 24) + 1000, y.ToArray()[0]);
        DeviceBuffer<float> columns = device.Allocate<float>(1);
        ReduceKernels.ColumnSums(1001, 1, device.Upload<float>(x), columns);
        Assert.Equal((1 << 24) + 1000, columns.ToArray()[0]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 10)]
    [InlineData(128, 200)]
    [InlineData(3, 257)]
    [InlineData(0, 4)]
    public void ColumnSums(int rows, int columns)
    {
        using CpuDevice device = new(2);
        float[] x = DeviceData.Uniform(rows * columns, 1);
        DeviceBuffer<float> y = device.Upload<float>(DeviceData.Uniform(columns, 2));
        ReduceKernels.ColumnSums(rows, columns, device.Upload<float>(x), y);
        double[] expected = new double[columns];
        for (int i = 0; i < x.Length; i++)
            expected[i % columns] += x[i];
        Tolerance.Close(expected, y.ToArray(), 1e-6, "column sums");
        DeviceData.AssertNothingBehind(y, "column sums");
    }

    [Theory]
    [InlineData(2, 5, 3, 4)]
    [InlineData(3, 33, 5, 2)]
    [InlineData(1, 16, 1, 1)]
    [InlineData(4, 64, 8, 8)]
    [InlineData(3, 3, 6, 5)]
    public void ChannelSums(int n, int c, int h, int w)
    {
        float[] x = DeviceData.Uniform(n * c * h * w, 1);
        double[] expected = new double[c];
        for (int i = 0; i < x.Length; i++)
            expected[i / (h * w) % c] += x[i];
        float[]? bits = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            DeviceBuffer<float> y = device.Allocate<float>(c);
            ReduceKernels.ChannelSums(layout, device.Activation(layout, x), y);
            Tolerance.Close(expected, y.ToArray(), 1e-6, "channel sums");
            DeviceData.AssertNothingBehind(y, "channel sums");
            Assert.Equal(bits ??= y.ToArray(), y.ToArray());
        }
    }
}
