using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Transpose;

/// <summary>
/// Where the innermost dimension stays, rows are copied. Where it moves, the plane of it and of the dimension that takes its place is
/// transposed in strips, for each position in the other dimensions.
/// </summary>
internal static unsafe class TransposeCpu
{
    private const int FloatsPerItem = 1 << 14, Strip = 64;

    public static void Run(CpuDevice device, StridedWalk walk, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        float* px = CpuDevice.Pointer(x), py = CpuDevice.Pointer(y);
        int[] steps = walk.Strides[0];
        int moved = Array.LastIndexOf(steps, 1);
        if (moved == steps.Length - 1 || moved < 0)
            CopyRuns(device, walk, px, py);
        else
            TransposePlanes(device, walk, moved, px, py);
    }

    private static void CopyRuns(CpuDevice device, StridedWalk walk, float* x, float* y)
    {
        int inner = walk.Inner, rows = walk.Length / inner, each = Math.Max(1, FloatsPerItem / inner);
        device.For((rows + each - 1) / each, (item, _) =>
        {
            Span<nint> offset = stackalloc nint[1];
            Span<int> at = stackalloc int[StridedWalk.MostDimensions];
            walk.Begin(item * each, offset, at);
            for (int row = item * each; row < Math.Min(rows, (item + 1) * each); row++)
            {
                new ReadOnlySpan<float>(x + offset[0], inner).CopyTo(new Span<float>(y + (nint)row * inner, inner));
                walk.Next(offset, at);
            }
        });
    }

    /// <param name="moved">The dimension of y that is x's innermost.</param>
    private static void TransposePlanes(CpuDevice device, StridedWalk walk, int moved, float* x, float* y)
    {
        int[] sizes = walk.Sizes, steps = walk.Strides[0], stepsOfY = StridedWalk.RowMajor(sizes);
        int rank = sizes.Length, columns = sizes[moved], rows = sizes[^1], planes = walk.Length / (rows * columns);
        int strips = (columns + Strip - 1) / Strip, each = Math.Max(1, FloatsPerItem / (rows * Math.Min(columns, Strip)));
        device.For((planes * strips + each - 1) / each, (item, _) =>
        {
            for (int i = item * each; i < Math.Min(planes * strips, (item + 1) * each); i++)
            {
                int plane = i / strips, first = (i - plane * strips) * Strip;
                nint from = first, to = (nint)first * stepsOfY[moved];
                for (int d = rank - 2; d >= 0; d--)
                {
                    if (d == moved)
                        continue;
                    int at = plane % sizes[d];
                    plane /= sizes[d];
                    from += (nint)at * steps[d];
                    to += (nint)at * stepsOfY[d];
                }
                // y[column, row] = x[row, column].
                Transposition.Run(rows, Math.Min(Strip, columns - first), x + from, steps[^1], y + to, stepsOfY[moved]);
            }
        });
    }

    public static void CopyRows(
        CpuDevice device, int rows, int length, DeviceBuffer<float> x, int fromStart, int fromStep, DeviceBuffer<float> y, int toStart,
        int toStep)
    {
        float* px = CpuDevice.Pointer(x) + fromStart, py = CpuDevice.Pointer(y) + toStart;
        int each = Math.Max(1, FloatsPerItem / length);
        device.For((rows + each - 1) / each, (item, _) =>
        {
            for (int row = item * each; row < Math.Min(rows, (item + 1) * each); row++)
                new ReadOnlySpan<float>(px + (nint)row * fromStep, length).CopyTo(new Span<float>(py + (nint)row * toStep, length));
        });
    }
}
