using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static partial class GatherKernels
{
    private static void RowsCuda<T>(CudaDevice device, int row, DeviceBuffer<T> from, DeviceBuffer<int> indices, DeviceBuffer<T> to)
        where T : unmanaged
    {
        if (to.Length == 0)
            return;
        device.Launch(Cuda.Rows, ImageGroups.PerPixel(indices.Length, row), new Cuda.RowsArguments
        {
            From = CudaDevice.View(from).Cast<int>(),
            Indices = CudaDevice.View(indices),
            To = CudaDevice.View(to).Cast<int>(),
            Row = row,
        });
    }

    internal static class Cuda
    {
        internal struct RowsArguments
        {
            public ArrayView<int> From, Indices, To;
            public int Row;
        }

        /// <summary>A thread copies the bits of one value.</summary>
        internal static void Rows(RowsArguments p)
        {
            if (ImageGroups.Thread < p.Row)
                p.To[Grid.IdxX * p.Row + ImageGroups.Thread] = p.From[p.Indices[Grid.IdxX] * p.Row + ImageGroups.Thread];
        }
    }
}
