using System.Runtime.CompilerServices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The weight gradient on a GPU: the product dyᵀ·x over all pixels of the batch, with output channels as rows and (r, s, input channel) as
/// columns. The pixels are split into parts to get enough groups; a second kernel adds up the parts in order.
/// </summary>
internal static class WeightGradient
{
    /// <summary>Columns of a group's tile and its threads.</summary>
    public const int TileColumns = 64, Threads = 64;

    private const int WantedGroups = 1024, FewestPixels = 256, MostPartialSums = 16 << 20;

    /// <summary>The kernel and its rows per tile, by the number of output channels.</summary>
    public static (Action<WeightGradientArguments> Kernel, int Rows) Choose(int channels) => channels switch
    {
        <= 16 => Of<Weights16X64>(),
        <= 32 => Of<Weights32X64>(),
        _ => Of<Weights64X64>(),
    };

    private static (Action<WeightGradientArguments>, int) Of<TShape>() where TShape : struct, IWeightTile =>
        (AddPixels<TShape>, Tile<TShape>.Rows);

    /// <summary>
    /// The number of parts of the pixels, given the number of tiles and of their <paramref name="sums"/> in all. Depends only on the
    /// shapes, so that the result has the same bits on every GPU.
    /// </summary>
    public static int Parts(int tiles, long sums, int pixels) =>
        (int)Math.Max(1, Math.Min((WantedGroups + tiles - 1) / tiles, Math.Min(pixels / FewestPixels, MostPartialSums / sums)));

    internal struct WeightGradientArguments
    {
        /// <summary>Partial is [part][rows of all tiles][columns of all tiles].</summary>
        public ArrayView<float> X, Dy, Partial;

        public PixelNumbers Pixels;

        /// <summary>The grids of each pixel's first tap in x, and of the pixels of dy.</summary>
        public PixelGrid Input, Gradient;

        public int PixelsPerPart;

        /// <summary>Quads of four channels per pixel of dy, and columns of dw.</summary>
        public int RowQuads, ColumnQuads;

        /// <summary>Strides by tap row and column.</summary>
        public int TapRowStep, TapColumnStep;

        /// <summary>Quads per tap, and taps per row.</summary>
        public InvariantDivision ByQuads, ByTapColumns;
    }

    /// <summary>A thread's part of a slice: one quad of two pixels of x, and two quads of dy, or one.</summary>
    private struct Fetched
    {
        public Float4 X0, X1, Dy0, Dy1;
    }

    /// <summary>What a thread loads: its quads of a pixel of x and of dy, and which pixels of a slice.</summary>
    private struct Lanes
    {
        public int Column, Row, Pixel, DyPixel;
    }

    /// <summary>The addresses of the thread's parts of the next slice.</summary>
    private struct Addresses
    {
        public int X0, X1, Dy0, Dy1;
    }

    internal static void AddPixels<TShape>(WeightGradientArguments p) where TShape : struct, IWeightTile
    {
        // [buffer][pixel][output channel / 4] and [buffer][pixel][column / 4].
        ArrayView<Float4> sharedDy = SharedMemory.Allocate<Float4>(2 * RegisterTile.Depth * Tile<TShape>.Rows / 4);
        ArrayView<Float4> sharedX = SharedMemory.Allocate<Float4>(2 * RegisterTile.Depth * TileColumns / 4);
        int t = Group.IdxX, rowQuads = 1 << TShape.LogRowQuads, columnQuads = TileColumns / 4;

        // Channels and columns past the last are computed from the first, and never read.
        int column = Grid.IdxX * columnQuads + (t & (columnQuads - 1)), row = Grid.IdxY * rowQuads + (t & (rowQuads - 1));
        int tap = p.ByQuads.Quotient(column), r = p.ByTapColumns.Quotient(tap);
        Lanes lanes = default;
        lanes.Column = column < p.ColumnQuads
            ? r * p.TapRowStep + p.ByTapColumns.Remainder(tap) * p.TapColumnStep + p.ByQuads.Remainder(column)
            : 0;
        lanes.Row = row < p.RowQuads ? row : 0;
        lanes.Pixel = t >> 4;
        lanes.DyPixel = (t >> TShape.LogRowQuads) & (RegisterTile.Depth - 1);

        int begin = Grid.IdxZ * p.PixelsPerPart, end = IntrinsicMath.Min(begin + p.PixelsPerPart, p.Pixels.Count);
        int sliceDy = RegisterTile.Depth * rowQuads, sliceX = RegisterTile.Depth * columnQuads, fromDy = Tile<TShape>.Row(t);
        int fromX = Tile<TShape>.Column(t);
        ArrayView<Float4> x = p.X.Cast<Float4>(), dy = p.Dy.Cast<Float4>();
        Fetched next = default;
        if (begin < end)
            next = Fetch<TShape>(x, dy, Find<TShape>(p, lanes, begin, end));
        RegisterTile tile = default;
        int buffer = 0;
        for (int pixel = begin; pixel < end; pixel += RegisterTile.Depth)
        {
            Put<TShape>(sharedDy, sharedX, buffer, next, t);
            next = Fetch<TShape>(x, dy, Find<TShape>(p, lanes, pixel + RegisterTile.Depth, end));
            Group.Barrier();
            tile = RegisterTile.AddSlice<TShape>(tile, sharedDy, buffer * sliceDy + fromDy, rowQuads, sharedX, buffer * sliceX + fromX,
                columnQuads);
            buffer ^= 1;
        }

        ArrayView<Float4> partial = p.Partial.Cast<Float4>();
        int pitch = Grid.DimX * columnQuads;
        int at = ((Grid.IdxZ * Grid.DimY + Grid.IdxY) * Tile<TShape>.Rows + 4 * fromDy) * pitch + Grid.IdxX * columnQuads + fromX;
        Store(partial, at, pitch, tile.L0, tile.L1, tile.L2, tile.L3);
        if (TShape.ColumnHalves == 2)
            Store(partial, at + columnQuads / 2, pitch, tile.R0, tile.R1, tile.R2, tile.R3);
        if (TShape.RowHalves == 2)
        {
            at += Tile<TShape>.Rows / 2 * pitch;
            Store(partial, at, pitch, tile.L4, tile.L5, tile.L6, tile.L7);
            if (TShape.ColumnHalves == 2)
                Store(partial, at + columnQuads / 2, pitch, tile.R4, tile.R5, tile.R6, tile.R7);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Addresses Find<TShape>(in WeightGradientArguments p, Lanes lanes, int pixel, int end) where TShape : struct, IWeightTile
    {
        // Past the last pixel dy is read from the border's corner, which is 0, so any pixel of x will do.
        int pixel0 = pixel + lanes.Pixel, pixel1 = pixel0 + 4;
        PixelNumbers.Place place0 = p.Pixels.Of(IntrinsicMath.Min(pixel0, end - 1));
        PixelNumbers.Place place1 = p.Pixels.Of(IntrinsicMath.Min(pixel1, end - 1));
        Addresses a = default;
        a.X0 = p.Input.At(place0.Image, place0.Y, place0.X) + lanes.Column;
        a.X1 = p.Input.At(place1.Image, place1.Y, place1.X) + lanes.Column;
        if (TShape.LogRowQuads == 4)
        {
            a.Dy0 = (pixel0 < end ? p.Gradient.At(place0.Image, place0.Y, place0.X) : 0) + lanes.Row;
            a.Dy1 = (pixel1 < end ? p.Gradient.At(place1.Image, place1.Y, place1.X) : 0) + lanes.Row;
        }
        else
        {
            int dyPixel = pixel + lanes.DyPixel;
            a.Dy0 = (dyPixel < end ? p.Pixels.At(p.Gradient, dyPixel) : 0) + lanes.Row;
        }
        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Fetched Fetch<TShape>(ArrayView<Float4> x, ArrayView<Float4> dy, Addresses a) where TShape : struct, IWeightTile
    {
        Fetched f = default;
        f.X0 = x[a.X0];
        f.X1 = x[a.X1];
        f.Dy0 = dy[a.Dy0];
        if (TShape.LogRowQuads == 4)
            f.Dy1 = dy[a.Dy1];
        return f;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TShape>(ArrayView<Float4> sharedDy, ArrayView<Float4> sharedX, int buffer, Fetched f, int t)
        where TShape : struct, IWeightTile
    {
        int at = buffer * RegisterTile.Depth * TileColumns / 4 + t;
        sharedX[at] = f.X0;
        sharedX[at + Threads] = f.X1;
        if (TShape.LogRowQuads == 4)
        {
            sharedDy[at] = f.Dy0;
            sharedDy[at + Threads] = f.Dy1;
        }
        else
        {
            // With more threads than quads of dy, several threads write the same value.
            sharedDy[(buffer * RegisterTile.Depth << TShape.LogRowQuads) + (t & ((RegisterTile.Depth << TShape.LogRowQuads) - 1))] = f.Dy0;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ArrayView<Float4> partial, int at, int pitch, Float4 v0, Float4 v1, Float4 v2, Float4 v3)
    {
        partial[at] = v0;
        partial[at + pitch] = v1;
        partial[at + 2 * pitch] = v2;
        partial[at + 3 * pitch] = v3;
    }

    internal struct SumPartsArguments
    {
        public ArrayView<float> Partial, Dw;

        /// <summary>Floats per part, floats per row of a part, and columns that belong to a tap.</summary>
        public int Part, Pitch, Columns;

        public int Parts, Channels, Taps;

        /// <summary>Columns per tap.</summary>
        public InvariantDivision ByTap;

        /// <summary>Channels of x and of dy in a group.</summary>
        public InvariantDivision ByGroupInputs, ByGroupOutputs;
    }

    /// <summary>
    /// dw[k, c, tap] = Σ over parts in order, for channels of one group: a thread owns one column of output channel Grid.IdxY.
    /// </summary>
    internal static void SumParts(SumPartsArguments p)
    {
        int column = Grid.GlobalIndex.X, k = Grid.IdxY, tap = p.ByTap.Quotient(column), c = column - tap * p.ByTap.Divisor;
        int group = p.ByGroupInputs.Quotient(c);
        if (column >= p.Columns || c >= p.Channels || group != p.ByGroupOutputs.Quotient(k))
            return;
        float sum = 0;
        int at = k * p.Pitch + column;
        for (int part = 0; part < p.Parts; part++, at += p.Part)
            sum += p.Partial[at];
        p.Dw[((k - group) * p.ByGroupInputs.Divisor + c) * p.Taps + tap] = sum;
    }
}
