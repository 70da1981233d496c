using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Pool2d;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Pool2d;

public sealed class Pool2dTests
{
    /// <summary>n, c, h, w, window, stride: disjoint, overlapping, apart, and windows that leave a rest.</summary>
    public static TheoryData<int[]> Shapes { get; } = new(
        new[] { 2, 5, 6, 6, 2, 2 }, new[] { 1, 17, 7, 9, 3, 2 }, new[] { 3, 16, 5, 5, 3, 1 }, new[] { 1, 1, 1, 1, 1, 1 },
        new[] { 2, 33, 8, 8, 4, 3 },
        new[] { 2, 3, 9, 4, 2, 4 }, new[] { 4, 64, 12, 12, 2, 2 }, new[] { 2, 8, 5, 7, 5, 1 });

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinition(int[] shape) => Check(shape, DeviceData.Uniform(shape[0] * shape[1] * shape[2] * shape[3], 1));

    /// <summary>Values of −1, 0 and 1 only: nearly every window has ties, and the first pixel takes the gradient.</summary>
    [Theory, MemberData(nameof(Shapes))]
    public void TheFirstOfEqualPixelsTakesTheGradient(int[] shape) =>
        Check(shape, [.. DeviceData.Uniform(shape[0] * shape[1] * shape[2] * shape[3], 1).Select(v => MathF.Round(v))]);

    private static void Check(int[] shape, float[] x)
    {
        var (n, c, h, w, size, stride) = (shape[0], shape[1], shape[2], shape[3], shape[4], shape[5]);
        int oh = (h - size) / stride + 1, ow = (w - size) / stride + 1;
        float[] dy = DeviceData.Uniform(n * c * oh * ow, 2);
        double[] max = new double[dy.Length], average = new double[dy.Length], maxGradient = new double[x.Length];
        double[] averageGradient = new double[x.Length];
        for (int i = 0; i < dy.Length; i++)
        {
            int first = i / (oh * ow) * h * w + i / ow % oh * stride * w + i % ow * stride, best = first;
            for (int r = 0; r < size; r++)
                for (int s = 0; s < size; s++)
                {
                    int at = first + r * w + s;
                    best = x[at] > x[best] ? at : best;
                    average[i] += x[at] / (double)(size * size);
                    averageGradient[at] += dy[i] / (double)(size * size);
                }
            max[i] = x[best];
            maxGradient[best] += dy[i];
        }
        float[]? bits = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            Pool2dGeometry g = Pool2dGeometry.Of(device, ActivationLayout.Blocked(device, n, c, h, w), size, stride);
            Assert.Equal((oh, ow), (g.Output.H, g.Output.W));
            DeviceBuffer<float> xb = device.Activation(g.Input, x), dyb = device.Activation(g.Output, dy);
            DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = Dirty(device, g.Input);
            Pool2dKernels.MaxForward(g, xb, y);
            Assert.Equal(max.Select(v => (float)v), device.Plain(g.Output, y));
            DeviceData.AssertZeroOutside(g.Output, y, "max");
            Pool2dKernels.MaxBackward(g, dyb, xb, y, dx);
            Tolerance.Close(maxGradient, device.Plain(g.Input, dx), 1e-6, "max gradient");
            DeviceData.AssertZeroOutside(g.Input, dx, "max gradient");

            Pool2dKernels.AverageForward(g, xb, y);
            Tolerance.Close(average, device.Plain(g.Output, y), 2e-6, "average");
            DeviceData.AssertZeroOutside(g.Output, y, "average");
            dx = Dirty(device, g.Input);
            Pool2dKernels.AverageBackward(g, dyb, dx);
            Tolerance.Close(averageGradient, device.Plain(g.Input, dx), 2e-6, "average gradient");
            DeviceData.AssertZeroOutside(g.Input, dx, "average gradient");
            Assert.Equal(bits ??= dx.ToArray(), dx.ToArray());
        }
    }

    [Theory]
    [InlineData(2, 5, 4, 4)]
    [InlineData(1, 1, 1, 1)]
    [InlineData(3, 33, 7, 3)]
    [InlineData(2, 512, 4, 4)]
    public void GlobalAverage(int n, int c, int h, int w)
    {
        using CpuDevice device = new(2);
        ActivationLayout layout = ActivationLayout.Blocked(device, n, c, h, w);
        float[] x = DeviceData.Uniform(n * c * h * w, 1), dy = DeviceData.Uniform(n * c, 2);
        DeviceBuffer<float> y = device.Allocate<float>(n * c), dx = Dirty(device, layout);
        Pool2dKernels.GlobalAverageForward(layout, device.Activation(layout, x), y);
        Tolerance.Close([.. x.Chunk(h * w).Select(plane => plane.Average(v => (double)v))], y.ToArray(), 2e-6, "mean");
        DeviceData.AssertNothingBehind(y, "mean");
        Pool2dKernels.GlobalAverageBackward(layout, device.Upload<float>(dy), dx);
        Tolerance.Close([.. Enumerable.Range(0, x.Length).Select(i => dy[i / (h * w)] / (double)(h * w))], device.Plain(layout, dx), 1e-6,
            "gradient");
        DeviceData.AssertZeroOutside(layout, dx, "gradient");
    }

    [Fact]
    public void WindowsThatDoNotFitAreNamed()
    {
        using CpuDevice device = new(1);
        ActivationLayout layout = ActivationLayout.Blocked(device, 8, 3, 4, 6);
        string message = Assert.Throws<ShapeException>(() => Pool2dGeometry.Of(device, layout, 5, 1)).Message;
        Assert.StartsWith("pool2d: ", message, StringComparison.Ordinal);
        Assert.Contains(new Window2d(5, 5).ToString(), message, StringComparison.Ordinal);
        Assert.EndsWith("x [8, 3, 4, 6]", message, StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => Pool2dGeometry.Of(device, layout, 0, 1));
        Assert.Throws<ShapeException>(() => Pool2dGeometry.Of(device, layout, 2, 0));
        Assert.Throws<ShapeException>(() => Pool2dGeometry.Of(device, ActivationLayout.Planes(8, 3, 4, 6), 2, 2));
        Assert.Throws<ShapeException>(() => Pool2dGeometry.Of(device, layout, new Window2d(2, 2, Top: -1)));
        Assert.Throws<ShapeException>(() => Pool2dGeometry.Of(device, layout, new Window2d(2, 2, DilationX: 0)));
        Assert.Contains("has no pixel in x", Assert.Throws<ShapeException>(() =>
            Pool2dGeometry.Of(device, layout, new Window2d(2, 2, 1, 1, 2, 2, 2, 2))).Message, StringComparison.Ordinal);
    }

    /// <summary>Windows and, over 6 rows, how many whole ones, and how many when the last need not be: it begins in the image.</summary>
    [Theory]
    [InlineData(2, 2, 0, 0, 1, 3, 3)]
    [InlineData(3, 2, 0, 0, 1, 2, 3)]
    [InlineData(3, 2, 1, 1, 1, 3, 4)]
    [InlineData(1, 4, 0, 0, 1, 2, 2)]
    [InlineData(2, 4, 0, 3, 1, 2, 2)]
    [InlineData(3, 5, 0, 2, 2, 1, 2)]
    [InlineData(3, 3, 1, 2, 1, 3, 3)]
    public void WindowsAreCounted(int size, int stride, int top, int bottom, int dilation, int whole, int all)
    {
        using CpuDevice device = new(1);
        ActivationLayout layout = ActivationLayout.Blocked(device, 1, 3, 6, 6);
        Window2d window = new(size, 1, stride, 1, top, 0, bottom, 0, dilation);
        Assert.Equal((whole, 6), (window.OutputHeight(6), window.OutputWidth(6)));
        Assert.Equal(whole, Pool2dGeometry.Of(device, layout, window).Output.H);
        Assert.Equal(all, Pool2dGeometry.Of(device, layout, window, ceilMode: true).Output.H);
    }

    /// <summary>An activation with a zero border whose pixels hold something from before.</summary>
    private static DeviceBuffer<float> Dirty(CpuDevice device, ActivationLayout layout) =>
        device.Activation(layout, DeviceData.Uniform(layout.N * layout.C * layout.H * layout.W, 99));
}
