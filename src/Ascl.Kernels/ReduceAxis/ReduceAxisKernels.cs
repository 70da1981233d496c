using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.ReduceAxis;

/// <summary>
/// Reductions of plain x [outer, size, inner] over its middle dimension, to [outer, inner]. Sums are trees of sums of up to
/// <see cref="Branch"/> values, in an order that depends on the size only.
/// </summary>
public static partial class ReduceAxisKernels
{
    /// <summary>The values that one pass of a sum adds one after another.</summary>
    internal const int Branch = 256;

    private static readonly ReduceAxisCpu Cpu = SimdWidth.Choose<ReduceAxisCpu>(
        () => new ReduceAxisCpu<F16>(), () => new ReduceAxisCpu<F8>(), () => new ReduceAxisCpu<F4>());

    /// <summary>y[o, i] = scale·Σ over r of x[o, r, i].</summary>
    /// <param name="outer">Product of the dimensions before.</param>
    /// <param name="size">The dimension summed over; 0 gives sums of 0.</param>
    /// <param name="inner">Product of the dimensions after.</param>
    /// <param name="x">[outer, size, inner].</param>
    /// <param name="scale">1, or 1/size for means.</param>
    /// <param name="y">[outer, inner] receives the sums.</param>
    public static void Sum(int outer, int size, int inner, DeviceBuffer<float> x, float scale, DeviceBuffer<float> y)
    {
        Check("reduce_axis.sum", outer, size, inner, x, y);
        if (y.Length == 0)
            return;
        if (size <= Branch)
        {
            SumRuns(outer, size, size, inner, x, scale, y);
            return;
        }
        int runs = (size + Branch - 1) / Branch;
        DeviceBuffer<float> partial = y.Device.Pool.Rent(checked(outer * runs * inner), 0);
        SumRuns(outer, size, Branch, inner, x, 1, partial);
        Sum(outer, runs, inner, partial, scale, y);
        y.Device.Pool.Return(partial);
    }

    /// <summary>y[o, i] = the largest x[o, r, i]; NaNs are ignored or kept, as it happens.</summary>
    /// <param name="outer">Product of the dimensions before.</param>
    /// <param name="size">The dimension reduced: at least 1.</param>
    /// <param name="inner">Product of the dimensions after.</param>
    /// <param name="x">[outer, size, inner].</param>
    /// <param name="y">[outer, inner] receives the maxima.</param>
    public static void Max(int outer, int size, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        const string name = "reduce_axis.max";
        Check(name, outer, size, inner, x, y);
        if (size == 0 && y.Length > 0)
            throw new ShapeException($"{name}: no values to take the largest of");
        if (y.Length == 0)
            return;
        DeviceKernel.Run(name, (outer, size, inner), x.Length, 4.0 * x.Length,
            cpu => Cpu.Max(cpu, outer, size, inner, x, y), cuda => MaxCuda(cuda, outer, size, inner, x, y), y);
    }

    /// <summary>dx[o, r, i] = dy[o, i] at the first r of the largest x[o, r, i], else 0.</summary>
    /// <param name="outer">Product of the dimensions before.</param>
    /// <param name="size">The dimension reduced.</param>
    /// <param name="inner">Product of the dimensions after.</param>
    /// <param name="dy">[outer, inner].</param>
    /// <param name="x">[outer, size, inner].</param>
    /// <param name="y">[outer, inner]: the maxima.</param>
    /// <param name="dx">[outer, size, inner] receives the gradient.</param>
    public static void MaxBackward(
        int outer, int size, int inner, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y, DeviceBuffer<float> dx)
    {
        const string name = "reduce_axis.max_backward";
        Check(name, outer, size, inner, x, y);
        Check(name, outer, size, inner, dx, dy);
        if (dx.Length == 0)
            return;
        DeviceKernel.Run(name, (outer, size, inner), x.Length, 8.0 * x.Length,
            cpu => Cpu.MaxBackward(cpu, outer, size, inner, dy, x, y, dx),
            cuda => MaxBackwardCuda(cuda, outer, size, inner, dy, x, y, dx), dx);
    }

    /// <summary>y[o, s, i] = scale·Σ of x[o, r, i] over run s of <paramref name="run"/> values.</summary>
    private static void SumRuns(int outer, int size, int run, int inner, DeviceBuffer<float> x, float scale, DeviceBuffer<float> y) =>
        DeviceKernel.Run("reduce_axis.sum", (outer, size, inner), x.Length, 4.0 * x.Length,
            cpu => Cpu.Sum(cpu, outer, size, run, inner, x, scale, y), cuda => SumCuda(cuda, outer, size, run, inner, x, scale, y), y);

    private static void Check(string name, int outer, int size, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        if (x.Length != (long)outer * size * inner || y.Length != (long)outer * inner)
            throw new ShapeException($"{name}: buffers of {x.Length} and {y.Length} do not hold [{outer}, {size}, {inner}] and its result");
    }
}
