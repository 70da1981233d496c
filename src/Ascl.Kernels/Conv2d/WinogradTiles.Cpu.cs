using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The tiles of results of all images, numbered image by image and row by row, and the passes that transform a run of tiles to and from
/// frequencies. A tile that extends past an edge goes through a zero-padded copy, so that memory beyond the edge never enters a sum.
/// </summary>
/// <typeparam name="F">The vector.</typeparam>
/// <typeparam name="T">The transforms.</typeparam>
/// <param name="input">The activation the windows are read from.</param>
/// <param name="output">The activation the tiles belong to.</param>
/// <param name="before">Pixels of the first window outside the image, above and to the left.</param>
internal sealed unsafe class WinogradTiles<F, T>(ActivationLayout input, ActivationLayout output, int before)
    where F : struct, ISimd<F> where T : struct, IWinogradAlgorithm<F>
{
    /// <summary>Prefetch distance, in tiles.</summary>
    private const int TilesAhead = 3;
    private static readonly int Width = F.Width;
    private readonly int rows = (output.H + T.Tile - 1) / T.Tile, columns = (output.W + T.Tile - 1) / T.Tile;

    public int Count => output.N * rows * columns;

    /// <summary>Floats of scratch that a pass needs: for a transform, and for a padded copy of a window or tile.</summary>
    public static int ScratchLength => WinogradTransforms<F>.ScratchLength + Math.Max(T.Window * T.Window, T.Tile * T.Tile) * Width;

    /// <summary>
    /// V of tiles <paramref name="first"/>…<paramref name="last"/>−1: [frequency][channel block][tile − origin][row][width].
    /// </summary>
    public void Input(float* x, float* v, int tilesPerBlock, int origin, int first, int last, float* scratch)
    {
        PlaneView view = new(input, x);
        nint slab = (nint)input.Blocks * tilesPerBlock * Width;
        TileWalk ahead = Ahead(first, last, input.Blocks);
        for (TileWalk at = Walk(first, last, input.Blocks); !at.Ended; at.Next())
        {
            if (!ahead.Ended)
            {
                Prefetch(Window(view, ahead), view.Row, T.Window, ahead.Column == 0 ? 0 : T.Window - T.WindowStep, T.Window);
                ahead.Next();
            }
            int top = at.Row * T.WindowStep - before, left = at.Column * T.WindowStep - before;
            TileMemory memory = new(v, slab, ((nint)at.Block * tilesPerBlock + (at.Tile - origin)) * Width, Width);
            // The activation's own zero border may be read.
            if (top >= -1 && left >= -1 && top + T.Window <= input.H + 1 && left + T.Window <= input.W + 1)
            {
                T.Input(Window(view, at), view.Row, memory, scratch);
            }
            else
            {
                float* copy = scratch + WinogradTransforms<F>.ScratchLength;
                CopyWindow(view.First + at.Image * view.Image + at.Block * view.Plane, view.Row, top, left, T.Window, input.H, input.W,
                    copy);
                T.Input(copy, T.Window * Width, memory, scratch);
            }
        }
    }

    private float* Window(PlaneView view, TileWalk at) =>
        view.First + at.Image * view.Image + at.Block * view.Plane + (at.Row * T.WindowStep - before) * view.Row
            + (at.Column * T.WindowStep - before) * Width;

    private static float* Target(PlaneView view, TileWalk at) =>
        view.First + at.Image * view.Image + at.Block * view.Plane + at.Row * T.Tile * view.Row + at.Column * T.Tile * Width;

    private TileWalk Walk(int first, int last, int blocks) => new(first, last, rows, columns, blocks);

    /// <summary>
    /// The position <see cref="TilesAhead"/> tiles later in a walk, which may be in the next row, channel block or image.
    /// </summary>
    private TileWalk Ahead(int first, int last, int blocks)
    {
        TileWalk ahead = Walk(first, last, blocks);
        for (int i = 0; i < TilesAhead; i++)
            ahead.Next();
        return ahead;
    }

    /// <summary>
    /// The adjoint transform of dy as the B panels of the weight gradient: [frequency][group of blocks][tile − origin][row][vectors ×
    /// width].
    /// </summary>
    public void OutputAdjoint<TWeights>(
        float* dy, (int Start, int Vectors)[] groups, float* v, int tilesPerBlock, int origin, int first, int last, float* scratch)
        where TWeights : struct, IWinogradWeights<F>
    {
        PlaneView view = new(output, dy);
        nint slab = (nint)output.Blocks * tilesPerBlock * Width;
        TileWalk ahead = Ahead(first, last, output.Blocks);
        int group = 0;
        for (TileWalk at = Walk(first, last, output.Blocks); !at.Ended; at.Next())
        {
            if (!ahead.Ended)
            {
                Prefetch(Target(view, ahead), view.Row, T.Tile, 0, T.Tile);
                ahead.Next();
            }
            // Groups are in the order of their blocks, which start over with each image.
            if (at.Block < groups[group].Start)
                group = 0;
            else if (at.Block == groups[group].Start + groups[group].Vectors)
                group++;
            var (start, vectors) = groups[group];
            TileMemory memory = new(v + (at.Block - start) * Width, slab,
                ((nint)start * tilesPerBlock + (at.Tile - origin) * vectors) * Width, vectors * Width);
            int top = at.Row * T.Tile, left = at.Column * T.Tile;
            if (top + T.Tile <= output.H + 1 && left + T.Tile <= output.W + 1)
            {
                TWeights.OutputAdjoint(Target(view, at), view.Row, memory, scratch);
            }
            else
            {
                float* copy = scratch + WinogradTransforms<F>.ScratchLength;
                CopyWindow(view.First + at.Image * view.Image + at.Block * view.Plane, view.Row, top, left, T.Tile, output.H, output.W,
                    copy);
                TWeights.OutputAdjoint(copy, T.Tile * Width, memory, scratch);
            }
        }
    }

    /// <summary>The results of some tiles from M: [frequency][channel block][tile − origin][row][width].</summary>
    /// <param name="part">The part of the sums that these tiles belong to.</param>
    public void Output(
        float* m, int tilesPerBlock, int origin, int first, int last, float* y, WinogradOutput finish, int part, float* scratch)
    {
        PlaneView view = new(output, y);
        nint slab = (nint)output.Blocks * tilesPerBlock * Width;
        float* sums = null;
        if (finish.Sums is { } made)
        {
            sums = made.Part(part);
            BeginSums(made, sums, m, slab, tilesPerBlock, first - origin, scratch);
            sums[made.PixelsAt] = Pixels(first, last);
        }
        OutputWalk walk = new(view, m, slab, tilesPerBlock, origin, scratch, Walk(first, last, output.Blocks),
            Ahead(first, last, output.Blocks));
        while (!walk.At.Ended)
            if (finish.Streamed)
                OutputBlock<PastCaches>(ref walk, finish, sums);
            else
                OutputBlock<ThroughCaches>(ref walk, finish, sums);
    }

    /// <summary>The state of a pass that writes the results of some tiles.</summary>
    private ref struct OutputWalk(
        PlaneView view, float* m, nint slab, int tilesPerBlock, int origin, float* scratch, TileWalk at, TileWalk ahead)
    {
        public readonly PlaneView View = view;
        public readonly float* Scratch = scratch;
        public TileWalk At = at, Ahead = ahead;

        public readonly TileMemory Source => new(m, slab, ((nint)At.Block * tilesPerBlock + (At.Tile - origin)) * Width, Width);
    }

    /// <summary>Zero sums, with the first result of each channel as shift.</summary>
    private void BeginSums(ChannelSums layout, float* sums, float* m, nint slab, int tilesPerBlock, int tile, float* scratch)
    {
        new Span<float>(sums, layout.ShiftAt).Clear();
        float* results = scratch + WinogradTransforms<F>.ScratchLength;
        for (int block = 0; block < output.Blocks; block++)
        {
            T.Output(new TileMemory(m, slab, ((nint)block * tilesPerBlock + tile) * Width, Width), results, T.Tile * Width,
                new PlainOutput<F, ThroughCaches>());
            F.Load(results).Store(sums + layout.ShiftAt + block * Width);
        }
    }

    /// <summary>The tiles of one image in one channel block.</summary>
    private void OutputBlock<TStore>(ref OutputWalk walk, WinogradOutput finish, float* sums) where TStore : struct, IStore
    {
        int block = walk.At.Block;
        F bias = finish.Bias == null ? F.Zero : F.Load(finish.Bias + block * Width);
        F low = F.Broadcast(finish.Relu ? 0 : float.NegativeInfinity);
        switch (finish.Parts)
        {
            case OutputParts.None when finish.Sums is { } layout:
                float* blockSums = sums + block * Width;
                OutputBlock(ref walk, finish,
                    new StatisticsOutput<F, TStore>(F.Load(blockSums + layout.ShiftAt), blockSums, layout.Channels));
                break;
            case OutputParts.None:
                OutputBlock(ref walk, finish, new PlainOutput<F, TStore>());
                break;
            case OutputParts.Bias:
                OutputBlock(ref walk, finish, new BiasOutput<F, TStore>(bias, low));
                break;
            case OutputParts.Residual:
                OutputBlock(ref walk, finish, new ResidualOutput<F, TStore>(bias, low, finish.Residual));
                break;
            case OutputParts.Gate:
                OutputBlock(ref walk, finish, new GatedOutput<F, TStore>(bias, low, finish.Gate));
                break;
            default:
                OutputBlock(ref walk, finish, new GatedResidualOutput<F, TStore>(bias, low, finish.Residual, finish.Gate));
                break;
        }
    }

    private void OutputBlock<TOutput>(ref OutputWalk walk, WinogradOutput finish, TOutput store) where TOutput : struct, IWinogradOutput<F>
    {
        nint row = walk.View.Row;
        var (image, block) = (walk.At.Image, walk.At.Block);
        for (; !walk.At.Ended && walk.At.Image == image && walk.At.Block == block; walk.At.Next())
        {
            if (!walk.Ahead.Ended)
            {
                float* later = Target(walk.View, walk.Ahead);
                if (finish.Residual != 0)
                    Prefetch(later + finish.Residual, row, T.Tile, 0, T.Tile);
                if (finish.Gate != 0)
                    Prefetch(later + finish.Gate, row, T.Tile, 0, T.Tile);
                // A store to a line that is not in the cache reads the line first, so it is prefetched.
                if (!finish.Streamed)
                    Prefetch(later, row, T.Tile, 0, T.Tile);
                walk.Ahead.Next();
            }
            int height = Math.Min(T.Tile, output.H - walk.At.Row * T.Tile), width = Math.Min(T.Tile, output.W - walk.At.Column * T.Tile);
            float* target = Target(walk.View, walk.At);
            if (height == T.Tile && width == T.Tile)
            {
                T.Output(walk.Source, target, row, store);
                continue;
            }
            float* copy = walk.Scratch + WinogradTransforms<F>.ScratchLength;
            T.Output(walk.Source, copy, T.Tile * Width, new PlainOutput<F, ThroughCaches>());
            F first = F.Zero, second = F.Zero;
            for (int i = 0; i < height; i++)
                for (int j = 0; j < width; j++)
                {
                    F value = store.Store(F.Load(copy + (i * T.Tile + j) * Width), target + i * row + j * Width);
                    (first, second) = (store.First(first, value), store.Second(second, value));
                }
            store.Finish(first, second);
        }
    }

    /// <summary>The number of result pixels in some tiles.</summary>
    private int Pixels(int first, int last)
    {
        int pixels = 0;
        for (TileWalk at = Walk(first, last, 1); !at.Ended; at.Next())
            pixels += Math.Min(T.Tile, output.H - at.Row * T.Tile) * Math.Min(T.Tile, output.W - at.Column * T.Tile);
        return pixels;
    }

    /// <summary>
    /// Prefetches some columns of a later window: of the input, those it does not share with earlier windows. A prefetch may use any
    /// address.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(float* window, nint row, int rows, int firstColumn, int endColumn)
    {
        if (!Sse.IsSupported)
            return;
        for (int i = 0; i < rows; i++, window += row)
            for (int j = firstColumn; j < endColumn; j++)
                Sse.Prefetch0(window + j * Width);
    }

    private static void CopyWindow(float* plane, nint row, int top, int left, int size, int height, int width, float* copy)
    {
        for (int i = 0; i < size; i++)
            for (int j = 0; j < size; j++, copy += Width)
            {
                int y = top + i, x = left + j;
                (y >= 0 && y < height && x >= 0 && x < width ? F.Load(plane + y * row + x * Width) : F.Zero).Store(copy);
            }
    }
}
