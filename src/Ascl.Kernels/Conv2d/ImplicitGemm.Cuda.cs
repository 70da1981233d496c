using System.Runtime.CompilerServices;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Convolution on a GPU as an implicit GEMM: rows are the pixels of the whole batch, columns are channels of the result, and the sum runs
/// over (r, s, channel) in that order. A group computes a tile of the result and double-buffers slices of both factors in shared memory. It
/// needs no bounds checks, because the input has a wide enough zero border. The taps are equally spaced, so that one kernel serves forward
/// convolutions and the phases of an input gradient.
/// </summary>
internal static class ImplicitGemm
{
    /// <summary>With fewer groups than this the tiles are smaller.</summary>
    private const int EnoughGroups = 200;

    /// <summary>The number of columns of a tile, for which weights are packed, by the number of channels of the result.</summary>
    public static int TileColumns(int channels, bool planes) => planes ? 4 : channels <= 16 ? 16 : channels <= 32 ? 32 : 64;

    /// <summary>
    /// The kernel and tile for weights packed with <paramref name="columns"/> columns per tile. Results do not depend on the tile.
    /// </summary>
    public static (Action<ConvolveArguments> Kernel, int Rows, int Threads) Choose(
        CudaDevice device, int pixels, int channels, int columns) => columns switch
        {
            4 => Of<Pixels256X4>(),
            16 => Of<Pixels256X16>(),
            32 => Of<Pixels128X32>(),
            _ => device.IsOccupiedBy((pixels + 127L) / 128 * ((channels + 63) / 64), EnoughGroups)
                ? Of<Pixels128X64>()
                : Of<Pixels64X64>(),
        };

    private static (Action<ConvolveArguments>, int, int) Of<TShape>() where TShape : struct, IPixelTile =>
        (Convolve<TShape>, Tile<TShape>.Rows, Tile<TShape>.Threads);

    internal struct ConvolveArguments
    {
        /// <summary>Weight is [tile of columns][2 quads · Slices][4][columns].</summary>
        public ArrayView<float> X, Weight, Bias, Residual, Gate, Y;

        public PixelNumbers Pixels;

        /// <summary>The grids of each pixel's first tap and of its result.</summary>
        public PixelGrid Input, Output;

        /// <summary>
        /// Strides by tap row and column, taps per row (TapColumns), quads of four channels per tap (Quads) and in all (TotalQuads).
        /// </summary>
        public int TapRowStep, TapColumnStep, TapColumns, Quads, TotalQuads;

        /// <summary>Channels of the result, and their stride if it is image planes.</summary>
        public int Channels, Plane;

        public int Relu;
    }

    /// <summary>The position of a quad among the taps.</summary>
    private struct Walk
    {
        public int Offset, Quad, Column;
    }

    /// <summary>
    /// A thread's part of a slice: two quads of up to four pixels (each half: of one pixel), and one quad of the weights.
    /// </summary>
    private struct Fetched
    {
        public Float4 X00, X01, X10, X11, X20, X21, X30, X31, Weight;
    }

    private struct RowPlaces
    {
        public int Row0, Row1, Row2, Row3;
    }

    /// <summary>relu?(Σ + bias + residual), 0 where gate ≤ 0.</summary>
    internal static void Convolve<TShape>(ConvolveArguments p) where TShape : struct, IPixelTile
    {
        // [buffer][k][pixel / 4]: the transposed slice, and [buffer][k][channel / 4].
        ArrayView<Float4> sharedX = SharedMemory.Allocate<Float4>(2 * RegisterTile.Depth * Tile<TShape>.Rows / 4);
        ArrayView<Float4> sharedWeight = SharedMemory.Allocate<Float4>(2 * RegisterTile.Depth * Tile<TShape>.Columns / 4);
        // Addresses of the results, −1 for none.
        ArrayView<int> places = SharedMemory.Allocate<int>(Tile<TShape>.Rows);
        ArrayView<float> storeX = sharedX.Cast<float>();
        ArrayView<Float4> x = p.X.Cast<Float4>(), weight = p.Weight.Cast<Float4>();
        int t = Group.IdxX, slices = (p.TotalQuads + 1) >> 1;

        int first = Grid.IdxX * Tile<TShape>.Rows;
        RowPlaces rows = default;
        rows.Row0 = Begin(p, places, first, t & (Tile<TShape>.Rows - 1));
        if (Tile<TShape>.Rows > Tile<TShape>.Threads)
            rows.Row1 = Begin(p, places, first, t + Tile<TShape>.Threads);
        if (Tile<TShape>.Rows > 2 * Tile<TShape>.Threads)
        {
            rows.Row2 = Begin(p, places, first, t + 2 * Tile<TShape>.Threads);
            rows.Row3 = Begin(p, places, first, t + 3 * Tile<TShape>.Threads);
        }

        int sliceX = RegisterTile.Depth * Tile<TShape>.Rows / 4, stepX = Tile<TShape>.Rows / 4, fromX = Tile<TShape>.Row(t);
        int sliceWeight = RegisterTile.Depth * Tile<TShape>.Columns / 4, stepWeight = Tile<TShape>.Columns / 4;
        int fromWeight = Tile<TShape>.Column(t);
        int weightAt = Grid.IdxY * slices * sliceWeight + (t & (sliceWeight - 1)), buffer = 0;
        Walk walk = default, second = Next(walk, p);
        if (p.TotalQuads == 1)
            second = walk;
        Fetched next = default;
        if (slices > 0)
            next = Fetch<TShape>(x, weight, rows, walk.Offset, second.Offset, weightAt, t);
        RegisterTile tile = default;
        for (int left = p.TotalQuads - 2; left > -2; left -= 2)
        {
            // The last round loads the same slice again.
            if (left > 0)
            {
                walk = Next(second, p);
                second = Next(walk, p);
                weightAt += sliceWeight;
                // A padding quad has zero weights; the last real one is loaded in its place, so that no load is past the input.
                if (left == 1)
                    second = walk;
            }
            Put<TShape>(storeX, sharedWeight, buffer, next, t);
            // Before the barrier; otherwise ILGPU moves these loads behind the arithmetic that is to hide their latency.
            next = Fetch<TShape>(x, weight, rows, walk.Offset, second.Offset, weightAt, t);
            Group.Barrier();
            tile = RegisterTile.AddSlice<TShape>(tile, sharedX, buffer * sliceX + fromX, stepX, sharedWeight,
                buffer * sliceWeight + fromWeight, stepWeight);
            buffer ^= 1;
        }
        Group.Barrier();

        int row = 4 * fromX, quad = Grid.IdxY * stepWeight + fromWeight;
        FinishRows<TShape>(p, places, row, quad, tile.L0, tile.L1, tile.L2, tile.L3);
        if (TShape.RowHalves == 2)
            FinishRows<TShape>(p, places, row + Tile<TShape>.Rows / 2, quad, tile.L4, tile.L5, tile.L6, tile.L7);
        if (TShape.ColumnHalves == 2)
        {
            quad += stepWeight / 2;
            FinishRows<TShape>(p, places, row, quad, tile.R0, tile.R1, tile.R2, tile.R3);
            if (TShape.RowHalves == 2)
                FinishRows<TShape>(p, places, row + Tile<TShape>.Rows / 2, quad, tile.R4, tile.R5, tile.R6, tile.R7);
        }
    }

    /// <summary>
    /// Stores the address of a tile row's result; returns the address of its first tap. Rows past the last pixel recompute the first.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Begin(in ConvolveArguments p, ArrayView<int> places, int first, int row)
    {
        int pixel = first + row;
        bool exists = pixel < p.Pixels.Count;
        places[row] = exists ? p.Pixels.At(p.Output, pixel) : -1;
        return exists ? p.Pixels.At(p.Input, pixel) : p.Input.First;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Walk Next(Walk walk, in ConvolveArguments p)
    {
        walk.Offset++;
        walk.Quad++;
        if (walk.Quad == p.Quads)
        {
            walk.Quad = 0;
            walk.Offset += p.TapColumnStep - p.Quads;
            walk.Column++;
            if (walk.Column == p.TapColumns)
            {
                walk.Column = 0;
                walk.Offset += p.TapRowStep - p.TapColumns * p.TapColumnStep;
            }
        }
        return walk;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Fetched Fetch<TShape>(
        ArrayView<Float4> x, ArrayView<Float4> weight, RowPlaces rows, int offset0, int offset1, int weightAt, int t)
        where TShape : struct, IPixelTile
    {
        Fetched f = default;
        if (Tile<TShape>.Rows < Tile<TShape>.Threads)
        {
            f.X00 = x[rows.Row0 + (t < Tile<TShape>.Rows ? offset0 : offset1)];
        }
        else
        {
            f.X00 = x[rows.Row0 + offset0];
            f.X01 = x[rows.Row0 + offset1];
        }
        if (Tile<TShape>.Rows > Tile<TShape>.Threads)
        {
            f.X10 = x[rows.Row1 + offset0];
            f.X11 = x[rows.Row1 + offset1];
        }
        if (Tile<TShape>.Rows > 2 * Tile<TShape>.Threads)
        {
            f.X20 = x[rows.Row2 + offset0];
            f.X21 = x[rows.Row2 + offset1];
            f.X30 = x[rows.Row3 + offset0];
            f.X31 = x[rows.Row3 + offset1];
        }
        f.Weight = weight[weightAt];
        return f;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TShape>(ArrayView<float> storeX, ArrayView<Float4> sharedWeight, int buffer, Fetched f, int t)
        where TShape : struct, IPixelTile
    {
        int at = buffer * RegisterTile.Depth * Tile<TShape>.Rows, step = Tile<TShape>.Rows;
        if (Tile<TShape>.Rows < Tile<TShape>.Threads)
        {
            PutQuad(storeX.SubView(at + (t < step ? t : 3 * step + t)), 0, step, f.X00);
        }
        else
        {
            ArrayView<float> own = storeX.SubView(at + t);
            PutQuad(own, 0, step, f.X00);
            PutQuad(own, 4 * step, step, f.X01);
            if (Tile<TShape>.Rows > Tile<TShape>.Threads)
            {
                PutQuad(own, Tile<TShape>.Threads, step, f.X10);
                PutQuad(own, 4 * step + Tile<TShape>.Threads, step, f.X11);
            }
            if (Tile<TShape>.Rows > 2 * Tile<TShape>.Threads)
            {
                PutQuad(own, 2 * Tile<TShape>.Threads, step, f.X20);
                PutQuad(own, 4 * step + 2 * Tile<TShape>.Threads, step, f.X21);
                PutQuad(own, 3 * Tile<TShape>.Threads, step, f.X30);
                PutQuad(own, 4 * step + 3 * Tile<TShape>.Threads, step, f.X31);
            }
        }
        // With more threads than quads of weights, several threads write the same value.
        sharedWeight[buffer * 2 * Tile<TShape>.Columns + (t & (2 * Tile<TShape>.Columns - 1))] = f.Weight;
    }

    /// <summary>Writes four k of one row into the transposed slice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PutQuad(ArrayView<float> slice, int at, int step, Float4 v)
    {
        slice[at] = v.X;
        slice[at + step] = v.Y;
        slice[at + 2 * step] = v.Z;
        slice[at + 3 * step] = v.W;
    }

    /// <summary>Four rows of one quad of channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FinishRows<TShape>(
        in ConvolveArguments p, ArrayView<int> places, int row, int quad, Float4 v0, Float4 v1, Float4 v2, Float4 v3)
        where TShape : struct, IPixelTile
    {
        int channel = 4 * quad;
        if (channel >= p.Channels)
            return;
        if (TShape.Planes)
        {
            FinishPlanes(p, places[row], channel, v0);
            FinishPlanes(p, places[row + 1], channel, v1);
            FinishPlanes(p, places[row + 2], channel, v2);
            FinishPlanes(p, places[row + 3], channel, v3);
        }
        else
        {
            // 0 for padding channels, which stay 0.
            Float4 bias = default;
            if (p.Bias.Length > 0)
                bias = Float4.LoadPart(p.Bias, quad);
            Finish(p, places[row], quad, v0, bias);
            Finish(p, places[row + 1], quad, v1, bias);
            Finish(p, places[row + 2], quad, v2, bias);
            Finish(p, places[row + 3], quad, v3, bias);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(in ConvolveArguments p, int place, int quad, Float4 v, Float4 bias)
    {
        if (place < 0)
            return;
        int at = place + quad;
        v += bias;
        if (p.Residual.Length > 0)
            v += p.Residual.Cast<Float4>()[at];
        if (p.Relu != 0)
            v = Float4.Rectified(v);
        if (p.Gate.Length > 0)
            v = Float4.WherePositive(p.Gate.Cast<Float4>()[at], v);
        p.Y.Cast<Float4>()[at] = v;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FinishPlanes(in ConvolveArguments p, int place, int channel, Float4 v)
    {
        if (place < 0)
            return;
        int at = place + channel * p.Plane;
        p.Y[at] = v.X;
        if (channel + 1 < p.Channels)
            p.Y[at + p.Plane] = v.Y;
        if (channel + 2 < p.Channels)
            p.Y[at + 2 * p.Plane] = v.Z;
        if (channel + 3 < p.Channels)
            p.Y[at + 3 * p.Plane] = v.W;
    }
}
