using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Conv2d;

/// <summary>The three passes of a convolution give the same bits on any number of threads, and for an image in any batch.</summary>
internal static class ConvolutionBits
{
    private const int Batch = 9;

    /// <param name="geometry">The convolution of a number of images.</param>
    public static void AreTheSame(Func<CpuDevice, int, Conv2dGeometry> geometry)
    {
        float[]? forward = null, backwardInput = null, backwardWeight = null;
        foreach (int threads in new[] { 1, 2, 3, 20, 64 })
        {
            using CpuDevice device = new(threads);
            DeviceBuffer<float> weight = device.Upload<float>(DeviceData.Uniform(geometry(device, 1).WeightLength, 2));
            var all = Run(device, geometry(device, Batch), weight, 0);
            Assert.Equal(forward ??= all.Y, all.Y);
            Assert.Equal(backwardInput ??= all.Dx, all.Dx);
            Assert.Equal(backwardWeight ??= all.Dw, all.Dw);
            var last = Run(device, geometry(device, 1), weight, Batch - 1);
            Assert.Equal(forward[^last.Y.Length..], last.Y);
            Assert.Equal(backwardInput[^last.Dx.Length..], last.Dx);
        }
    }

    private static (float[] Y, float[] Dx, float[] Dw) Run(CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> weight, int skip)
    {
        int n = g.Input.N, image = g.C * g.Input.H * g.Input.W, outputImage = g.K * g.Output.H * g.Output.W;
        DeviceBuffer<float> x = device.Activation(g.Input, DeviceData.Uniform(Batch * image, 1)[(skip * image)..((skip + n) * image)]);
        DeviceBuffer<float> dy = device.Activation(g.Output,
            DeviceData.Uniform(Batch * outputImage, 3)[(skip * outputImage)..((skip + n) * outputImage)]);
        DeviceBuffer<float> y = device.Allocate<float>(g.Output.Length), dx = device.Allocate<float>(g.Input.Length);
        DeviceBuffer<float> dw = device.Allocate<float>(g.WeightLength);
        Conv2dKernels.Forward(g, x, weight, default, y);
        Conv2dKernels.BackwardInput(g, dy, weight, default, dx);
        Conv2dKernels.BackwardWeight(g, x, dy, dw);
        return (device.Plain(g.Output, y), device.Plain(g.Input, dx), dw.ToArray());
    }
}
