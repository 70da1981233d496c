using Ascl.Kernels.Layout;
using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Pool2d;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>
/// What is computed on activations, whose memory differs between the devices: compared as plain [N, C, H, W], borders looked at apart.
/// </summary>
[Collection(TestGpu.Collection)]
public sealed class ActivationParityTests
{
    [Theory]
    [InlineData(2, 3, 5, 7)]
    [InlineData(1, 8, 9, 34)]
    [InlineData(3, 33, 1, 1)]
    public void PlainValuesComeAndGo(int n, int c, int h, int w)
    {
        float[] x = DeviceData.Uniform(n * c * h * w, 1), mean = DeviceData.Uniform(c, 2), scale = DeviceData.Uniform(c, 3);
        foreach (bool planes in new[] { true, false })
        {
            Parity.Check("from plain", device =>
            {
                ActivationLayout layout = planes ? ActivationLayout.Planes(n, c, h, w) : ActivationLayout.Blocked(device, n, c, h, w);
                DeviceBuffer<float> a = device.Allocate<float>(layout.Length), plain = device.Allocate<float>(x.Length);
                ActivationKernels.FromPlain(layout, device.Upload<float>(x), mean, scale, a);
                DeviceData.AssertZeroOutside(layout, a, "from plain");
                ActivationKernels.ToPlain(layout, a, scale, plain);
                return plain;
            });
        }
        using CpuDevice cpu = new(1);
        foreach (Device device in new Device[] { cpu, TestGpu.Device })
        {
            // Memory from the pool may hold the pixels of more channels.
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w), full = layout with { C = layout.Blocks * layout.Block };
            DeviceBuffer<float> used = device.Activation(full, DeviceData.Uniform(n * full.C * h * w, 4));
            ActivationKernels.FromPlain(layout, device.Upload<float>(x), default, default, used);
            DeviceData.AssertZeroOutside(layout, used, "from plain into used memory");
            Assert.Equal(x, device.Plain(layout, used));
        }
        ActivationLayout own = ActivationLayout.Blocked(TestGpu.Device, n, c, h, w);
        DeviceBuffer<float> all = TestGpu.Device.Allocate<float>(own.Length);
        all.CopyFrom([.. Enumerable.Repeat(2f, own.Length)]);
        ActivationKernels.ClearOutside(own, all);
        DeviceData.AssertZeroOutside(own, all, "clear outside");
        Assert.All(TestGpu.Device.Plain(own, all), value => Assert.Equal(2, value));
    }

    /// <summary>n, c, h, w: channels that fill no quad, more quads than lanes, rows shared by several groups.</summary>
    public static TheoryData<int, int, int, int> Shapes { get; } = new() { { 2, 5, 4, 3 }, { 3, 16, 6, 6 }, { 1, 150, 3, 2 },
        { 1, 4, 40, 33 } };

    [Theory, MemberData(nameof(Shapes))]
    public void BatchNorm(int n, int c, int h, int w)
    {
        int values = n * c * h * w;
        // Far from zero, as a channel's mean may be.
        float[] x = [.. DeviceData.Uniform(values, 1).Select((v, i) => v + i / (h * w) % c % 10)], dy = DeviceData.Uniform(values, 2);
        float[] residual = DeviceData.Uniform(values, 3);
        float[] gamma = DeviceData.Uniform(c, 4), beta = DeviceData.Uniform(c, 5), running = DeviceData.Uniform(c, 6);
        float[] runningVariance = DeviceData.Uniform(c, 7, 0.5f, 2);
        foreach (bool train in new[] { true, false })
            foreach (bool relu in new[] { true, false })
                Parity.Check($"train {train}, relu {relu}", device => Run(device, train, relu), 3e-6);

        Dictionary<string, float[]> Run(Device device, bool train, bool relu)
        {
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            int channels = layout.Blocks * layout.Block;
            DeviceBuffer<float> xb = device.Activation(layout, x), mean = device.Allocate<float>(channels);
            DeviceBuffer<float> variance = device.Allocate<float>(channels), inverseStd = device.Allocate<float>(channels);
            DeviceBuffer<float> m = device.Upload<float>(running), v = device.Upload<float>(runningVariance);
            DeviceBuffer<float> g = device.Upload<float>(gamma), y = device.Allocate<float>(layout.Length);
            BatchNormKernels.Statistics(layout, xb, mean, variance);
            BatchNormKernels.TrainStatistics(layout, xb, new(m, v, 0.1f), 1e-5f, mean, inverseStd);
            if (!train)
                BatchNormKernels.InverseStd(c, v, 1e-5f, inverseStd);
            BatchNormKernels.Forward(layout, xb, train ? mean : m, inverseStd, g, device.Upload<float>(beta),
                device.Activation(layout, residual), relu, y);
            DeviceData.AssertZeroOutside(layout, y, "y");
            DeviceBuffer<float> dx = device.Allocate<float>(layout.Length), dz = device.Allocate<float>(layout.Length);
            DeviceBuffer<float> dgamma = device.Allocate<float>(c), dbeta = device.Allocate<float>(c);
            BatchNormKernels.Backward(layout, device.Activation(layout, dy), relu ? y : null, xb, train ? mean : m, inverseStd, g, train,
                dx, dgamma, dbeta, dz);
            DeviceData.AssertZeroOutside(layout, dx, "dx");
            return new()
            {
                ["mean"] = mean.ToArray()[..c],
                ["variance"] = variance.ToArray()[..c],
                ["running mean"] = m.ToArray(),
                ["running variance"] = v.ToArray(),
                ["y"] = device.Plain(layout, y),
                ["dx"] = device.Plain(layout, dx),
                ["dgamma"] = dgamma.ToArray(),
                ["dbeta"] = dbeta.ToArray(),
                ["dz"] = device.Plain(layout, dz),
            };
        }
    }

    /// <summary>Plain windows, and such as reach over each side, are rectangular, dilated, or larger than the image.</summary>
    public static TheoryData<int[], Window2d, bool> Windows { get; } = new()
    {
        { [2, 5, 6, 7], new(2, 2, 2, 2), false }, { [1, 8, 7, 9], new(3, 3, 2, 2), false }, { [1, 36, 5, 5], new(3, 3), false },
        { [1, 3, 8, 8], new(2, 2, 3, 3), false }, { [2, 5, 8, 7], new(3, 3, 2, 2, 1, 1, 1, 1), true },
        { [1, 3, 6, 9], new(2, 4, 1, 3, 0, 3, 1, 2), false }, { [1, 9, 9, 8], new(3, 2, 1, 2, 2, 1, 2, 1, 2, 3), true },
        { [1, 3, 2, 2], new(3, 3, 1, 1, 1, 2, 2, 1), true }, { [1, 3, 6, 6], new(3, 3, 2, 2, Bottom: 2), true },
        { [1, 3, 6, 6], new(2, 2, 3, 3, Right: 1), true },
    };

    [Theory, MemberData(nameof(Windows))]
    public void Pooling(int[] shape, Window2d window, bool whole)
    {
        var (n, c, h, w) = (shape[0], shape[1], shape[2], shape[3]);
        // Few different values: most windows have several largest ones.
        float[] x = [.. DeviceData.Uniform(n * c * h * w, 1).Select(v => MathF.Round(2 * v))];
        foreach (
            string what in new[] { "maximum", "mean", "gradient of the maximum", "gradient of the mean", "global mean",
                "gradient of the global mean", "global maximum", "gradient of the global maximum" })
            Parity.Check(what, device => Run(device, what));

        float[] Run(Device device, string what)
        {
            ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
            Pool2dGeometry g = Pool2dGeometry.Of(device, layout, window, ceilMode: whole, countPadding: whole);
            float[] dy = DeviceData.Uniform(n * c * g.Output.H * g.Output.W, 2), dMean = DeviceData.Uniform(n * c, 3);
            DeviceBuffer<float> xb = device.Activation(layout, x), y = device.Allocate<float>(g.Output.Length);
            DeviceBuffer<float> dx = device.Activation(layout, x), mean = device.Allocate<float>(n * c);
            switch (what)
            {
                case "maximum":
                    Pool2dKernels.MaxForward(g, xb, y);
                    break;
                case "mean":
                    Pool2dKernels.AverageForward(g, xb, y);
                    break;
                case "gradient of the maximum":
                    Pool2dKernels.MaxForward(g, xb, y);
                    Pool2dKernels.MaxBackward(g, device.Activation(g.Output, dy), xb, y, dx);
                    break;
                case "gradient of the mean":
                    Pool2dKernels.AverageBackward(g, device.Activation(g.Output, dy), dx);
                    break;
                case "global mean":
                    Pool2dKernels.GlobalAverageForward(layout, xb, mean);
                    return mean.ToArray();
                case "global maximum":
                    Pool2dKernels.GlobalMaxForward(layout, xb, mean);
                    return mean.ToArray();
                case "gradient of the global maximum":
                    Pool2dKernels.GlobalMaxForward(layout, xb, mean);
                    Pool2dKernels.GlobalMaxBackward(layout, device.Upload<float>(dMean), xb, mean, dx);
                    break;
                default:
                    Pool2dKernels.GlobalAverageBackward(layout, device.Upload<float>(dMean), dx);
                    break;
            }
            DeviceData.AssertZeroOutside(g.Output, y, what);
            DeviceData.AssertZeroOutside(layout, dx, what);
            return what is "maximum" or "mean" ? device.Plain(g.Output, y) : device.Plain(layout, dx);
        }
    }
}
