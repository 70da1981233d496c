using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Transpose;

/// <summary>Plain arrays with their dimensions in another order, and copies of parts of rows.</summary>
public static partial class TransposeKernels
{
    /// <summary>Dimension d of y is dimension permutation[d] of x.</summary>
    /// <param name="sizes">The dimensions of x, at most 8 after merging those that stay together.</param>
    /// <param name="permutation">Each of x's dimensions once.</param>
    /// <param name="x">The values, row-major.</param>
    /// <param name="y">Receives them in the new order.</param>
    public static void Transpose(
        ReadOnlySpan<int> sizes, ReadOnlySpan<int> permutation, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        const string name = "transpose";
        int[] strides = StridedWalk.RowMajor(sizes), sizesOfY = new int[sizes.Length], steps = new int[sizes.Length];
        bool[] seen = new bool[sizes.Length];
        bool isWhole = permutation.Length == sizes.Length;
        for (int d = 0; d < permutation.Length && isWhole; d++)
        {
            int from = permutation[d];
            isWhole = from >= 0 && from < sizes.Length && !seen[from];
            if (!isWhole)
                break;
            (seen[from], sizesOfY[d], steps[d]) = (true, sizes[from], strides[from]);
        }
        if (!isWhole)
            throw new ShapeException(
                $"{name}: [{string.Join(", ", permutation.ToArray())}] does not order the dimensions of "
                + $"[{string.Join(", ", sizes.ToArray())}]");
        StridedWalk walk = new(sizesOfY, steps);
        if (x.Length != walk.Length || y.Length != walk.Length)
            throw new ShapeException($"{name}: buffers of {x.Length} and {y.Length} do not hold [{string.Join(", ", sizes.ToArray())}]");
        if (y.Length == 0)
            return;
        DeviceKernel.Run(name, string.Join("x", walk.Sizes), 0, 8.0 * y.Length, cpu => TransposeCpu.Run(cpu, walk, x, y),
            cuda => RunCuda(cuda, walk, x, y), y);
    }

    /// <summary>
    /// Copies <paramref name="length"/> values of each of <paramref name="rows"/> rows: y[toStart + r·toStep + i] =
    /// x[fromStart + r·fromStep + i].
    /// </summary>
    public static void CopyRows(
        int rows, int length, DeviceBuffer<float> x, int fromStart, int fromStep, DeviceBuffer<float> y, int toStart, int toStep)
    {
        const string name = "transpose.copy_rows";
        if (rows == 0 || length == 0)
            return;
        if (fromStart < 0 || toStart < 0 || fromStart + (long)(rows - 1) * fromStep + length > x.Length
            || toStart + (long)(rows - 1) * toStep + length > y.Length)
            throw new ShapeException($"{name}: {rows} rows of {length} are not within buffers of {x.Length} and {y.Length}");
        DeviceKernel.Run(name, (rows, length), 0, 8.0 * rows * length,
            cpu => TransposeCpu.CopyRows(cpu, rows, length, x, fromStart, fromStep, y, toStart, toStep),
            cuda => CopyRowsCuda(cuda, rows, length, x, fromStart, fromStep, y, toStart, toStep), y);
    }
}
