using Ascl.Core.Diagnostics;
using Ascl.Autograd.Checking;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Conv2d;

public sealed class Conv2dTests
{
    /// <summary>n, c, h, w, k, r, s, stride, padding.</summary>
    public static TheoryData<int[]> Shapes { get; } = new(
        new[] { 2, 16, 8, 8, 16, 3, 3, 1, 1 }, new[] { 1, 1, 1, 1, 1, 1, 1, 1, 0 }, new[] { 3, 5, 9, 7, 19, 3, 3, 1, 1 },
        new[] { 2, 33, 6, 11, 40, 3, 3, 1, 0 },
        new[] { 2, 20, 5, 5, 3, 3, 3, 1, 2 }, new[] { 2, 64, 32, 32, 64, 3, 3, 1, 1 }, new[] { 5, 70, 4, 4, 100, 3, 3, 1, 1 },
        new[] { 1, 256, 8, 8, 300, 3, 3, 1, 1 },
        new[] { 3, 512, 4, 4, 512, 3, 3, 1, 1 }, new[] { 2, 16, 16, 16, 32, 3, 3, 2, 1 }, new[] { 2, 17, 15, 13, 33, 3, 3, 2, 1 },
        new[] { 2, 64, 8, 8, 128, 3, 3, 2, 1 },
        new[] { 1, 16, 6, 7, 16, 3, 3, 2, 1 }, new[] { 3, 5, 17, 9, 50, 3, 3, 2, 1 }, new[] { 2, 64, 32, 32, 128, 3, 3, 2, 1 },
        new[] { 1, 100, 11, 20, 70, 3, 3, 2, 1 },
        new[] { 3, 256, 9, 8, 512, 3, 3, 2, 1 }, new[] { 1, 1030, 5, 6, 20, 3, 3, 2, 1 }, new[] { 2, 33, 12, 9, 20, 3, 3, 2, 0 },
        new[] { 2, 16, 16, 16, 32, 1, 1, 2, 0 }, new[] { 2, 40, 7, 9, 24, 1, 1, 1, 0 }, new[] { 2, 8, 11, 10, 9, 5, 5, 1, 2 },
        new[] { 1, 3, 13, 17, 6, 5, 3, 3, 2 },
        new[] { 2, 4, 12, 12, 8, 7, 7, 2, 3 }, new[] { 1, 2, 9, 9, 3, 2, 2, 4, 0 }, new[] { 1, 2, 6, 6, 3, 3, 3, 1, 4 },
        new[] { 1, 6, 3, 3, 5, 3, 3, 1, 0 }, new[] { 4, 12, 3, 5, 14, 3, 3, 1, 1 },
        new[] { 2, 16, 5, 5, 16, 1, 1, 3, 1 }, new[] { 1, 130, 14, 14, 48, 3, 3, 1, 1 },
        // Results large enough to be written past the caches: forward, then backward.
        new[] { 20, 16, 33, 31, 64, 3, 3, 1, 1 }, new[] { 20, 64, 32, 30, 16, 3, 3, 1, 1 }, new[] { 18, 64, 33, 32, 8, 3, 3, 2, 1 },
        new[] { 2, 3, 32, 32, 64, 3, 3, 1, 1 }, new[] { 20, 3, 8, 8, 8, 3, 3, 1, 1 }, new[] { 20, 8, 8, 6, 16, 1, 1, 2, 0 },
        new[] { 19, 20, 6, 6, 40, 5, 5, 1, 2 }, new[] { 1, 1, 28, 28, 33, 3, 3, 1, 0 }, new[] { 1, 3, 37, 29, 20, 7, 7, 2, 3 },
        new[] { 2, 3, 5, 67, 6, 2, 5, 3, 5 });

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinition(int[] shape) => Check(shape, planes: false);

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinitionOnImagePlanes(int[] shape) => Check(shape, planes: true);

    private static void Check(int[] shape, bool planes)
    {
        var (n, c, h, w, k, r, s, stride, padding) = (shape[0], shape[1], shape[2], shape[3], shape[4], shape[5], shape[6], shape[7],
            shape[8]);
        using CpuDevice device = new(2);
        ActivationLayout input = planes ? ActivationLayout.Planes(n, c, h, w) : ActivationLayout.Blocked(device, n, c, h, w);
        Conv2dGeometry g = Conv2dGeometry.Of(device, input, [k, c, r, s], stride, padding);
        int outputs = n * k * g.Output.H * g.Output.W;
        float[] x = DeviceData.Uniform(n * c * h * w, 1), weight = DeviceData.Uniform(g.WeightLength, 2);
        float[] dy = DeviceData.Uniform(outputs, 3), bias = DeviceData.Uniform(k, 4), residual = DeviceData.Uniform(outputs, 5);
        DeviceBuffer<float> xBuffer = device.Activation(input, x), dyBuffer = device.Activation(g.Output, dy);
        DeviceBuffer<float> weightBuffer = device.Upload<float>(weight);
        DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = device.Allocate<float>(input.Length);
        DeviceBuffer<float> dw = device.Allocate<float>(g.WeightLength);
        double[] xd = Tolerance.ToDouble(x), wd = Tolerance.ToDouble(weight), dyd = Tolerance.ToDouble(dy);
        var (xs, ws) = ((n, c, h, w), (k, r, s));

        double[] expected = ReferenceConv2d.Forward(xd, xs, wd, ws, stride, padding);
        Conv2dKernels.Forward(g, xBuffer, weightBuffer, default, y);
        Tolerance.CloseInMean(expected, device.Plain(g.Output, y), 6e-6, "forward");
        DeviceData.AssertZeroOutside(g.Output, y, "y");

        Conv2dKernels.Forward(g, xBuffer, weightBuffer,
            new Conv2dEpilogue(device.Upload<float>(bias), device.Activation(g.Output, residual), true), y);
        double[] finished = [.. expected.Select((v, i) => Math.Max(0, v + bias[i / (g.Output.H * g.Output.W) % k] + residual[i]))];
        Tolerance.CloseInMean(finished, device.Plain(g.Output, y), 6e-6, "forward with bias, residual and relu");
        DeviceData.AssertZeroOutside(g.Output, y, "y");

        double[] gradient = ReferenceConv2d.BackwardInput(dyd, xs, wd, ws, stride, padding);
        Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, default, dx);
        Tolerance.CloseInMean(gradient, device.Plain(input, dx), 6e-6, "backward input");
        DeviceData.AssertZeroOutside(input, dx, "dx");
        if (planes)
        {
            Assert.Throws<NotSupportedException>(() => Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, new(Gate: xBuffer), dx));
        }
        else
        {
            float[] addend = DeviceData.Uniform(x.Length, 6);
            Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, new(Gate: xBuffer), dx);
            Tolerance.CloseInMean([.. gradient.Select((v, i) => x[i] > 0 ? v : 0)], device.Plain(input, dx), 6e-6, "backward input, gated");
            Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, new(Residual: device.Activation(input, addend), Gate: xBuffer), dx);
            Tolerance.CloseInMean([.. gradient.Select((v, i) => x[i] > 0 ? v + addend[i] : 0)], device.Plain(input, dx), 6e-6,
                "backward input, added and gated");
            DeviceData.AssertZeroOutside(input, dx, "dx");
        }

        Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
        Tolerance.CloseInMean(ReferenceConv2d.BackwardWeight(xd, dyd, xs, ws, stride, padding), dw.ToArray(), 1.2e-5, "backward weight");
    }

    [Theory]
    [InlineData(64, 16, 3, 1, false)]
    [InlineData(128, 8, 3, 1, false)]
    [InlineData(300, 4, 3, 1, false)]
    [InlineData(600, 4, 3, 1, false)]
    [InlineData(32, 16, 3, 2, false)]
    [InlineData(128, 14, 3, 2, false)]
    [InlineData(600, 7, 3, 2, false)]
    [InlineData(32, 9, 1, 2, false)]
    [InlineData(3, 19, 3, 1, true)]
    [InlineData(3, 19, 3, 2, true)]
    public void SameBitsForAnyThreadsAndAnyBatch(int channels, int size, int kernel, int stride, bool planes)
    {
        ConvolutionBits.AreTheSame((device, n) => Conv2dGeometry.Of(device,
            planes ? ActivationLayout.Planes(n, channels, size, size) : ActivationLayout.Blocked(device, n, channels, size, size),
            [channels, channels, kernel, kernel], stride, kernel / 2));
    }

    [Fact]
    public void ShapesThatDoNotFitAreNamed()
    {
        using CpuDevice device = new(1);
        var e = Assert.Throws<ShapeException>(
            () => Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, 8, 3, 32, 32), [16, 16, 3, 3], 1, 1));
        Assert.Contains("input has 3 channels, weight expects 16; x [8, 3, 32, 32], weight [16, 16, 3, 3]", e.Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, 8, 3, 2, 2), [16, 3, 5, 5], 1, 1));
    }
}
