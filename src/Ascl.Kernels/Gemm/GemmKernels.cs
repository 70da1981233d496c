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
}
