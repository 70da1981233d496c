using Ascl.Kernels.Layout;
using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.BatchNorm;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Conv2d;

/// <summary>The sums that a convolution makes of its result give BatchNorm's statistics of it.</summary>
public sealed class ChannelSumsTests
{
    /// <param name="n">Images.</param>
    /// <param name="c">Channels in.</param>
    /// <param name="k">Channels out.</param>
    /// <param name="height">Rows in.</param>
    /// <param name="width">Columns in.</param>
    /// <param name="stride">1 or 2.</param>
    /// <param name="offset">Of all inputs: how far the mean is from zero.</param>
    [Theory]
    [InlineData(2, 16, 16, 32, 32, 1, 0)]
    [InlineData(3, 5, 19, 9, 7, 1, 0)]
    [InlineData(1, 20, 33, 5, 6, 1, 0)]
    [InlineData(9, 33, 20, 13, 10, 1, 30)]
    [InlineData(20, 16, 64, 33, 31, 1, 0)]
    [InlineData(5, 520, 24, 7, 6, 1, 0)]
    [InlineData(3, 17, 35, 15, 13, 2, 0)]
    [InlineData(6, 64, 8, 16, 18, 2, 30)]
    public void SumsGiveMeanAndVariance(int n, int c, int k, int height, int width, int stride, float offset)
    {
        (float[] Mean, float[] Variance)? first = null;
        foreach (int threads in new[] { 1, 2, 3, 20, 64 })
        {
            using CpuDevice device = new(threads);
            ActivationLayout input = ActivationLayout.Blocked(device, n, c, height, width);
            Conv2dGeometry g = Conv2dGeometry.Of(device, input, [k, c, 3, 3], stride, 1);
            DeviceBuffer<float> x = device.Activation(input, [.. DeviceData.Uniform(n * c * height * width, 1).Select(v => v + offset)]);
            DeviceBuffer<float> weight = device.Upload<float>(DeviceData.Uniform(g.WeightLength, 2));
            DeviceBuffer<float> plain = device.Allocate<float>(g.Output.Length), y = device.Allocate<float>(g.Output.Length);
            ChannelSums sums = new();
            Conv2dKernels.Forward(g, x, weight, default, plain);
            Conv2dKernels.Forward(g, x, weight, default, y, sums);
            Assert.True(sums.Made);
            Assert.Equal(plain.ToArray(), y.ToArray());

            int channels = g.Output.Blocks * g.Output.Block;
            DeviceBuffer<float> mean = device.Allocate<float>(channels), variance = device.Allocate<float>(channels);
            BatchNormKernels.Statistics(g.Output, y, mean, variance, sums);
            var expected = BatchNormReference.Statistics(g.Output, device.Plain(g.Output, y));
            // A mean is as uncertain as the values are spread: one near zero is so by cancellation.
            double[] deviation = [.. expected.Variance.Select(Math.Sqrt)];
            Assert.All(mean.ToArray()[..k],
                (m, i) =>
                    Assert.InRange(m, expected.Mean[i] - 1e-6 * (Math.Abs(expected.Mean[i]) + deviation[i]),
                        expected.Mean[i] + 1e-6 * (Math.Abs(expected.Mean[i]) + deviation[i])));
            Tolerance.Close(expected.Variance, variance.ToArray()[..k], 3e-6, "variance");
            first ??= (mean.ToArray(), variance.ToArray());
            Assert.Equal(first.Value.Mean, mean.ToArray());
            Assert.Equal(first.Value.Variance, variance.ToArray());
        }
    }

    [Fact]
    public void SumsAreNotMadeByOtherAlgorithms()
    {
        using CpuDevice device = new(1);
        Conv2dGeometry g = Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, 2, 8, 6, 6), [4, 8, 1, 1], 1, 0);
        ChannelSums sums = new();
        Conv2dKernels.Forward(g, device.Allocate<float>(g.Input.Length), device.Upload<float>(DeviceData.Uniform(g.WeightLength, 1)),
            default, device.Allocate<float>(g.Output.Length), sums);
        Assert.False(sums.Made);
    }
}
