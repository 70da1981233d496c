using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Channels;

/// <summary>Numbers for an activation's channels: that of channel c of image n is at n·ImageStride + c·ChannelStride.</summary>
/// <param name="Data">The numbers.</param>
/// <param name="ImageStride">C, or 0 for the same numbers for all images.</param>
/// <param name="ChannelStride">1, or 0 for one number for all.</param>
public readonly record struct ChannelValues(DeviceBuffer<float> Data, int ImageStride, int ChannelStride)
{
    /// <summary>[C]: one a channel.</summary>
    public static ChannelValues OfChannels(DeviceBuffer<float> data) => new(data, 0, 1);

    /// <summary>[N, C]: one a channel of each image.</summary>
    public static ChannelValues OfImages(DeviceBuffer<float> data, int channels) => new(data, channels, 1);

    /// <summary>[1]: one for all channels.</summary>
    public static ChannelValues OfAll(DeviceBuffer<float> data) => new(data, 0, 0);
}

/// <summary>Arithmetic on activations with one number a channel; gradients with respect to the numbers are summed in a fixed order.
/// </summary>
public static unsafe class ChannelArithmeticKernels
{
    private static readonly ChannelArithmeticCpu Cpu = SimdWidth.Choose<ChannelArithmeticCpu>(
        () => new ChannelArithmeticCpu<F16>(), () => new ChannelArithmeticCpu<F8>(), () => new ChannelArithmeticCpu<F4>());

    /// <summary>y = relu?(x·scale + shift).</summary>
    /// <param name="layout">Of x and y, in channel blocks.</param>
    /// <param name="scale">Null for 1.</param>
    /// <param name="shift">Null for 0.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    public static void Affine(
        ActivationLayout layout, DeviceBuffer<float> x, ChannelValues? scale, ChannelValues? shift, bool relu, DeviceBuffer<float> y)
    {
        RequireBlocks(layout);
        DeviceKernel.Run("channels.affine", layout, 2.0 * layout.Length, 8.0 * layout.Length,
            cpu => Cpu.Forward(cpu, layout, relu ? ChannelFormula.AffineRelu : ChannelFormula.Affine, CpuDevice.Pointer(x), scale, shift,
                CpuDevice.Pointer(y)),
            cuda => ChannelArithmeticCuda.Affine(cuda, layout, x, scale, shift, relu, y),
            y);
    }

    /// <summary>With dz = dy where y &gt; 0, or dz = dy without relu: dx = dz·scale, dscale = Σ dz·x, dshift = Σ dz.</summary>
    /// <param name="layout">Of x, y and their gradients.</param>
    /// <param name="y">The forward output, for the ReLU's mask; null without relu.</param>
    /// <param name="x">May be null if <paramref name="dscale"/> is.</param>
    /// <param name="scale">Null for 1.</param>
    /// <param name="dx">Null if not needed.</param>
    /// <param name="dscale">Receives the sums over the pixels of those that share a number; null if not needed.</param>
    /// <param name="dshift">Likewise.</param>
    public static void AffineBackward(
        ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float>? y, DeviceBuffer<float>? x, ChannelValues? scale,
        DeviceBuffer<float>? dx, ChannelValues? dscale, ChannelValues? dshift) =>
        Backward("channels.affine_backward", layout, new(dy, y, x, scale, dx, dscale, dshift), y is null
            ? ChannelFormula.Affine
            : ChannelFormula.AffineRelu);

    /// <summary>y = x where x &gt; 0, else slope·x.</summary>
    public static void PRelu(ActivationLayout layout, DeviceBuffer<float> x, ChannelValues slope, DeviceBuffer<float> y)
    {
        RequireBlocks(layout);
        DeviceKernel.Run("channels.p_relu", layout, layout.Length, 8.0 * layout.Length,
            cpu => Cpu.Forward(cpu, layout, ChannelFormula.PRelu, CpuDevice.Pointer(x), slope, null, CpuDevice.Pointer(y)),
            cuda => ChannelArithmeticCuda.PRelu(cuda, layout, x, slope, y),
            y);
    }

    /// <summary>dx = dy where x &gt; 0, else slope·dy; dslope = Σ dy·x where x ≤ 0.</summary>
    /// <param name="dx">Null if not needed.</param>
    /// <param name="dslope">Receives the sums over the pixels of those that share a number; null if not needed.</param>
    public static void PReluBackward(
        ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> x, ChannelValues slope, DeviceBuffer<float>? dx,
        ChannelValues? dslope) =>
        Backward("channels.p_relu_backward", layout, new(dy, null, x, slope, dx, dslope, null), ChannelFormula.PRelu);

    private static void Backward(string name, ActivationLayout layout, ChannelGradient p, ChannelFormula formula)
    {
        RequireBlocks(layout);
        IDeviceBuffer?[] writes = [.. new IDeviceBuffer?[] { p.Dx, p.First?.Data, p.Second?.Data }.Where(buffer => buffer is not null)];
        if (writes.Length > 0)
            DeviceKernel.Run(name, layout, 4.0 * layout.Length, 12.0 * layout.Length, cpu => Cpu.Backward(cpu, layout, formula, p),
                cuda => ChannelArithmeticCuda.Backward(cuda, layout, formula, p), writes);
    }

    private static void RequireBlocks(ActivationLayout layout)
    {
        if (layout.Block == 1)
            throw new ShapeException($"channels: image planes must pass a convolution first; x {layout}");
    }
}

/// <summary>What is done to each pixel of a channel.</summary>
internal enum ChannelFormula
{
    Affine,
    AffineRelu,
    PRelu,
}

/// <summary>
/// The operands of a gradient: Scale is the affine formula's scale or PReLU's slope, First receives its gradient and Second the shift's.
/// </summary>
internal readonly record struct ChannelGradient(
    DeviceBuffer<float> Dy, DeviceBuffer<float>? Y, DeviceBuffer<float>? X, ChannelValues? Scale, DeviceBuffer<float>? Dx,
    ChannelValues? First, ChannelValues? Second);
