using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

public static unsafe partial class Conv2dKernels
{
    private static readonly Conv2dCpu Direct =
        SimdWidth.Choose<Conv2dCpu>(() => new DirectConvolution<F16>(), () => new DirectConvolution<F8>(),
            () => new DirectConvolution<F4>());

    private static readonly Conv2dCpu Winograd = SimdWidth.Choose<Conv2dCpu>(
        () => new WinogradConvolution<F16, UnitStride<F16>, UnitStride<F16>>(),
        () => new WinogradConvolution<F8, UnitStride<F8>, UnitStride<F8>>(),
        () => new WinogradConvolution<F4, UnitStride<F4>, UnitStride<F4>>());

    private static readonly Conv2dCpu WinogradPhases = SimdWidth.Choose<Conv2dCpu>(
        () => new WinogradConvolution<F16, Phases<F16>, PhasesAdjoint<F16>>(),
        () => new WinogradConvolution<F8, Phases<F8>, PhasesAdjoint<F8>>(),
        () => new WinogradConvolution<F4, Phases<F4>, PhasesAdjoint<F4>>());

    private static readonly Conv2dCpu Depthwise =
        SimdWidth.Choose<Conv2dCpu>(() => new DepthwiseConvolution<F16>(), () => new DepthwiseConvolution<F8>(),
            () => new DepthwiseConvolution<F4>());

    /// <summary>
    /// Picks the algorithm. For 3×3 kernels over activations, Winograd needs 2.25 to 4 times fewer multiplications with stride 1 and 1.8
    /// times fewer with stride 2; depthwise convolutions have kernels of their own; everything else is direct. The choice does not depend
    /// on the batch, so that an image's result does not either.
    /// </summary>
    private static (string Name, Conv2dCpu Algorithm) Choose(Conv2dGeometry g) => g switch
    {
        { IsDepthwise: true, GroupOutputs: 1 } => ("depthwise", Depthwise),
        { IsUniform: true, R: 3, S: 3, Stride: 1, Padding: <= 2, Output: { H: >= 3, W: >= 3 } } when g.Input.Block == g.Output.Block =>
            ("Winograd F(4x4, 3x3)", Winograd),
        { IsUniform: true, R: 3, S: 3, Stride: 2, Padding: 1, Output: { H: >= 3, W: >= 3 } } when g.Input.Block == g.Output.Block =>
            ("Winograd by phases", WinogradPhases),
        _ => ("direct", Direct),
    };

    /// <summary>Floating-point operations of the chosen algorithm's products, without its transforms; the same for each of the three
    /// passes.</summary>
    public static double FlopsOnCpu(Conv2dGeometry g) => Choose(g).Algorithm.Flops(g);

    private static Conv2dCpu Algorithm(Conv2dGeometry g)
    {
        var (name, algorithm) = Choose(g);
        DebugSettings.Say($"conv2d {g.Input with { N = 0 }} -> {g.K} channels, {g.Window} in {g.Groups} groups: {name}");
        return algorithm;
    }

    private static void ForwardCpu(
        CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, ChannelSums? sums,
        DeviceBuffer<float> y)
    {
        Conv2dCpu algorithm = Algorithm(g);
        bool apart = epilogue.HasLimits && !algorithm.AppliesLimits;
        algorithm.Forward(
            device, g, CpuDevice.Pointer(x), weight, apart ? epilogue.WithoutLimits : epilogue, sums, CpuDevice.Pointer(y));
        if (apart)
            epilogue.ApplyLimits(y);
    }

    private static void BackwardInputCpu(
        CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue,
        DeviceBuffer<float> dx)
    {
        Conv2dCpu algorithm = Algorithm(g);
        bool apart = epilogue.HasLimits && !algorithm.AppliesLimits;
        algorithm.BackwardInput(device, g, CpuDevice.Pointer(dy), weight, apart ? epilogue.WithoutLimits : epilogue, CpuDevice.Pointer(dx));
        if (apart)
            epilogue.ApplyLimits(dx);
    }

    private static void BackwardWeightCpu(
        CpuDevice device, Conv2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> dy, DeviceBuffer<float> dw) =>
        Algorithm(g).BackwardWeight(device, g, CpuDevice.Pointer(x), CpuDevice.Pointer(dy), CpuDevice.Pointer(dw));
}

/// <summary>
/// A convolution algorithm on the CPU. Weights are passed as buffers because their rearranged forms are cached with them.
/// </summary>
internal abstract unsafe class Conv2dCpu
{
    /// <summary>Whether the epilogue's upper bounds are applied; if not, they are left to a pass of its own.</summary>
    public virtual bool AppliesLimits => false;

    /// <summary>Floating-point operations of the products, the same for each of the three passes.</summary>
    public virtual double Flops(Conv2dGeometry g) => g.Flops;

    /// <param name="sums">Computed if the algorithm can; null if not needed.</param>
    public abstract void Forward(
        CpuDevice device, Conv2dGeometry g, float* x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, ChannelSums? sums, float* y);
    public abstract void BackwardInput(
        CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* dx);
    public abstract void BackwardWeight(CpuDevice device, Conv2dGeometry g, float* x, float* dy, float* dw);
}
