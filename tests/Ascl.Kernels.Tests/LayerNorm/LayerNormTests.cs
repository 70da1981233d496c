using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.LayerNorm;
using Ascl.Kernels.Tests.Channels;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.LayerNorm;

public sealed class LayerNormTests
{
    [Theory]
    [InlineData(2, 5, 3, 4)]
    [InlineData(1, 17, 1, 1)]
    [InlineData(3, 32, 2, 7)]
    [InlineData(1, 1, 3, 3)]
    public void PixelsHaveMean0AndVariance1(int n, int c, int h, int w)
    {
        float[] x = DeviceData.Uniform(n * c * h * w, 1), dy = DeviceData.Uniform(n * c * h * w, 2);
        double[] expected = new double[x.Length];
        for (int image = 0; image < n; image++)
            for (int p = 0; p < h * w; p++)
            {
                double[] values = [.. Enumerable.Range(0, c).Select(k => (double)x[(image * c + k) * h * w + p])];
                double mean = values.Average(), variance = values.Average(value => Math.Pow(value - mean, 2));
                for (int k = 0; k < c; k++)
                    expected[(image * c + k) * h * w + p] = (values[k] - mean) / Math.Sqrt(variance + 1e-3f);
            }
        float[]? bits = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            DeviceBuffer<float> mean = device.Allocate<float>(LayerNormKernels.PixelsOf(layout));
            DeviceBuffer<float> inverseStd = device.Allocate<float>(mean.Length);
            DeviceBuffer<float> xb = device.Activation(layout, x), y = ChannelKernelsTests.Dirty(device, layout);
            LayerNormKernels.Forward(layout, xb, null, null, 1e-3f, mean, inverseStd, y);
            Tolerance.Close(expected, device.Plain(layout, y), 2e-6, "y");
            DeviceData.AssertZeroOutside(layout, y, "y");
            DeviceBuffer<float> dx = ChannelKernelsTests.Dirty(device, layout), dscale = device.Allocate<float>(c);
            DeviceBuffer<float> dbias = device.Allocate<float>(c);
            LayerNormKernels.Backward(layout, device.Activation(layout, dy), xb, null, mean, inverseStd, dx, dscale, dbias);
            DeviceData.AssertZeroOutside(layout, dx, "dx");
            DeviceData.AssertNothingBehind(dscale, "dscale");
            float[] made = [.. dx.ToArray(), .. dscale.ToArray(), .. dbias.ToArray()];
            Assert.Equal(bits ??= made, made);
        }
    }
}
