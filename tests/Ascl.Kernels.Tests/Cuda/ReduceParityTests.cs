using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Normalize;
using Ascl.Kernels.Optimizer;
using Ascl.Kernels.PairDistance;
using Ascl.Kernels.Reduce;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class ReduceParityTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(259)]
    [InlineData(13001)]
    public void SumsAgreeWithTheCpu(int length)
    {
        float[] x = DeviceData.Uniform(length, 1, -0.2f, 1);
        Parity.Check("sum", device =>
        {
            DeviceBuffer<float> y = device.Allocate<float>(1);
            ReduceKernels.Sum(device.Upload<float>(x), 0.3f, y);
            return y;
        });
        Parity.Check("squared_norm", device => [(float)ReduceKernels.SquaredNorm(device.Upload<float>(x))]);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(37, 33)]
    [InlineData(700, 5)]
    public void ColumnSumsAgreeWithTheCpu(int rows, int columns) => Parity.Check("column_sums", device =>
    {
        DeviceBuffer<float> y = device.Allocate<float>(columns);
        ReduceKernels.ColumnSums(rows, columns, device.Upload<float>(DeviceData.Uniform(rows * columns, 2)), y);
        return y;
    });

    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 35, 5, 3)]
    [InlineData(9, 6, 7, 8)]
    public void ChannelSumsAgreeWithTheCpu(int n, int c, int h, int w)
    {
        float[] plain = DeviceData.Uniform(n * c * h * w, 3);
        Parity.Check("channel_sums", device =>
        {
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            // Written here, so that this test needs no other kernel.
            float[] x = new float[layout.Length];
            for (int i = 0; i < plain.Length; i++)
            {
                int column = i % w, row = i / w % h, channel = i / (w * h) % c, image = i / (w * h * c);
                x[image * layout.ImageSize + channel / layout.Block * layout.PlaneSize + (row + 1) * layout.RowStride
                    + (column + 1) * layout.Block + channel % layout.Block] = plain[i];
            }
            DeviceBuffer<float> y = device.Allocate<float>(c);
            ReduceKernels.ChannelSums(layout, device.Upload<float>(x), y);
            return y;
        });
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(9, 37)]
    [InlineData(11, 128)]
    public void NormalizationAgreesWithTheCpu(int n, int d)
    {
        float[] x = DeviceData.Uniform(n * d, 4), dy = DeviceData.Uniform(n * d, 5);
        // A zero row, one below the smallest divisor, and some whose squares do not fit into a float.
        foreach (var (row, scale) in new[] { (1, 0), (2, 1e-14f), (3, 1e-20f), (4, 1e20f) })
            for (int k = 0; row < n && k < d; k++)
                x[row * d + k] *= scale;
        foreach (string what in new[] { "y", "norms", "dx" })
            Parity.Check(what, device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(n * d), norms = device.Allocate<float>(n);
                DeviceBuffer<float> dx = device.Allocate<float>(n * d);
                NormalizeKernels.Forward(n, d, device.Upload<float>(x), y, norms);
                NormalizeKernels.Backward(n, d, y, norms, device.Upload<float>(dy), dx);
                return what switch
                {
                    "y" => y.ToArray(),
                    "norms" => [.. norms.ToArray().Select(norm => MathF.Log(norm + 1e-37f))],
                    // Rows of all sizes are to be compared.
                    _ => [.. dx.ToArray().Select((value, i) => value * MathF.Max(norms.ToArray()[i / d], 1e-12f))],
                };
            });
    }

    [Theory]
    [InlineData(3)]
    [InlineData(1030)]
    public void SgdStepsAgreeWithTheCpu(int length)
    {
        foreach (string what in new[] { "w", "m" })
            Parity.Check(what, device =>
            {
                DeviceBuffer<float> w = device.Upload<float>(DeviceData.Uniform(length, 6));
                DeviceBuffer<float> m = device.Upload<float>(DeviceData.Uniform(length, 7));
                for (uint step = 0; step < 2; step++)
                    SgdKernels.Step(w, m, device.Upload<float>(DeviceData.Uniform(length, 8 + step)), 0.1f, 0.9f, 5e-4f);
                return what == "w" ? w : m;
            });
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(17, 5, 40)]
    [InlineData(6, 33, 67)]
    public void PairDistancesAgreeWithTheCpu(int n, int m, int d)
    {
        float[] a = [.. DeviceData.Uniform(n * d, 9).Select(x => MathF.Round(x * 8) / 8)];
        float[] b = [.. DeviceData.Uniform(m * d, 10).Select(x => MathF.Round(x * 8) / 8)];
        float[] gradient = DeviceData.Uniform(n * m, 11);
        Check("pair_distance.forward", n * m, (x, z, y) => PairDistanceKernels.Forward(n, m, d, x, z, y));
        Check("pair_distance.backward_first", n * d,
            (x, z, dx) => PairDistanceKernels.BackwardFirst(n, m, d, x, z, x.Device.Upload<float>(gradient), dx));
        Check("pair_distance.backward_second", m * d,
            (x, z, dz) => PairDistanceKernels.BackwardSecond(n, m, d, x, z, x.Device.Upload<float>(gradient), dz));

        void Check(string what, int length, Action<DeviceBuffer<float>, DeviceBuffer<float>, DeviceBuffer<float>> run) =>
            Parity.Check(what, device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(length);
                run(device.Upload<float>(a), device.Upload<float>(b), y);
                return y;
            });
    }

    [Fact]
    public void ClassWeightsAgree()
    {
        int[] labels = [1, 0, 1, 2, 2, 1];
        DeviceBuffer<float> weights = TestGpu.Device.Allocate<float>(labels.Length * labels.Length);
        PairDistanceKernels.ClassWeights(TestGpu.Device.Upload<int>(labels), -0.5f, weights);
        Assert.Equal(labels.SelectMany(own => labels.Select(other => own == other ? 1 : -0.5f)), weights.ToArray());
    }

    [Fact]
    public void PairMeansAreThoseOfTheCpu() => Parity.Check("pair_means", device =>
    {
        PairMeans means = PairMeansKernels.Between(5, device.Upload<float>(DeviceData.Uniform(60, 12)),
            device.Upload<float>(DeviceData.Uniform(60, 13)), device.Upload<int>([.. Enumerable.Range(0, 12).Select(i => i % 3)]));
        return [(float)means.Same.L2, (float)means.Same.Cosine, (float)means.Same.Linf, means.Same.Count, (float)means.Other.L2,
            (float)means.Other.Cosine, (float)means.Other.Linf, means.Other.Count];
    });
}
