using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>Selects some of the images of a batch, or their labels, on the device.</summary>
public static partial class GatherKernels
{
    /// <summary>to[i] = from[indices[i]], row by row.</summary>
    /// <typeparam name="T">A type of 4 bytes: float or int.</typeparam>
    /// <param name="row">Values per row.</param>
    /// <param name="from">[n, row].</param>
    /// <param name="indices">[m], each in 0…n−1; repeats are allowed.</param>
    /// <param name="to">[m, row] receives the rows.</param>
    /// <exception cref="ShapeException">The lengths do not fit.</exception>
    public static void Rows<T>(int row, DeviceBuffer<T> from, DeviceBuffer<int> indices, DeviceBuffer<T> to) where T : unmanaged
    {
        if (to.Length != (long)indices.Length * row || from.Length % row != 0)
            throw new ShapeException($"gather.rows: {indices.Length} rows of {row} from {from.Length} values do not make {to.Length}");
        DeviceKernel.Run("gather.rows", (indices.Length, row), 0, 8.0 * to.Length,
            cpu => cpu.For(indices.Length, (i, _) =>
                CpuDevice.ReadSpan(from).Slice(CpuDevice.ReadSpan(indices)[i] * row, row).CopyTo(CpuDevice.Span(to)[(i * row)..])),
            cuda => RowsCuda(cuda, row, from, indices, to),
            to);
    }
}
