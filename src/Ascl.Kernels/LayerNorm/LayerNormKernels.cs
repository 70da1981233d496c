using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.LayerNorm;

/// <summary>
/// Layer normalisation of each pixel's channels. Mean and 1/√(variance + ε) of a pixel are kept for the gradient, one number a pixel of the
/// bordered plane: [N, H + 2, W + 2], of which the border is not used.
/// </summary>
public static unsafe class LayerNormKernels
{
    private static readonly LayerNormCpu Cpu =
        SimdWidth.Choose<LayerNormCpu>(() => new LayerNormCpu<F16>(), () => new LayerNormCpu<F8>(), () => new LayerNormCpu<F4>());

    /// <summary>The length of the buffers for mean and inverseStd.</summary>
    public static int PixelsOf(ActivationLayout layout) => layout.N * (layout.H + 2) * (layout.W + 2);

    /// <summary>y = (x − mean)·inverseStd·scale[c] + bias[c], with the mean and the biased variance of each pixel's channels.</summary>
    /// <param name="layout">Of x and y, in channel blocks.</param>
    /// <param name="scale">[C]; null for 1.</param>
    /// <param name="bias">[C]; null for 0.</param>
    /// <param name="mean">Receives the means, of length <see cref="PixelsOf"/>.</param>
    /// <param name="inverseStd">Receives 1/√(variance + ε), of length <see cref="PixelsOf"/>.</param>
    public static void Forward(
        ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float>? scale, DeviceBuffer<float>? bias, float epsilon,
        DeviceBuffer<float> mean, DeviceBuffer<float> inverseStd, DeviceBuffer<float> y)
    {
        if (layout.Block == 1)
            throw new ShapeException($"layer_norm: image planes must pass a convolution first; x {layout}");
        DeviceKernel.Run("layer_norm.forward", layout, 7.0 * layout.Length, 8.0 * layout.Length,
            cpu => Cpu.Forward(cpu, layout, CpuDevice.Pointer(x), scale, bias, epsilon, CpuDevice.Pointer(mean),
                CpuDevice.Pointer(inverseStd), CpuDevice.Pointer(y)),
            cuda => LayerNormCuda.Forward(cuda, layout, x, scale, bias, epsilon, mean, inverseStd, y),
            y, mean, inverseStd);
    }

    /// <summary>
    /// With g = dy·scale, z = (x − mean)·inverseStd and means over a pixel's channels: dx = inverseStd·(g − mean(g) − z·mean(g·z)),
    /// dscale = Σ dy·z, dbias = Σ dy.
    /// </summary>
    /// <param name="mean">Of the forward pass, as inverseStd.</param>
    /// <param name="dx">Null if not needed.</param>
    /// <param name="dscale">[C]; null if not needed.</param>
    /// <param name="dbias">[C]; null if not needed.</param>
    public static void Backward(
        ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float>? scale, DeviceBuffer<float> mean,
        DeviceBuffer<float> inverseStd, DeviceBuffer<float>? dx, DeviceBuffer<float>? dscale, DeviceBuffer<float>? dbias)
    {
        IDeviceBuffer?[] writes = [.. new IDeviceBuffer?[] { dx, dscale, dbias }.Where(buffer => buffer is not null)];
        if (writes.Length > 0)
            DeviceKernel.Run("layer_norm.backward", layout, 14.0 * layout.Length, 12.0 * layout.Length,
                cpu => Cpu.Backward(cpu, layout, CpuDevice.Pointer(dy), CpuDevice.Pointer(x), scale, CpuDevice.Pointer(mean),
                    CpuDevice.Pointer(inverseStd), dx, dscale, dbias),
                cuda => LayerNormCuda.Backward(cuda, layout, dy, x, scale, mean, inverseStd, dx, dscale, dbias),
                writes);
    }
}
