using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Conv2d;

/// <summary>Convolution: forward pass, input gradient and weight gradient. Outputs are overwritten.</summary>
public static partial class Conv2dKernels
{
    /// <summary>y = epilogue(x ∗ weight).</summary>
    /// <param name="sums">Computed in the same pass if the algorithm can and there is no epilogue; null if not needed.</param>
    public static void Forward(
        Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, DeviceBuffer<float> y,
        ChannelSums? sums = null)
    {
        DeviceKernel.Run("conv2d.forward", g, g.Flops, g.Bytes,
            cpu => ForwardCpu(cpu, g, x, weight, epilogue, sums, y),
            cuda => ForwardCuda(cuda, g, x, weight, epilogue, y),
            y);
    }

    /// <summary>
    /// dx = epilogue(z), z[n, c, y, x] = Σ over r, s and the k of c's group of dy[n, k, oy, ox] · w[k, c, r, s] where oy·StrideY +
    /// r·DilationY − Top = y and likewise for x. As a function of dy it is the transposed convolution.
    /// </summary>
    /// <param name="epilogue">Not supported for image planes.</param>
    /// <exception cref="NotSupportedException">There is an epilogue, and the input is image planes.</exception>
    public static void BackwardInput(
        Conv2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, DeviceBuffer<float> dx)
    {
        if (g.Input.Block == 1 && !epilogue.IsNone)
            throw new NotSupportedException("conv2d: the gradient of image planes has no epilogue");
        DeviceKernel.Run("conv2d.backward_input", g, g.Flops, g.Bytes,
            cpu => BackwardInputCpu(cpu, g, dy, weight, epilogue, dx),
            cuda => BackwardInputCuda(cuda, g, dy, weight, epilogue, dx),
            dx);
    }

    /// <summary>
    /// dw[k, c, r, s] = Σ over n, oy, ox of dy[n, k, oy, ox] · x[n, c, oy·StrideY + r·DilationY − Top, ox·StrideX + s·DilationX − Left],
    /// c the channels of k's group.
    /// </summary>
    public static void BackwardWeight(Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> dy, DeviceBuffer<float> dw)
    {
        DeviceKernel.Run("conv2d.backward_weight", g, g.Flops, g.Bytes,
            cpu => BackwardWeightCpu(cpu, g, x, dy, dw),
            cuda => BackwardWeightCuda(cuda, g, x, dy, dw),
            dw);
    }
}
