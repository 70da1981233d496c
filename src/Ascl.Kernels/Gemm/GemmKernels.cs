using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Gemm;

/// <summary>Products of plain row-major matrices.</summary>
public static unsafe partial class GemmKernels
{
    private static readonly GemmCpu Cpu = SimdWidth.Choose<GemmCpu>(
        () => new GemmCpu<F16>(), () => new GemmCpu<F8>(), () => new GemmCpu<F4>());

    /// <summary>
    /// C[m, n] = (bias[n]) + Σ over k of A[m, k]·B[k, n]. With <paramref name="transposeA"/> A is stored [k, m], with
    /// <paramref name="transposeB"/> B [n, k]. The sum runs over k in order, so a row of C has the same bits whatever the other rows.
    /// </summary>
    public static void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float>? bias,
        DeviceBuffer<float> c)
    {
        if (a.Length != (long)m * k || b.Length != (long)k * n || c.Length != (long)m * n || (bias is not null && bias.Length != n))
            throw new ShapeException($"gemm: buffers of {a.Length}, {b.Length} and {c.Length} do not hold [{m}, {k}]·[{k}, {n}]");
        DeviceKernel.Run("gemm", (m, n, k), 2.0 * m * n * k, 4.0 * ((double)m * k + (double)k * n + (double)m * n),
            cpu => Cpu.Multiply(cpu, transposeA, transposeB, m, n, k, CpuDevice.Pointer(a), CpuDevice.Pointer(b),
                bias is null ? null : CpuDevice.Pointer(bias), CpuDevice.Pointer(c)),
            cuda => MultiplyCuda(cuda, transposeA, transposeB, m, n, k, a, b, bias, c),
            c);
    }

    /// <summary>
    /// C[i] = A[i]·B[i] for <paramref name="batch"/> small matrices, C[i] being [m, n]: as <see cref="Multiply"/> of each, with the same
    /// bits, in float32 whatever the device's precision.
    /// </summary>
    /// <param name="transposeA">Whether each A is stored [k, m].</param>
    /// <param name="transposeB">Whether each B is stored [n, k].</param>
    /// <param name="batch">Number of products.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">Columns of A.</param>
    /// <param name="a">The matrices A, one after another, or one.</param>
    /// <param name="sharedA">Whether there is one A for all.</param>
    /// <param name="b">The matrices B, one after another, or one.</param>
    /// <param name="sharedB">Whether there is one B for all.</param>
    /// <param name="c">[batch, m, n] receives the products.</param>
    public static void MultiplyBatch(
        bool transposeA, bool transposeB, int batch, int m, int n, int k, DeviceBuffer<float> a, bool sharedA, DeviceBuffer<float> b,
        bool sharedB, DeviceBuffer<float> c)
    {
        long perA = (long)m * k, perB = (long)k * n;
        if (a.Length != perA * (sharedA ? 1 : batch) || b.Length != perB * (sharedB ? 1 : batch) || c.Length != (long)batch * m * n)
            throw new ShapeException(
                $"gemm: buffers of {a.Length}, {b.Length} and {c.Length} do not hold {batch} times [{m}, {k}]·[{k}, {n}]");
        if (c.Length == 0)
            return;
        int stepA = sharedA ? 0 : (int)perA, stepB = sharedB ? 0 : (int)perB;
        DeviceKernel.Run("gemm.batch", (batch, m, n, k), 2.0 * batch * m * n * k, 4.0 * (a.Length + (double)b.Length + c.Length),
            cpu => Cpu.MultiplyBatch(cpu, transposeA, transposeB, batch, m, n, k, CpuDevice.Pointer(a), stepA, CpuDevice.Pointer(b), stepB,
                CpuDevice.Pointer(c)),
            cuda => MultiplyBatchCuda(cuda, transposeA, transposeB, batch, m, n, k, a, stepA, b, stepB, c),
            c);
    }
}
