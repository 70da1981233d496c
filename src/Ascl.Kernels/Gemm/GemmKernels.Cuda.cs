using System.Runtime.CompilerServices;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Gemm;

/// <summary>A square tile with one thread per row, so that each thread loads eight entries of each factor's slice.</summary>
internal interface ISquareTile : ITileShape
{
    /// <summary>log₂ of the number of rows, columns and threads.</summary>
    static abstract int LogSize { get; }
}

/// <summary>8×8 entries per thread.</summary>
internal readonly struct Square64 : ISquareTile
{
    public static int LogThreadRows => 3;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 2;
    public static int LogSize => 6;
}

/// <summary>8×4 entries per thread: more groups for small matrices.</summary>
internal readonly struct Square32 : ISquareTile
{
    public static int LogThreadRows => 2;
    public static int LogThreadColumns => 3;
    public static int RowHalves => 2;
    public static int ColumnHalves => 1;
    public static int LogSize => 5;
}

public static partial class GemmKernels
{
    /// <summary>With fewer groups than this the smaller tile is used, with the same results.</summary>
    private const int EnoughGroups = 200;

    /// <summary>The third dimension of a grid, which counts the products of a batch.</summary>
    private const int MostLayers = 65535;

    private static void MultiplyCuda(
        CudaDevice device, bool transposeA, bool transposeB, int m, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b,
        DeviceBuffer<float>? bias, DeviceBuffer<float> c)
    {
        if (device.TensorCores is not null && m > 0 && n > 0)
        {
            TensorCores.Multiply(device, transposeA, transposeB, m, n, k, a, b, bias, c);
            return;
        }
        Launch(device, transposeA, transposeB, 1, m, n, k, a, 0, b, 0, bias, c);
    }

    private static void MultiplyBatchCuda(
        CudaDevice device, bool transposeA, bool transposeB, int batch, int m, int n, int k, DeviceBuffer<float> a, int stepA,
        DeviceBuffer<float> b, int stepB, DeviceBuffer<float> c) =>
        Launch(device, transposeA, transposeB, batch, m, n, k, a, stepA, b, stepB, null, c);

    private static void Launch(
        CudaDevice device, bool transposeA, bool transposeB, int batch, int m, int n, int k, DeviceBuffer<float> a, int stepA,
        DeviceBuffer<float> b, int stepB, DeviceBuffer<float>? bias, DeviceBuffer<float> c)
    {
        bool isLarge = (batch == 1 || Math.Min(m, n) > 32) && device.IsOccupiedBy((m + 63L) / 64 * ((n + 63) / 64) * batch, EnoughGroups);
        int size = isLarge ? 64 : 32;
        for (int first = 0; first < batch; first += MostLayers)
        {
            int layers = Math.Min(MostLayers, batch - first);
            device.Launch(isLarge ? Cuda.Multiply<Square64> : Cuda.Multiply<Square32>,
                (new Index3D((n + size - 1) / size, (m + size - 1) / size, layers), new Index3D(size, 1, 1)), new Cuda.MultiplyArguments
                {
                    A = From(CudaDevice.View(a), (long)first * stepA),
                    B = From(CudaDevice.View(b), (long)first * stepB),
                    Bias = CudaDevice.View(bias),
                    C = From(CudaDevice.View(c), (long)first * m * n),
                    M = m,
                    N = n,
                    K = k,
                    StepA = stepA,
                    StepB = stepB,
                    RowStep = transposeA ? 1 : k,
                    RowDepthStep = transposeA ? m : 1,
                    ColumnStep = transposeB ? k : 1,
                    ColumnDepthStep = transposeB ? 1 : n,
                });
        }

        static ArrayView<float> From(ArrayView<float> all, long start) => start == 0 ? all : all.SubView(start);
    }

    internal static class Cuda
    {
        internal struct MultiplyArguments
        {
            public ArrayView<float> A, B, Bias, C;
            public int M, N, K;

            /// <summary>Distances between the matrices of a batch.</summary>
            public int StepA, StepB;

            /// <summary>Strides of A by row and by k, and of B by column and by k. One of each pair is 1.</summary>
            public int RowStep, RowDepthStep, ColumnStep, ColumnDepthStep;
        }

        /// <summary>
        /// The entries of one factor's slice that a thread loads: entry i = 0…7 is (Line + i·LineStep, Depth + i·DepthStep), where a line
        /// is a row of A or a column of B. Neighbouring threads load neighbouring addresses: either lines, or eight k of one line.
        /// </summary>
        private struct Lane
        {
            public int Line, LineStep, Depth, DepthStep;

            /// <summary>Strides in global memory, by line and by k.</summary>
            public int Step, NextDepth;

            /// <summary>Offset of the first entry in the shared slice, and the step between entries.</summary>
            public int Put, PutStep;
        }

        private struct Fetched
        {
            public Float4 Low, High;
        }

        /// <summary>
        /// A group computes a tile of C. It double-buffers slices of both factors in shared memory: it reads one while it loads the next.
        /// </summary>
        internal static void Multiply<TShape>(MultiplyArguments p) where TShape : struct, ISquareTile
        {
            // [buffer][k][line], padded by four floats per k, so that eight k of a line are in different banks.
            int pitch = (1 << TShape.LogSize) + 4, slice = RegisterTile.Depth * pitch;
            ArrayView<float> sharedA = SharedMemory.Allocate<float>(2 * RegisterTile.Depth * ((1 << TShape.LogSize) + 4));
            ArrayView<float> sharedB = SharedMemory.Allocate<float>(2 * RegisterTile.Depth * ((1 << TShape.LogSize) + 4));
            ArrayView<Float4> readA = sharedA.Cast<Float4>(), readB = sharedB.Cast<Float4>();
            ArrayView<float> fromA = p.A.SubView(Grid.IdxZ * p.StepA), fromB = p.B.SubView(Grid.IdxZ * p.StepB);
            int t = Group.IdxX, ty = Tile<TShape>.Row(t), tx = Tile<TShape>.Column(t);
            Lane laneA = Begin<TShape>(t, Grid.IdxY << TShape.LogSize, p.RowStep, p.RowDepthStep, pitch);
            Lane laneB = Begin<TShape>(t, Grid.IdxX << TShape.LogSize, p.ColumnStep, p.ColumnDepthStep, pitch);

            Fetched nextA = default, nextB = default;
            if (p.K > 0)
            {
                nextA = Fetch(fromA, laneA, p.M, p.K, 0);
                nextB = Fetch(fromB, laneB, p.N, p.K, 0);
            }
            RegisterTile tile = default;
            int buffer = 0;
            for (int k = 0; k < p.K; k += RegisterTile.Depth)
            {
                Put(sharedA, laneA, buffer * slice, nextA);
                Put(sharedB, laneB, buffer * slice, nextB);
                nextA = Fetch(fromA, laneA, p.M, p.K, k + RegisterTile.Depth);
                nextB = Fetch(fromB, laneB, p.N, p.K, k + RegisterTile.Depth);
                Group.Barrier();
                tile = RegisterTile.AddSlice<TShape>(tile, readA, (buffer * slice >> 2) + ty, pitch >> 2, readB, (buffer * slice >> 2) + tx,
                    pitch >> 2);
                buffer ^= 1;
            }

            int half = 1 << (TShape.LogSize - 1), row = (Grid.IdxY << TShape.LogSize) + 4 * ty;
            int column = (Grid.IdxX << TShape.LogSize) + 4 * tx;
            Store(p, row, column, tile.L0, tile.L1, tile.L2, tile.L3);
            Store(p, row + half, column, tile.L4, tile.L5, tile.L6, tile.L7);
            if (TShape.ColumnHalves == 2)
            {
                Store(p, row, column + half, tile.R0, tile.R1, tile.R2, tile.R3);
                Store(p, row + half, column + half, tile.R4, tile.R5, tile.R6, tile.R7);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Lane Begin<TShape>(int t, int firstLine, int step, int depthStep, int pitch) where TShape : struct, ISquareTile
        {
            bool byDepth = depthStep == 1;
            int line = byDepth ? t >> 3 : t;
            Lane lane = default;
            lane.Depth = byDepth ? t & 7 : 0;
            lane.LineStep = byDepth ? 1 << (TShape.LogSize - 3) : 0;
            lane.DepthStep = byDepth ? 0 : 1;
            lane.Line = firstLine + line;
            lane.Step = step;
            lane.NextDepth = depthStep;
            lane.Put = lane.Depth * pitch + line;
            lane.PutStep = lane.DepthStep * pitch + lane.LineStep;
            return lane;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Fetched Fetch(ArrayView<float> from, Lane lane, int lines, int depths, int k)
        {
            Fetched f = default;
            f.Low = new(Entry(from, lane, 0, lines, depths, k), Entry(from, lane, 1, lines, depths, k),
                Entry(from, lane, 2, lines, depths, k), Entry(from, lane, 3, lines, depths, k));
            f.High = new(Entry(from, lane, 4, lines, depths, k), Entry(from, lane, 5, lines, depths, k),
                Entry(from, lane, 6, lines, depths, k), Entry(from, lane, 7, lines, depths, k));
            return f;
        }

        /// <summary>0 past the last k. Lines past the last one repeat it; their results are not stored.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static float Entry(ArrayView<float> from, Lane lane, int i, int lines, int depths, int k)
        {
            int line = IntrinsicMath.Min(lane.Line + i * lane.LineStep, lines - 1), depth = k + lane.Depth + i * lane.DepthStep;
            float value = from[line * lane.Step + IntrinsicMath.Min(depth, depths - 1) * lane.NextDepth];
            return depth < depths ? value : 0;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Put(ArrayView<float> slice, Lane lane, int start, Fetched f)
        {
            int at = start + lane.Put;
            slice[at] = f.Low.X;
            slice[at + lane.PutStep] = f.Low.Y;
            slice[at + 2 * lane.PutStep] = f.Low.Z;
            slice[at + 3 * lane.PutStep] = f.Low.W;
            slice[at + 4 * lane.PutStep] = f.High.X;
            slice[at + 5 * lane.PutStep] = f.High.Y;
            slice[at + 6 * lane.PutStep] = f.High.Z;
            slice[at + 7 * lane.PutStep] = f.High.W;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Store(MultiplyArguments p, int row, int column, Float4 v0, Float4 v1, Float4 v2, Float4 v3)
        {
            StoreRow(p, row, column, v0);
            StoreRow(p, row + 1, column, v1);
            StoreRow(p, row + 2, column, v2);
            StoreRow(p, row + 3, column, v3);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreRow(MultiplyArguments p, int row, int column, Float4 v)
        {
            if (row >= p.M)
                return;
            int at = (Grid.IdxZ * p.M + row) * p.N;
            StoreEntry(p, at, column, v.X);
            StoreEntry(p, at, column + 1, v.Y);
            StoreEntry(p, at, column + 2, v.Z);
            StoreEntry(p, at, column + 3, v.W);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreEntry(MultiplyArguments p, int at, int column, float value)
        {
            if (column < p.N)
                p.C[at + column] = p.Bias.Length > 0 ? value + p.Bias[column] : value;
        }
    }
}
