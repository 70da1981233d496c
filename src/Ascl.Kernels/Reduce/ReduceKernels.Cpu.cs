using System.Runtime.CompilerServices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Reduce;

public static unsafe partial class ReduceKernels
{
    private static readonly ReduceCpu Cpu = SimdWidth.Choose<ReduceCpu>(
        () => new ReduceCpu<F16>(), () => new ReduceCpu<F8>(), () => new ReduceCpu<F4>());

    /// <summary>In float within a plane, then in double over the images, in order.</summary>
    private static void ChannelSumsCpu(CpuDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        PlaneView view = new(layout, CpuDevice.Pointer(x));
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> partial = device.Pool.Rent(layout.N * channels, 0);
        float* sums = CpuDevice.Pointer(partial), py = CpuDevice.Pointer(y);
        device.For(layout.N, (n, _) =>
        {
            for (int block = 0; block < layout.Blocks; block++)
                Cpu.PlaneSum(view.First + n * view.Image + block * view.Plane, view.Row, layout.H, layout.W,
                    sums + n * channels + block * layout.Block);
        });
        double[] totals = new double[channels];
        for (int n = 0; n < layout.N; n++)
            for (int c = 0; c < channels; c++)
                totals[c] += sums[n * channels + c];
        for (int c = 0; c < layout.C; c++)
            py[c] = (float)totals[c];
        device.Pool.Return(partial);
    }
}

internal abstract unsafe class ReduceCpu
{
    /// <summary>The sum of a channel block's pixels, one lane per channel.</summary>
    public abstract void PlaneSum(float* x, nint row, int height, int width, float* sum);
}

internal sealed unsafe class ReduceCpu<F> : ReduceCpu where F : struct, ISimd<F>
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void PlaneSum(float* x, nint row, int height, int width, float* sum)
    {
        F even = F.Zero, odd = F.Zero;
        for (int i = 0; i < height; i++, x += row)
        {
            int j = 0;
            for (; j + 2 <= width; j += 2)
            {
                even += F.Load(x + j * F.Width);
                odd += F.Load(x + (j + 1) * F.Width);
            }
            if (j < width)
                even += F.Load(x + j * F.Width);
        }
        (even + odd).Store(sum);
    }
}
