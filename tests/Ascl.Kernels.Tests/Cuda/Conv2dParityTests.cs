using Ascl.Autograd.Checking;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class Conv2dParityTests
{
    /// <summary>
    /// Direct convolution in float32: sums of at most some hundred products, of the shapes that only a GPU is fast enough for some
    /// thousand.
    /// </summary>
    private static readonly double Allowed = TestGpu.IsReal ? 6e-6 : 1e-6;

    /// <summary>n, c, h, w, k, r, s, stride, padding. A GPU takes those of the CPU's tests too.</summary>
    public static TheoryData<int[]> Shapes { get; } = new(
    [
        .. ((IEnumerable<object[]>)Kernels.Tests.Conv2d.Conv2dTests.Shapes).Where(_ => TestGpu.IsReal).Select(row => (int[])row[0]),
        new[] { 1, 1, 1, 1, 1, 1, 1, 1, 0 }, new[] { 2, 8, 6, 5, 16, 3, 3, 1, 1 }, new[] { 2, 5, 5, 7, 19, 3, 3, 1, 1 },
        new[] { 1, 5, 4, 4, 70, 3, 3, 1, 1 }, new[] { 1, 9, 3, 5, 40, 3, 3, 1, 1 },
        new[] { 2, 3, 12, 13, 6, 3, 3, 1, 1 }, new[] { 2, 4, 17, 16, 5, 1, 1, 1, 0 }, new[] { 2, 7, 7, 6, 20, 3, 3, 2, 1 },
        new[] { 1, 6, 8, 8, 36, 3, 3, 2, 1 }, new[] { 1, 16, 9, 5, 32, 1, 1, 2, 0 },
        new[] { 1, 6, 6, 7, 9, 3, 3, 1, 0 }, new[] { 1, 2, 6, 6, 3, 3, 3, 1, 4 }, new[] { 1, 8, 7, 6, 9, 5, 5, 1, 2 },
        new[] { 1, 3, 9, 8, 6, 5, 3, 3, 2 }, new[] { 1, 4, 8, 9, 8, 7, 7, 2, 3 },
        new[] { 1, 2, 9, 9, 3, 2, 2, 4, 0 }, new[] { 1, 16, 5, 5, 16, 1, 1, 3, 1 }, new[] { 2, 3, 5, 13, 6, 2, 5, 3, 5 },
        new[] { 1, 3, 4, 5, 5, 3, 3, 2, 0 },
    ]);

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinition(int[] shape) => Check(shape, planes: false);

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinitionOnImagePlanes(int[] shape) => Check(shape, planes: true);

    private static void Check(int[] shape, bool planes)
    {
        var (n, c, h, w, k, r, s, stride, padding) = (shape[0], shape[1], shape[2], shape[3], shape[4], shape[5], shape[6], shape[7],
            shape[8]);
        CudaDevice device = TestGpu.Device;
        ActivationLayout input = planes ? ActivationLayout.Planes(n, c, h, w) : ActivationLayout.Blocked(device, n, c, h, w);
        Conv2dGeometry g = Conv2dGeometry.Of(device, input, [k, c, r, s], stride, padding);
        int outputs = n * k * g.Output.H * g.Output.W;
        float[] x = DeviceData.Uniform(n * c * h * w, 1), weight = DeviceData.Uniform(g.WeightLength, 2);
        float[] dy = DeviceData.Uniform(outputs, 3), bias = DeviceData.Uniform(k, 4), residual = DeviceData.Uniform(outputs, 5);
        float[] gate = DeviceData.Uniform(outputs, 7);
        DeviceBuffer<float> xBuffer = Upload(input, x), dyBuffer = Upload(g.Output, dy), weightBuffer = device.Upload<float>(weight);
        DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = device.Allocate<float>(input.Length);
        DeviceBuffer<float> dw = device.Upload<float>(weight);
        double[] xd = Tolerance.ToDouble(x), wd = Tolerance.ToDouble(weight), dyd = Tolerance.ToDouble(dy);
        var (xs, ws) = ((n, c, h, w), (k, r, s));

        double[] expected = ReferenceConv2d.Forward(xd, xs, wd, ws, stride, padding);
        Conv2dKernels.Forward(g, xBuffer, weightBuffer, default, y);
        Same(expected, g.Output, y, "forward");
        Conv2dKernels.Forward(g, xBuffer, weightBuffer,
            new(device.Upload<float>(bias), Upload(g.Output, residual), true, Upload(g.Output, gate)), y);
        Same([.. expected.Select((v, i) => gate[i] > 0 ? Math.Max(0, v + bias[i / (g.Output.H * g.Output.W) % k] + residual[i]) : 0)],
            g.Output, y, "forward with everything");

        double[] gradient = ReferenceConv2d.BackwardInput(dyd, xs, wd, ws, stride, padding);
        Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, default, dx);
        Same(gradient, input, dx, "backward input");
        if (planes)
        {
            Assert.Throws<NotSupportedException>(() => Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, new(Gate: xBuffer), dx));
        }
        else
        {
            float[] addend = DeviceData.Uniform(x.Length, 6);
            Conv2dKernels.BackwardInput(g, dyBuffer, weightBuffer, new(Residual: Upload(input, addend), Gate: xBuffer), dx);
            Same([.. gradient.Select((v, i) => x[i] > 0 ? v + addend[i] : 0)], input, dx, "backward input, added and gated");
        }

        Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
        float[] first = dw.ToArray();
        Tolerance.CloseInMean(ReferenceConv2d.BackwardWeight(xd, dyd, xs, ws, stride, padding), first, Allowed, "backward weight");
        Conv2dKernels.BackwardWeight(g, xBuffer, dyBuffer, dw);
        Assert.Equal(first, dw.ToArray());
    }

    /// <summary>Nor on the tiles that it is cut into.</summary>
    [Theory]
    [InlineData(9, 36, 5, 3, 1)]
    [InlineData(9, 18, 5, 3, 2)]
    public void AnImageDoesNotDependOnItsBatch(int channels, int outputs, int size, int kernel, int stride)
    {
        CudaDevice device = TestGpu.Device;
        DeviceBuffer<float> weight = device.Upload<float>(DeviceData.Uniform(channels * outputs * kernel * kernel, 2));
        var (y, dx) = Run(0, 3);
        using IDisposable scope = device.WithLargeTilesOnly();
        var (lastY, lastDx) = Run(2, 1);
        Assert.Equal(y[^lastY.Length..], lastY);
        Assert.Equal(dx[^lastDx.Length..], lastDx);

        (float[] Y, float[] Dx) Run(int skip, int n)
        {
            Conv2dGeometry g = Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, n, channels, size, size),
                [outputs, channels, kernel, kernel], stride, kernel / 2);
            int image = channels * size * size, outputImage = outputs * g.Output.H * g.Output.W;
            DeviceBuffer<float> x = Upload(g.Input, DeviceData.Uniform(3 * image, 1)[(skip * image)..((skip + n) * image)]);
            DeviceBuffer<float> dy = Upload(g.Output,
                DeviceData.Uniform(3 * outputImage, 3)[(skip * outputImage)..((skip + n) * outputImage)]);
            DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = device.Allocate<float>(g.Input.Length);
            Conv2dKernels.Forward(g, x, weight, default, y);
            Conv2dKernels.BackwardInput(g, dy, weight, default, dx);
            Tolerance.CloseInMean(
                ReferenceConv2d.Forward(Tolerance.ToDouble(Plain(g.Input, x)), (n, channels, size, size),
                    Tolerance.ToDouble(weight.ToArray()), (outputs, kernel, kernel), stride, kernel / 2), Plain(g.Output, y), Allowed);
            return (Plain(g.Output, y), Plain(g.Input, dx));
        }
    }

    [Fact]
    public void PackedWeightsFollowTheWeights()
    {
        CudaDevice device = TestGpu.Device;
        Conv2dGeometry g = Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, 1, 2, 1, 1), [1, 2, 1, 1], 1, 0);
        DeviceBuffer<float> x = Upload(g.Input, [1, 10]), y = device.Allocate<float>(g.Output.Length);
        DeviceBuffer<float> weight = device.Upload<float>([2, 3]);
        Conv2dKernels.Forward(g, x, weight, default, y);
        Assert.Equal([32], Plain(g.Output, y));
        weight.CopyFrom([4, 5]);
        Conv2dKernels.Forward(g, x, weight, default, y);
        Assert.Equal([54], Plain(g.Output, y));
    }

    [Fact]
    public void ReluKeepsNaN()
    {
        CudaDevice device = TestGpu.Device;
        Conv2dGeometry g = Conv2dGeometry.Of(device, ActivationLayout.Blocked(device, 1, 1, 1, 2), [1, 1, 1, 1], 1, 0);
        DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length);
        Conv2dKernels.Forward(g, Upload(g.Input, [float.NaN, -1]), device.Upload<float>([1]), new(Relu: true), y);
        Assert.Equal([float.NaN, 0], Plain(g.Output, y));
    }

    private static void Same(double[] expected, ActivationLayout layout, DeviceBuffer<float> actual, string what)
    {
        Tolerance.CloseInMean(expected, Plain(layout, actual), Allowed, what);
        DeviceData.AssertZeroOutside(layout, actual, what);
    }

    private static DeviceBuffer<float> Upload(ActivationLayout layout, float[] plain) => TestGpu.Device.Activation(layout, plain);

    private static float[] Plain(ActivationLayout layout, DeviceBuffer<float> activation) => TestGpu.Device.Plain(layout, activation);
}
