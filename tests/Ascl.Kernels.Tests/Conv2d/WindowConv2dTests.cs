using Ascl.Autograd.Checking;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Conv2d;

public sealed class WindowConv2dTests
{
    /// <summary>n, c, h, w, k, groups; r, s, strides, top, left, bottom, right, dilations.</summary>
    public static TheoryData<int[], int[]> Shapes { get; } = new()
    {
        { [2, 16, 9, 17, 16, 1], [1, 7, 1, 1, 0, 3, 0, 3, 1, 1] }, { [2, 9, 17, 5, 20, 1], [7, 1, 1, 1, 3, 0, 3, 0, 1, 1] },
        { [2, 16, 12, 11, 24, 1], [3, 3, 2, 2, 0, 0, 1, 1, 1, 1] }, { [1, 20, 13, 14, 17, 1], [3, 3, 1, 1, 4, 4, 4, 4, 4, 4] },
        { [1, 5, 14, 13, 9, 1], [3, 3, 2, 3, 2, 1, 1, 2, 3, 2] }, { [2, 6, 8, 9, 10, 1], [3, 2, 2, 1, 1, 0, 0, 1, 1, 1] },
        { [2, 64, 7, 9, 64, 16], [3, 3, 1, 1, 1, 1, 1, 1, 1, 1] }, { [2, 40, 8, 7, 60, 10], [3, 3, 2, 2, 1, 1, 1, 1, 1, 1] },
        { [1, 48, 6, 5, 24, 2], [1, 1, 1, 1, 0, 0, 0, 0, 1, 1] }, { [1, 96, 5, 6, 96, 3], [3, 3, 1, 1, 1, 1, 1, 1, 1, 1] },
        { [1, 12, 9, 9, 12, 4], [5, 5, 1, 1, 4, 4, 4, 4, 2, 2] }, { [3, 10, 5, 6, 30, 10], [3, 3, 1, 1, 1, 1, 1, 1, 1, 1] },
        { [2, 40, 56, 30, 40, 40], [3, 3, 1, 1, 1, 1, 1, 1, 1, 1] }, { [9, 19, 14, 14, 19, 19], [3, 3, 2, 2, 1, 1, 1, 1, 1, 1] },
        { [2, 33, 14, 15, 33, 33], [5, 5, 1, 1, 2, 2, 2, 2, 1, 1] }, { [2, 16, 28, 28, 16, 16], [5, 5, 2, 2, 2, 2, 2, 2, 1, 1] },
        { [1, 16, 28, 27, 16, 16], [7, 7, 1, 1, 3, 3, 3, 3, 1, 1] }, { [2, 24, 7, 7, 24, 24], [7, 7, 1, 1, 3, 3, 3, 3, 1, 1] },
        { [1, 8, 15, 12, 8, 8], [3, 3, 1, 1, 2, 2, 2, 2, 2, 2] }, { [2, 8, 16, 16, 8, 8], [3, 3, 2, 2, 0, 0, 1, 1, 1, 1] },
        { [1, 8, 3, 2, 8, 8], [5, 5, 1, 1, 2, 2, 2, 2, 1, 1] }, { [1, 6, 15, 16, 6, 6], [4, 3, 3, 4, 0, 1, 1, 0, 1, 2] },
        { [1, 6, 15, 16, 6, 6], [3, 3, 2, 3, 2, 1, 1, 2, 3, 2] }, { [1, 5, 2, 9, 5, 5], [3, 3, 1, 1, 3, 3, 3, 3, 3, 3] },
    };

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinition(int[] sizes, int[] window)
    {
        using CpuDevice device = new(2);
        WindowConv2d.Check(device, sizes, window, planes: false, 6e-6);
    }

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinitionOnImagePlanes(int[] sizes, int[] window)
    {
        using CpuDevice device = new(2);
        WindowConv2d.Check(device, sizes, window, planes: true, 6e-6);
    }

    [Theory]
    [InlineData(40, 40, 14, 3, 1)]
    [InlineData(19, 19, 15, 5, 2)]
    [InlineData(24, 24, 7, 7, 1)]
    [InlineData(24, 6, 9, 3, 2)]
    public void SameBitsForAnyThreadsAndAnyBatch(int channels, int groups, int size, int kernel, int stride)
    {
        int padding = kernel / 2;
        Window2d window = new(kernel, kernel, stride, stride, padding, padding, padding, padding);
        ConvolutionBits.AreTheSame((device, n) => Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, n, channels, size, size),
            [channels, channels / groups, kernel, kernel], window, groups));
    }

    [Fact]
    public void PaddingThatNoWindowReachesIsAllowed()
    {
        using CpuDevice device = new(1);
        WindowConv2d.Check(device, [1, 4, 5, 5, 4, 4], [2, 2, 4, 4, 0, 0, 1, 1, 1, 1], planes: false, 6e-6);
        WindowConv2d.Check(device, [1, 4, 5, 5, 4, 2], [2, 2, 4, 4, 0, 0, 1, 1, 1, 1], planes: false, 6e-6);
    }

    [Fact]
    public void ShapesThatDoNotFitAreNamed()
    {
        using CpuDevice device = new(1);
        ActivationLayout x = ActivationLayout.Blocked(device, 2, 6, 8, 8);
        Assert.Contains("input has 6 channels, weight expects 12",
            Message(() => Conv2dGeometry.Of(device, x, [4, 6, 3, 3], new Window2d(3, 3), 2)),
            StringComparison.Ordinal);
        Assert.Contains("2 groups do not divide 5 output channels",
            Message(() => Conv2dGeometry.Of(device, x, [5, 3, 3, 3], new Window2d(3, 3), 2)), StringComparison.Ordinal);
        Assert.Contains("not of the weight's size", Message(() => Conv2dGeometry.Of(device, x, [4, 6, 3, 3], new Window2d(3, 5), 1)),
            StringComparison.Ordinal);
        Assert.Contains("must be at least 1", Message(() => Conv2dGeometry.Of(device, x, [4, 6, 3, 3], new Window2d(3, 3, 0), 1)),
            StringComparison.Ordinal);
        Assert.Contains("larger than the padded image",
            Message(() => Conv2dGeometry.Of(device, x, [4, 6, 3, 3], new Window2d(3, 3, DilationX: 4), 1)), StringComparison.Ordinal);
        Assert.Contains("3 equal groups", Message(() => Conv2dGeometry.OfTransposed(device, x, [5, 2, 3, 3], new Window2d(3, 3), 3, 0, 0)),
            StringComparison.Ordinal);

        static string Message(Func<object> make) => Assert.Throws<ShapeException>(make).Message;
    }
}

/// <summary>The passes of a convolution against their definitions, on any device.</summary>
internal static class WindowConv2d
{
    public static void Check(Device device, int[] sizes, int[] numbers, bool planes, double allowed)
    {
        var (n, c, h, w, k, groups) = (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5]);
        Window2d window = new(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7], numbers[8],
            numbers[9]);
        ReferenceWindowConv2d.Sizes z = new(n, c, h, w, k, window, groups);
        ActivationLayout input = planes ? ActivationLayout.Planes(n, c, h, w) : ActivationLayout.Blocked(device, n, c, h, w);
        Conv2dGeometry g = Conv2dGeometry.Of(device, input, [k, c / groups, window.Height, window.Width], window, groups);
        Assert.Equal((z.OutputH, z.OutputW), (g.Output.H, g.Output.W));
        Assert.Equal((z.OutputH, z.OutputW), (window.OutputHeight(h), window.OutputWidth(w)));
        float[] x = DeviceData.Uniform(z.InputLength, 1), weight = DeviceData.Uniform(z.WeightLength, 2);
        float[] dy = DeviceData.Uniform(z.OutputLength, 3), bias = DeviceData.Uniform(k, 4);
        float[] residual = DeviceData.Uniform(z.OutputLength, 5);
        float[] gate = DeviceData.Uniform(z.OutputLength, 7), addend = DeviceData.Uniform(z.InputLength, 6);
        float[] inputBias = DeviceData.Uniform(c, 8);
        DeviceBuffer<float> xBuffer = device.Activation(input, x), dyBuffer = device.Activation(g.Output, dy);
        DeviceBuffer<float> weightBuffer = device.Upload<float>(weight);
        DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = device.Allocate<float>(input.Length);
        DeviceBuffer<float> dw = device.Allocate<float>(g.WeightLength);
        double[] xd = Tolerance.ToDouble(x), wd = Tolerance.ToDouble(weight), dyd = Tolerance.ToDouble(dy);

        double[] expected = ReferenceWindowConv2d.Forward(xd, wd, z);
        Conv2dKernels.Forward(g, xBuffer, weightBuffer, default, y);
        Same(expected, g.Output, y, "forward");
        Conv2dKernels.Forward(g, xBuffer, weightBuffer, new(device.Upload<float>(bias), device.Activation(g.Output, residual), true,
            device.Activation(g.Output, gate)), y);
        Same([.. expected.Select((v, i) =>
            gate[i] > 0 ? Math.Max(0, v + bias[i / (g.Output.H * g.Output.W) % k] + residual[i]) : 0)], g.Output, y, "forward, finished");

        double[] gradient = ReferenceWindowConv2d.BackwardInput(dyd, wd, z);
        Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, default, dx);
        Same(gradient, input, dx, "backward input");
        if (!planes)
        {
            Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer,
                new(device.Upload<float>(inputBias), device.Activation(input, addend), Gate: xBuffer), dx);
            Same([.. gradient.Select((v, i) => x[i] > 0 ? v + inputBias[i / (h * w) % c] + addend[i] : 0)], input, dx,
                "backward input, finished");
        }

        Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
        float[] first = dw.ToArray();
        Tolerance.CloseInMean(ReferenceWindowConv2d.BackwardWeight(xd, dyd, z), first, 2 * allowed, "backward weight");
        Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
        Assert.Equal(first, dw.ToArray());

        void Same(double[] values, ActivationLayout layout, DeviceBuffer<float> actual, string what)
        {
            Tolerance.CloseInMean(values, device.Plain(layout, actual), allowed, what);
            DeviceData.AssertZeroOutside(layout, actual, what);
        }
    }
}
