using System.Runtime.CompilerServices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Direct convolution for any kernel size, stride and padding. A register tile is some pixels of a row × some channel blocks; its sum runs
/// over one list of offsets (channel block, r, s), so each output is written once.
/// </summary>
internal sealed unsafe class DirectConvolution<F> : Conv2dCpu where F : struct, ISimd<F>
{
    /// <summary>
    /// Pixels that a work item computes for one group of channels: enough to reuse the group's weights from the L1 cache.
    /// </summary>
    private const int PixelsPerItem = 256;

    /// <summary>Maximum total size of a weight gradient's partial sums, in floats, which limits their number.</summary>
    private const int MostPartialSums = 4 << 20;

    private static readonly int Width = F.Width;

    public override bool AppliesLimits => true;

    public override void Forward(
        CpuDevice device, Conv2dGeometry g, float* x, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, ChannelSums? sums, float* y)
    {
        int block = g.Input.Block;
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        PlaneView from = PlaneView.WithHalo(device, g.Input, x, g.InputReach, out DeviceBuffer<float>? copy), to = new(g.Output, y);
        DirectTiles tiles = DirectTiles.For<F>(g.Output.W, g.Output, g.GroupOutputs, g.Input, g.GroupInputs, g.R * g.S);
        nint[] taps = Taps(from, tiles.MostInputs, g.R, g.S,
            (r, s) => (r * vertical.Dilation - vertical.Padding, s * horizontal.Dilation - horizontal.Padding), block);
        CpuBuffer<float> packed = weight.Derived<CpuBuffer<float>>($"direct forward {block} {tiles.Vectors} {g.Groups}",
            _ => Pack(device, tiles, weight, g.WeightAt));
        RunTiles(device, g.Output, tiles, g.Output.H, g.Output.W, taps, packed, horizontal.Stride, from.Plane,
            aPixel: (n, row) => from.First + n * from.Image + row * vertical.Stride * from.Row,
            cPixel: (n, row) => to.First + n * to.Image + row * to.Row,
            to.Plane, cPixelStep: Width, finish: EpilogueOf(g.Output, epilogue, y));
        Return(device, copy);
    }

    /// <summary>
    /// The pixels of dx fall into StrideY·StrideX phases. Within a phase all pixels use the same taps of neighbouring pixels of dy, so a
    /// phase is a stride-1 convolution that writes every StrideX-th pixel of every StrideY-th row.
    /// </summary>
    public override void BackwardInput(
        CpuDevice device, Conv2dGeometry g, float* dy, DeviceBuffer<float> weight, Conv2dEpilogue epilogue, float* dx)
    {
        if (g.Input.Block == 1)
        {
            ImageGradient<F>.Run(device, g, dy, weight, dx);
            return;
        }
        int block = g.Output.Block;
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        PlaneView from = PlaneView.WithHalo(device, g.Output, dy, g.InputGradientReach, out DeviceBuffer<float>? copy);
        PlaneView to = new(g.Input, dx);
        for (int py = 0; py < vertical.Phases; py++)
        {
            for (int px = 0; px < horizontal.Phases; px++)
            {
                var (phaseY, phaseX) = (py, px);
                int[] rows = vertical.TapsOfPhase(py), columns = horizontal.TapsOfPhase(px);
                int h = vertical.PixelsOfPhase(py), w = horizontal.PixelsOfPhase(px);
                DirectTiles tiles =
                    DirectTiles.For<F>(w, g.Input, g.GroupInputs, g.Output, g.GroupOutputs, rows.Length * columns.Length);
                nint[] taps = Taps(from, tiles.MostInputs, rows.Length, columns.Length,
                    (r, s) => (vertical.OutputOf(phaseY, rows[r]), horizontal.OutputOf(phaseX, columns[s])), block);
                CpuBuffer<float> packed = weight.Derived<CpuBuffer<float>>(
                    $"direct backward input {g.Window} {g.Groups} {py} {px} {tiles.Vectors}",
                    _ => Pack(device, tiles, weight,
                        (c, k, tap) => g.WeightAt(k, c, rows[tap / columns.Length] * g.S + columns[tap % columns.Length])));
                RunTiles(device, g.Input, tiles, h, w, taps, packed, 1, from.Plane,
                    aPixel: (n, row) => from.First + n * from.Image + row * from.Row,
                    cPixel: (n, row) => to.First + n * to.Image + (row * vertical.Stride + phaseY) * to.Row + phaseX * Width,
                    to.Plane, cPixelStep: horizontal.Stride * Width, finish: null);
            }
        }
        Return(device, copy);
        // A row is complete only when all its phases are.
        if (EpilogueOf(g.Input, epilogue, dx) is { } finish)
            device.For(g.Input.N * g.Input.H, (item, _) => finish(item / g.Input.H, item % g.Input.H, 0, g.Input.Blocks));
    }

    /// <summary>
    /// Partial sums over a fixed number of runs of images, added up in order, so the result does not depend on the number of threads. A
    /// work item owns a run and a group of blocks of dy; it updates all of dw one image at a time, while the image is in the caches. Rows
    /// of the register tile are input channels (for planes: the taps of a kernel row), and k runs over the pixels of a row.
    /// </summary>
    public override void BackwardWeight(CpuDevice device, Conv2dGeometry g, float* x, float* dy, float* dw)
    {
        PlaneView from = PlaneView.WithHalo(device, g.Input, x, g.InputReach, out DeviceBuffer<float>? copy), gradient = new(g.Output, dy);
        bool planes = g.Input.Block == 1;
        int rows = planes && g.Window.DilationX == 1 ? g.S : planes ? 1 : Math.Min(Width, 8);
        int pieces = planes ? 1 : Width / rows, columns = planes ? g.S / rows : g.S;
        var (vertical, horizontal) = (g.Vertical, g.Horizontal);
        DirectTiles groups = DirectTiles.Widest<F>(planes ? 4 : 2, g.Output, g.GroupOutputs, g.Input, g.GroupInputs, g.R * g.S);
        using CpuOffsets aRows = new(g.Output.H), bRows = new(g.Output.H);
        for (int oy = 0; oy < g.Output.H; oy++)
        {
            aRows[oy] = oy * vertical.Stride * from.Row;
            bRows[oy] = oy * gradient.Row;
        }
        nint* aOffsets = aRows.Pointer, bOffsets = bRows.Pointer;
        // A tile of dw: some rows of one input block and tap × some blocks of output channels. Tiles are stored in that order.
        int tilesOfBlock = pieces * g.R * columns, sumLength = groups.Length;
        int parts = Math.Min(g.Input.N, Math.Clamp(MostPartialSums / sumLength, 1, 8));
        DeviceBuffer<float> partial = device.Pool.Rent(checked(parts * sumLength), 0);
        float* sums = CpuDevice.Pointer(partial);
        device.For(parts * groups.Count, (item, _) =>
        {
            (int part, item) = Math.DivRem(item, groups.Count);
            DirectTiles.Tile group = groups[item];
            byte[] plan = TilePlan<F>.Rows(rows, group.Vectors);
            int begin = (int)((long)g.Input.N * part / parts), end = (int)((long)g.Input.N * (part + 1) / parts);
            for (int n = begin; n < end; n++)
            {
                float* sum = sums + (nint)part * sumLength + group.Packed;
                float* b = gradient.First + n * gradient.Image + group.Start * gradient.Plane;
                for (int tile = 0; tile < group.Inputs * tilesOfBlock; tile++, sum += rows * group.Vectors * Width)
                {
                    var (block, piece, r, s) = Place(group, tile);
                    float* a = from.First + n * from.Image + block * from.Plane + (r * vertical.Dilation - vertical.Padding) * from.Row
                        + (s * horizontal.Dilation - horizontal.Padding) * g.Input.Block + piece * rows;
                    MicroKernels<F, UnitRows>.Run(plan, group.Vectors, 1, a, aOffsets, g.Output.H, g.Output.W,
                        horizontal.Stride * g.Input.Block, b, bOffsets, Width, gradient.Plane, sum, group.Vectors * Width, Width,
                        n > begin);
                }
            }
        });
        device.For(groups.Count, (item, _) =>
        {
            DirectTiles.Tile group = groups[item];
            float* sum = sums + group.Packed;
            for (int tile = 0; tile < group.Inputs * tilesOfBlock; tile++)
            {
                var (block, piece, r, s) = Place(group, tile);
                for (int row = 0; row < rows; row++, sum += group.Vectors * Width)
                {
                    int c = planes ? block : block * Width + piece * rows + row, tap = r * g.S + s + (planes ? row : 0);
                    for (int lane = 0; lane < group.Vectors * Width; lane++)
                    {
                        int index = g.WeightAt(group.Start * Width + lane, c, tap);
                        if (index < 0)
                            continue;
                        float total = 0;
                        for (int part = 0; part < parts; part++)
                            total += sum[(nint)part * sumLength + lane];
                        dw[index] = total;
                    }
                }
            }
        });
        device.Pool.Return(partial);
        Return(device, copy);

        (int Block, int Piece, int R, int S) Place(DirectTiles.Tile group, int tile)
        {
            (tile, int s) = Math.DivRem(tile, columns);
            (tile, int r) = Math.DivRem(tile, g.R);
            (int block, int piece) = Math.DivRem(tile, pieces);
            return (group.FirstInput + block, piece, r, s);
        }
    }

    /// <summary>The offsets of all (channel block, r, s) from a pixel, in the order of the packed weights.</summary>
    private static nint[] Taps(PlaneView view, int blocks, int rows, int columns, Func<int, int, (int Dy, int Dx)> at, int block)
    {
        nint[] offsets = new nint[blocks * rows * columns];
        int i = 0;
        for (int b = 0; b < blocks; b++)
            for (int r = 0; r < rows; r++)
                for (int s = 0; s < columns; s++)
                {
                    var (dy, dx) = at(r, s);
                    offsets[i++] = b * view.Plane + dy * view.Row + dx * block;
                }
        return offsets;
    }

    /// <summary>
    /// Weights packed in the order a tile reads them: [tile][input block][tap][input lane][vectors × width], zero where
    /// <paramref name="at"/>(output channel, input channel, tap) is negative.
    /// </summary>
    private static CpuBuffer<float> Pack(CpuDevice device, DirectTiles tiles, DeviceBuffer<float> weight, Func<int, int, int, int> at)
    {
        CpuBuffer<float> packed = new(device, tiles.Length);
        float* to = packed.Pointer, from = CpuDevice.Pointer(weight);
        device.For(tiles.Count, (item, _) =>
        {
            DirectTiles.Tile tile = tiles[item];
            float* p = to + tile.Packed;
            for (int block = tile.FirstInput; block < tile.FirstInput + tile.Inputs; block++)
                for (int tap = 0; tap < tiles.Taps; tap++)
                    for (int lane = 0; lane < tiles.Lanes; lane++)
                        for (int o = 0; o < tile.Vectors * Width; o++)
                        {
                            int index = at(tile.Start * Width + o, block * tiles.Lanes + lane, tap);
                            *p++ = index < 0 ? 0 : from[index];
                        }
        });
        return packed;
    }

    private delegate float* PixelOf(int image, int row);

    /// <summary>Computes all output pixels: one row of register tiles for each image, row and tile of output blocks.</summary>
    private static void RunTiles(
        CpuDevice device, ActivationLayout output, DirectTiles tiles, int height, int width, nint[] taps, CpuBuffer<float> packed,
        int stride, nint aPlane, PixelOf aPixel, PixelOf cPixel, nint cPlane, nint cPixelStep, Action<int, int, int, int>? finish)
    {
        int lanes = tiles.Lanes;
        bool blockRows = lanes > 1;
        nint aPixelStep = stride * lanes;
        int images = Math.Max(1, PixelsPerItem / (height * width)), rowsPerItem = Math.Min(height, Math.Max(1, PixelsPerItem / width));
        int imageGroups = (output.N + images - 1) / images, rowGroups = (height + rowsPerItem - 1) / rowsPerItem;
        using CpuOffsets offsets = new(taps);
        nint* aOffsets = offsets.Pointer;
        device.For(imageGroups * rowGroups * tiles.Count, (item, _) =>
        {
            (item, int tileIndex) = Math.DivRem(item, tiles.Count);
            (int imageGroup, int rowGroup) = Math.DivRem(item, rowGroups);
            var (start, vectors, firstInput, inputs, at) = tiles[tileIndex];
            byte[] plan = stride <= 2 ? TilePlan<F>.Rows(width, vectors) : TilePlan<F>.SingleRows(width);
            float* b = packed.Pointer + at;
            int segments = inputs * tiles.Taps;
            for (int n = imageGroup * images; n < Math.Min(output.N, (imageGroup + 1) * images); n++)
                for (int row = rowGroup * rowsPerItem; row < Math.Min(height, (rowGroup + 1) * rowsPerItem); row++)
                {
                    float* a = aPixel(n, row) + firstInput * aPlane, c = cPixel(n, row) + start * cPlane;
                    if (stride == 2 && blockRows)
                        MicroKernels<F, EverySecondBlock<F>>.Run(plan, vectors, aPixelStep, a, aOffsets, segments, lanes, 1, b, null,
                            vectors * Width, Width, c, cPixelStep, cPlane, false);
                    else if (stride == 2)
                        MicroKernels<F, EverySecond>.Run(plan, vectors, aPixelStep, a, aOffsets, segments, lanes, 1, b, null,
                            vectors * Width, Width, c, cPixelStep, cPlane, false);
                    else if (blockRows)
                        MicroKernels<F, BlockRows<F>>.Run(plan, vectors, aPixelStep, a, aOffsets, segments, lanes, 1, b, null,
                            vectors * Width, Width, c, cPixelStep, cPlane, false);
                    else
                        MicroKernels<F, UnitRows>.Run(plan, vectors, aPixelStep, a, aOffsets, segments, lanes, 1, b, null,
                            vectors * Width, Width, c, cPixelStep, cPlane, false);
                    finish?.Invoke(n, row, start, vectors);
                }
        });
    }

    /// <summary>Applies the epilogue to a just computed row of some channel blocks, while it is in the L1 cache.</summary>
    private static Action<int, int, int, int>? EpilogueOf(ActivationLayout layout, Conv2dEpilogue epilogue, float* y)
    {
        if (epilogue.IsNone)
            return null;
        PlaneView view = new(layout, y);
        float* bias = epilogue.Bias is null ? null : CpuDevice.Pointer(epilogue.Bias);
        float* residual = epilogue.Residual is null ? null : CpuDevice.Pointer(epilogue.Residual);
        float* gate = epilogue.Gate is null ? null : CpuDevice.Pointer(epilogue.Gate);
        return (n, row, start, vectors) =>
        {
            for (int block = start; block < start + vectors; block++)
            {
                float* p = view.First + n * view.Image + block * view.Plane + row * view.Row;
                FinishRow(p, residual == null ? null : residual + (p - y), gate == null ? null : gate + (p - y),
                    bias == null ? F.Zero : F.Load(bias + block * Width), epilogue.Relu, epilogue.Limit, epilogue.GateLimit, layout.W);
            }
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FinishRow(
        float* y, float* residual, float* gate, F bias, bool relu, float? limit, float? gateLimit, int width)
    {
        F low = F.Broadcast(relu ? 0 : float.NegativeInfinity), high = F.Broadcast(limit ?? float.PositiveInfinity);
        F gateHigh = F.Broadcast(gateLimit ?? float.PositiveInfinity);
        for (int i = 0; i < width * F.Width; i += F.Width)
        {
            F value = F.Load(y + i) + bias;
            if (residual != null)
                value += F.Load(residual + i);
            value = F.Min(high, F.Max(low, value));
            if (gate != null)
            {
                F g = F.Load(gate + i);
                value = F.WherePositive(g, F.WherePositive(gateHigh - g, value));
            }
            value.Store(y + i);
        }
    }

    private static void Return(CpuDevice device, DeviceBuffer<float>? copy)
    {
        if (copy is not null)
            device.Pool.Return(copy);
    }
}
