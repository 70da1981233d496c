using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Softmax;

/// <summary>The softmax itself, in single precision: rows of attention.</summary>
public static unsafe partial class SoftmaxKernels
{
    private static readonly ProbabilitiesCpu Probabilities = SimdWidth.Choose<ProbabilitiesCpu>(
        () => new ProbabilitiesCpu<F16>(), () => new ProbabilitiesCpu<F8>(), () => new ProbabilitiesCpu<F4>());

    /// <summary>y = exp x/Σ exp x; terms below e⁻⁸⁰ of the largest are 0.</summary>
    /// <param name="n">Rows.</param>
    /// <param name="k">Classes, at least 1.</param>
    /// <param name="x">[n, k] logits.</param>
    /// <param name="y">[n, k] receives the probabilities.</param>
    public static void SoftmaxForward(int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        const string name = "softmax.forward";
        Check(name, n, k, ("x", x.Length, n * k), ("y", y.Length, n * k));
        DeviceKernel.Run(name, (n, k), 4.0 * n * k, 8.0 * n * k,
            cpu => Probabilities.Forward(cpu, n, k, CpuDevice.Pointer(x), CpuDevice.Pointer(y)),
            cuda => SoftmaxCuda.Softmax(cuda, n, k, x, y),
            y);
    }

    /// <summary>dx = y·(dy − Σ y·dy).</summary>
    /// <param name="n">Rows.</param>
    /// <param name="k">Classes.</param>
    /// <param name="y">[n, k], the forward result.</param>
    /// <param name="dy">[n, k].</param>
    /// <param name="dx">[n, k] receives the gradient.</param>
    public static void SoftmaxBackward(int n, int k, DeviceBuffer<float> y, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        const string name = "softmax.backward";
        Check(name, n, k, ("y", y.Length, n * k), ("dy", dy.Length, n * k));
        Check(name, n, k, ("y", y.Length, n * k), ("dx", dx.Length, n * k));
        DeviceKernel.Run(name, (n, k), 4.0 * n * k, 12.0 * n * k,
            cpu => Probabilities.Backward(cpu, n, k, CpuDevice.Pointer(y), CpuDevice.Pointer(dy), CpuDevice.Pointer(dx)),
            cuda => SoftmaxCuda.SoftmaxBackward(cuda, n, k, y, dy, dx),
            dx);
    }
}
