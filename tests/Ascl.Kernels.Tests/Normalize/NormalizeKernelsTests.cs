using Ascl.Kernels.Devices;
using Ascl.Kernels.Normalize;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Normalize;

public sealed class NormalizeKernelsTests
{
    [Fact]
    public void Rows_of_every_length_agree_with_the_definition()
    {
        for (int d = 1; d <= 257; d++)
        {
            int n = 1 + d % 7;
            System.Random random = new(d);
            float[] x = Values(random, n * d), dy = Values(random, n * d);
            var (y, dx) = Run(n, d, x, dy, threads: 1);
            double[] expectedY = new double[n * d], expectedDx = new double[n * d];
            for (int i = 0; i < n; i++)
            {
                double norm = Math.Sqrt(Enumerable.Range(i * d, d).Sum(k => (double)x[k] * x[k]));
                double along = Enumerable.Range(i * d, d).Sum(k => x[k] / norm * dy[k]);
                for (int k = i * d; k < (i + 1) * d; k++)
                    (expectedY[k], expectedDx[k]) = (x[k] / norm, (dy[k] - x[k] / norm * along) / norm);
            }
            Tolerance.Close(expectedY, y, 1e-6, $"y, d = {d}");
            if (d > 1)
                Tolerance.Close(expectedDx, dx, 5e-6, $"dx, d = {d}");
            else
                Assert.All(dx, value => Assert.InRange(value, -1e-4f, 1e-4f));
        }
    }

    [Fact]
    public void Zero_rows_stay_zero_and_tiny_or_huge_rows_stay_finite()
    {
        const int d = 19;
        foreach (float size in new[] { 1e-38f, 3e-14f, 1e-11f, 1e-22f, 1e25f, 1e37f })
        {
            float[] x = [.. Enumerable.Range(0, 2 * d).Select(k => k < d ? 0 : size * (k % 3 - 1))];
            float[] dy = Values(new System.Random(3), 2 * d);
            var (y, dx) = Run(2, d, x, dy, threads: 1);
            Assert.All(y.Take(d).Concat(dx.Take(d)), value => Assert.Equal(0, value));
            Assert.All(y.Concat(dx), value => Assert.True(float.IsFinite(value)));
            double norm = Math.Sqrt(x.Sum(value => (double)value * value)), divisor = Math.Max(norm, 1e-12);
            double[] rest = [.. x.Select(value => value / divisor)];
            double along = norm < 1e-12 ? 0 : Enumerable.Range(0, 2 * d).Sum(k => rest[k] * dy[k]);
            Tolerance.Close(rest, y, 1e-6, $"y at {size}");
            Tolerance.Close([.. Enumerable.Range(0, 2 * d).Select(k => k < d ? 0 : (dy[k] - rest[k] * along) / divisor)], dx, 1e-5,
                $"dx at {size}");
        }
    }

    [Fact]
    public void Backward_agrees_with_central_differences()
    {
        (int n, int d) = (3, 11);
        System.Random random = new(4);
        float[] x = Values(random, n * d), dy = Values(random, n * d);
        var (_, dx) = Run(n, d, x, dy, threads: 1);
        double Loss(double[] rows) => Enumerable.Range(0, n).Sum(i =>
        {
            double norm = Math.Sqrt(Enumerable.Range(i * d, d).Sum(k => rows[k] * rows[k]));
            return Enumerable.Range(i * d, d).Sum(k => rows[k] / norm * dy[k]);
        });
        double[] at = Tolerance.ToDouble(x), differences = new double[n * d];
        for (int k = 0; k < n * d; k++)
        {
            at[k] = x[k] + 1e-6;
            differences[k] = Loss(at);
            at[k] = x[k] - 1e-6;
            differences[k] = (differences[k] - Loss(at)) / 2e-6;
            at[k] = x[k];
        }
        Tolerance.Close(differences, dx, 1e-5);
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        (int n, int d) = (700, 130);
        float[] x = Values(new System.Random(5), n * d), dy = Values(new System.Random(6), n * d);
        var (y, dx) = Run(n, d, x, dy, threads: 1);
        foreach (int threads in new[] { 2, 3 })
        {
            var (otherY, otherDx) = Run(n, d, x, dy, threads);
            Assert.Equal(y, otherY);
            Assert.Equal(dx, otherDx);
        }
    }

    [Fact]
    public void Wrong_lengths_are_named()
    {
        using CpuDevice device = new(1);
        Exception error = Assert.ThrowsAny<ArgumentException>(
            () => NormalizeKernels.Forward(2, 3, device.Allocate<float>(6), device.Allocate<float>(5), device.Allocate<float>(2)));
        Assert.Contains("y has 5 values", error.Message);
    }

    private static float[] Values(System.Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 2 - 1))];

    private static (float[] Y, float[] Dx) Run(int n, int d, float[] x, float[] dy, int threads)
    {
        using CpuDevice device = new(threads);
        DeviceBuffer<float> y = device.Allocate<float>(n * d), norms = device.Allocate<float>(n), dx = device.Allocate<float>(n * d);
        NormalizeKernels.Forward(n, d, device.Upload<float>(x), y, norms);
        NormalizeKernels.Backward(n, d, y, norms, device.Upload<float>(dy), dx);
        return (y.ToArray(), dx.ToArray());
    }
}
