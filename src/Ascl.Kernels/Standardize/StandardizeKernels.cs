using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Standardize;

/// <summary>Rows with their mean subtracted, divided by their standard deviation: the core of layer, group and instance norms.</summary>
public static partial class StandardizeKernels
{
    private static readonly StandardizeCpu Cpu = SimdWidth.Choose<StandardizeCpu>(
        () => new StandardizeCpu<F16>(), () => new StandardizeCpu<F8>(), () => new StandardizeCpu<F4>());

    /// <summary>y = (x − mean)·inverseStd of each row, inverseStd = 1/√(variance + ε), the variance over the row's length.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="length">Values of a row, at least 1.</param>
    /// <param name="x">[rows, length].</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="y">[rows, length] receives the standardised rows.</param>
    /// <param name="inverseStd">[rows] receives 1/√(variance + ε), for <see cref="Backward"/>.</param>
    public static void Forward(
        int rows, int length, DeviceBuffer<float> x, float epsilon, DeviceBuffer<float> y, DeviceBuffer<float> inverseStd)
    {
        const string name = "standardize.forward";
        Check(name, rows, length, x, y, inverseStd);
        if (rows == 0)
            return;
        DeviceKernel.Run(name, (rows, length), 7.0 * x.Length, 8.0 * x.Length,
            cpu => Cpu.Forward(cpu, rows, length, x, epsilon, y, inverseStd),
            cuda => ForwardCuda(cuda, rows, length, x, epsilon, y, inverseStd), y, inverseStd);
    }

    /// <summary>dx = inverseStd·(dy − mean(dy) − y·mean(y·dy)) of each row.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="length">Values of a row.</param>
    /// <param name="y">[rows, length], like <paramref name="inverseStd"/> [rows] a result of the forward pass.</param>
    /// <param name="inverseStd">[rows].</param>
    /// <param name="dy">[rows, length].</param>
    /// <param name="dx">[rows, length] receives the gradient.</param>
    public static void Backward(
        int rows, int length, DeviceBuffer<float> y, DeviceBuffer<float> inverseStd, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        const string name = "standardize.backward";
        Check(name, rows, length, y, dy, inverseStd);
        Check(name, rows, length, dx, dy, inverseStd);
        if (rows == 0)
            return;
        DeviceKernel.Run(name, (rows, length), 8.0 * dx.Length, 12.0 * dx.Length,
            cpu => Cpu.Backward(cpu, rows, length, y, inverseStd, dy, dx),
            cuda => BackwardCuda(cuda, rows, length, y, inverseStd, dy, dx), dx);
    }

    private static void Check(
        string name, int rows, int length, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> inverseStd)
    {
        if (length < 1 || a.Length != (long)rows * length || b.Length != a.Length || inverseStd.Length != rows)
            throw new ShapeException($"{name}: buffers of {a.Length}, {b.Length} and {inverseStd.Length} do not hold [{rows}, {length}]");
    }
}
