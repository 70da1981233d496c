using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Normalize;

/// <summary>
/// L2 normalisation of rows, y = x / max(‖x‖, 1e-12), as in PyTorch's F.normalize, except that a zero row has a zero gradient.
/// </summary>
public static unsafe class NormalizeKernels
{
    /// <summary>y = x / max(‖x‖, 1e-12), row by row.</summary>
    /// <param name="n">Rows.</param>
    /// <param name="d">Coordinates of a row.</param>
    /// <param name="x">[n, d].</param>
    /// <param name="y">[n, d] receives the unit rows.</param>
    /// <param name="norms">[n] receives ‖x‖, for <see cref="Backward"/>.</param>
    public static void Forward(int n, int d, DeviceBuffer<float> x, DeviceBuffer<float> y, DeviceBuffer<float> norms)
    {
        const string name = "normalize.forward";
        Check(name, n, d, ("x", x), ("y", y), norms);
        DeviceKernel.Run(name, (n, d), 3.0 * n * d, 8.0 * n * d,
            cpu => NormalizeCpu.Instance.Forward(cpu, n, d, CpuDevice.Pointer(x), CpuDevice.Pointer(y), CpuDevice.Pointer(norms)),
            cuda => NormalizeCuda.Forward(cuda, n, d, x, y, norms),
            y, norms);
    }

    /// <summary>dx = (dy − y (y·dy)) / ‖x‖; dy / 1e-12 if the norm is below 1e-12, 0 if it is 0.</summary>
    /// <param name="y">[n, d], like <paramref name="norms"/> [n] a result of the forward pass.</param>
    /// <param name="dy">[n, d].</param>
    /// <param name="dx">[n, d] receives the gradient.</param>
    public static void Backward(
        int n, int d, DeviceBuffer<float> y, DeviceBuffer<float> norms, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        const string name = "normalize.backward";
        Check(name, n, d, ("y", y), ("dy", dy), norms);
        Check(name, n, d, ("dx", dx), ("dy", dy), norms);
        DeviceKernel.Run(name, (n, d), 4.0 * n * d, 12.0 * n * d,
            cpu => NormalizeCpu.Instance.Backward(cpu, n, d, CpuDevice.Pointer(y), CpuDevice.Pointer(norms), CpuDevice.Pointer(dy),
                CpuDevice.Pointer(dx)),
            cuda => NormalizeCuda.Backward(cuda, n, d, y, norms, dy, dx),
            dx);
    }

    private static void Check(
        string name, int n, int d, (string Name, DeviceBuffer<float> Buffer) a, (string Name, DeviceBuffer<float> Buffer) b,
        DeviceBuffer<float> norms)
    {
        foreach (var (buffer, values) in new[] { a, b })
            if (n < 0 || d < 0 || values.Length != (long)n * d)
                throw new ShapeException($"{name}: {buffer} has {values.Length} values, [{n}, {d}] needs {(long)n * d}");
        if (norms.Length != n)
            throw new ShapeException($"{name}: norms has {norms.Length} values, [{n}, {d}] needs {n}");
    }
}
