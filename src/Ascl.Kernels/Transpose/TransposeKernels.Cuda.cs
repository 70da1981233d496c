using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Transpose;

/// <summary>
/// Where the innermost dimension stays, a thread owns a value of y and neighbours read neighbours. Where it moves, a group passes tiles of
/// 32 × 32 through shared memory, so that both reads and writes are of neighbours.
/// </summary>
public static partial class TransposeKernels
{
    private const int Tile = 32, TileRows = 8;

    private static void RunCuda(CudaDevice device, StridedWalk walk, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        int[] sizes = walk.Sizes, steps = walk.Strides[0], stepsOfY = StridedWalk.RowMajor(sizes);
        int moved = Array.LastIndexOf(steps, 1);
        if (moved == steps.Length - 1 || moved < 0)
        {
            device.Launch(Cuda.Gather, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), new Cuda.GatherArguments
            {
                X = CudaDevice.View(x),
                Y = CudaDevice.View(y),
                Walk = WalkIndex.Of(walk),
                Strides = WalkStrides.Of(steps),
            });
            return;
        }
        int[] others = [.. Enumerable.Range(0, sizes.Length - 1).Where(d => d != moved)];
        StridedWalk planes = new([.. others.Select(d => sizes[d])], [.. others.Select(d => steps[d])],
            [.. others.Select(d => stepsOfY[d])]);
        int columns = sizes[moved], rows = sizes[^1], acrossColumns = (columns + Tile - 1) / Tile, acrossRows = (rows + Tile - 1) / Tile;
        device.Launch(Cuda.TransposeTiles, (new Index3D(checked(planes.Length * acrossColumns * acrossRows), 1, 1),
            new Index3D(Tile, TileRows, 1)), new Cuda.TileArguments
            {
                X = CudaDevice.View(x),
                Y = CudaDevice.View(y),
                Planes = WalkIndex.Of(planes),
                PlaneOfX = WalkStrides.Of(planes.Strides[0]),
                PlaneOfY = WalkStrides.Of(planes.Strides[1]),
                AcrossColumns = new(acrossColumns),
                AcrossRows = new(acrossRows),
                Rows = rows,
                Columns = columns,
                RowStep = steps[^1],
                ColumnStep = stepsOfY[moved],
            });
    }

    private static void CopyRowsCuda(
        CudaDevice device, int rows, int length, DeviceBuffer<float> x, int fromStart, int fromStep, DeviceBuffer<float> y, int toStart,
        int toStep) =>
        device.Launch(Cuda.CopyRows, (CudaDevice.Groups(checked(rows * length)), CudaDevice.GroupSize), new Cuda.CopyRowsArguments
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Length = new(length),
            Count = rows * length,
            FromStart = fromStart,
            FromStep = fromStep,
            ToStart = toStart,
            ToStep = toStep,
        });

    internal static class Cuda
    {
        internal struct GatherArguments
        {
            public ArrayView<float> X, Y;
            public WalkIndex Walk;
            public WalkStrides Strides;
        }

        internal static void Gather(GatherArguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i < p.Y.IntLength)
                p.Y[i] = p.X[WalkPosition.Offset(WalkIndex.At(p.Walk, i), p.Strides)];
        }

        internal struct TileArguments
        {
            public ArrayView<float> X, Y;
            public WalkIndex Planes;
            public WalkStrides PlaneOfX, PlaneOfY;
            public InvariantDivision AcrossColumns, AcrossRows;
            public int Rows, Columns, RowStep, ColumnStep;
        }

        /// <summary>y[column, row] = x[row, column] for a tile of a plane.</summary>
        internal static void TransposeTiles(TileArguments p)
        {
            // One more column than needed, so that a column of the tile is in as many banks.
            ArrayView<float> shared = SharedMemory.Allocate<float>(Tile * (Tile + 1));
            int tile = Grid.IdxX, across = p.AcrossColumns.Quotient(tile), plane = p.AcrossRows.Quotient(across);
            int column = (tile - across * p.AcrossColumns.Divisor) * Tile, row = (across - plane * p.AcrossRows.Divisor) * Tile;
            WalkPosition at = WalkIndex.At(p.Planes, plane);
            int from = WalkPosition.Offset(at, p.PlaneOfX), to = WalkPosition.Offset(at, p.PlaneOfY);
            int tx = Group.IdxX, ty = Group.IdxY;
            for (int i = ty; i < Tile; i += TileRows)
                if (row + i < p.Rows && column + tx < p.Columns)
                    shared[i * (Tile + 1) + tx] = p.X[from + (row + i) * p.RowStep + column + tx];
            Group.Barrier();
            for (int i = ty; i < Tile; i += TileRows)
                if (column + i < p.Columns && row + tx < p.Rows)
                    p.Y[to + (column + i) * p.ColumnStep + row + tx] = shared[tx * (Tile + 1) + i];
        }

        internal struct CopyRowsArguments
        {
            public ArrayView<float> X, Y;
            public InvariantDivision Length;
            public int Count, FromStart, FromStep, ToStart, ToStep;
        }

        internal static void CopyRows(CopyRowsArguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i >= p.Count)
                return;
            int row = p.Length.Quotient(i), column = i - row * p.Length.Divisor;
            p.Y[p.ToStart + row * p.ToStep + column] = p.X[p.FromStart + row * p.FromStep + column];
        }
    }
}
