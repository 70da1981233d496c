using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Ascl.Kernels.Activations;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The 4×4 output tiles of all images, numbered image by image, row by row, and the passes that take a run of them to and from the frequencies.
/// A tile that reaches past an edge goes through a zero-padded copy, so what lies beyond the edge in memory never enters a sum.
/// </summary>
internal sealed unsafe class WinogradTiles<F>(Conv2dGeometry g) where F : struct, ISimd<F>
{
    private const int Tile = 4, Window = 6;

    /// <summary>How many tiles before its use a window is asked for.</summary>
    private const int TilesAhead = 2;
    private static readonly int Width = F.Width;
    private readonly int rows = (g.Output.H + Tile - 1) / Tile, columns = (g.Output.W + Tile - 1) / Tile;

    public int Count => g.Output.N * rows * columns;

    /// <summary>Floats of scratch that a pass needs: a transform's, and a padded copy of a window.</summary>
    public static int ScratchLength => WinogradTransforms<F>.ScratchLength + Window * Window * Width;

    /// <summary>V of tiles <paramref name="first"/>…<paramref name="last"/>−1: [frequency][channel block][tile − origin][width].</summary>
    public void Input(float* x, float* v, nint frequency, int tilesPerBlock, int origin, int first, int last, float* scratch)
    {
        PlaneView view = new(g.Input, x);
        ForEachRun(first, last, (image, from, to) =>
        {
            for (int block = 0; block < g.Input.Blocks; block++)
            {
                float* plane = view.First + image * view.Image + block * view.Plane, target = v + ((nint)block * tilesPerBlock + (from - origin)) * Width;
                var (row, column) = Place(from);
                for (int tile = from; tile < to; tile++, target += Width)
                {
                    int top = row * Tile - g.Padding, left = column * Tile - g.Padding;
                    // The activation's own border counts as readable: it is zero.
                    float* window = top >= -1 && left >= -1 && top + Window <= g.Input.H + 1 && left + Window <= g.Input.W + 1
                        ? plane + top * view.Row + left * Width
                        : null;
                    if (window != null)
                    {
                        Prefetch(window + TilesAhead * Tile * Width, view.Row, Window, Window - Tile, Window);
                        WinogradTransforms<F>.Input(window, view.Row, target, frequency, scratch);
                    }
                    else
                    {
                        float* copy = scratch + WinogradTransforms<F>.ScratchLength;
                        CopyWindow(plane, view.Row, top, left, Window, g.Input.H, g.Input.W, copy);
                        WinogradTransforms<F>.Input(copy, Window * Width, target, frequency, scratch);
                    }
                    if (++column == columns)
                        (row, column) = (row + 1, 0);
                }
            }
        });
    }

    /// <summary>The adjoint transform of dy as the B panels of the weight gradient: [frequency][group of blocks][tile − origin][vectors × width].</summary>
    public void OutputAdjoint(float* dy, (int Start, int Vectors)[] groups, float* v, nint frequency, int tilesPerBlock, int origin, int first, int last, float* scratch)
    {
        PlaneView view = new(g.Output, dy);
        ForEachRun(first, last, (image, from, to) =>
        {
            foreach (var (start, vectors) in groups)
                for (int i = 0; i < vectors; i++)
                {
                    float* plane = view.First + image * view.Image + (start + i) * view.Plane;
                    float* target = v + ((nint)start * tilesPerBlock + (from - origin) * vectors + i) * Width;
                    var (row, column) = Place(from);
                    for (int tile = from; tile < to; tile++, target += vectors * Width)
                    {
                        int top = row * Tile, left = column * Tile;
                        if (top + Tile <= g.Output.H + 1 && left + Tile <= g.Output.W + 1)
                        {
                            WinogradTransforms<F>.OutputAdjoint(plane + top * view.Row + left * Width, view.Row, target, frequency, scratch);
                        }
                        else
                        {
                            float* copy = scratch + WinogradTransforms<F>.ScratchLength;
                            CopyWindow(plane, view.Row, top, left, Tile, g.Output.H, g.Output.W, copy);
                            WinogradTransforms<F>.OutputAdjoint(copy, Tile * Width, target, frequency, scratch);
                        }
                        if (++column == columns)
                            (row, column) = (row + 1, 0);
                    }
                }
        });
    }

    /// <summary>y of some tiles from M: [frequency][channel block][tile − origin][width].</summary>
    public void Output(float* m, nint frequency, int tilesPerBlock, int origin, int first, int last, float* y, WinogradOutput output, float* scratch)
    {
        PlaneView view = new(g.Output, y);
        ForEachRun(first, last, (image, from, to) =>
        {
            for (int block = 0; block < g.Output.Blocks; block++)
            {
                float* plane = view.First + image * view.Image + block * view.Plane, source = m + ((nint)block * tilesPerBlock + (from - origin)) * Width;
                if (output.Streamed)
                    OutputRun<PastCaches>(source, frequency, plane, view.Row, from, to, scratch, output, block);
                else
                    OutputRun<ThroughCaches>(source, frequency, plane, view.Row, from, to, scratch, output, block);
            }
        });
    }

    private void OutputRun<TStore>(float* source, nint frequency, float* plane, nint rowStride, int from, int to, float* scratch, WinogradOutput output, int block) where TStore : struct, IStore
    {
        F bias = output.Bias == null ? F.Zero : F.Load(output.Bias + block * Width), low = F.Broadcast(output.Relu ? 0 : float.NegativeInfinity);
        switch (output.Parts)
        {
            case OutputParts.None:
                OutputRun(source, frequency, plane, rowStride, from, to, scratch, output, new PlainOutput<F, TStore>());
                break;
            case OutputParts.Bias:
                OutputRun(source, frequency, plane, rowStride, from, to, scratch, output, new BiasOutput<F, TStore>(bias, low));
                break;
            case OutputParts.Residual:
                OutputRun(source, frequency, plane, rowStride, from, to, scratch, output, new ResidualOutput<F, TStore>(bias, low, output.Residual));
                break;
            case OutputParts.Gate:
                OutputRun(source, frequency, plane, rowStride, from, to, scratch, output, new GatedOutput<F, TStore>(bias, low, output.Gate));
                break;
            default:
                OutputRun(source, frequency, plane, rowStride, from, to, scratch, output, new GatedResidualOutput<F, TStore>(bias, low, output.Residual, output.Gate));
                break;
        }
    }

    private void OutputRun<TOutput>(float* source, nint frequency, float* plane, nint rowStride, int from, int to, float* scratch, WinogradOutput parts, TOutput output) where TOutput : struct, IWinogradOutput<F>
    {
        var (row, column) = Place(from);
        for (int tile = from; tile < to; tile++, source += Width)
        {
            int top = row * Tile, left = column * Tile;
            float* target = plane + top * rowStride + left * Width, ahead = target + TilesAhead * Tile * Width;
            if (parts.Residual != 0)
                Prefetch(ahead + parts.Residual, rowStride, Tile, 0, Tile);
            if (parts.Gate != 0)
                Prefetch(ahead + parts.Gate, rowStride, Tile, 0, Tile);
            if (top + Tile <= g.Output.H && left + Tile <= g.Output.W)
            {
                WinogradTransforms<F>.Output(source, frequency, target, rowStride, output);
            }
            else
            {
                float* copy = scratch + WinogradTransforms<F>.ScratchLength;
                WinogradTransforms<F>.Output(source, frequency, copy, Tile * Width, new PlainOutput<F, ThroughCaches>());
                for (int i = 0; i < Math.Min(Tile, g.Output.H - top); i++)
                    for (int j = 0; j < Math.Min(Tile, g.Output.W - left); j++)
                        output.Store(F.Load(copy + (i * Tile + j) * Width), target + i * rowStride + j * Width);
            }
            if (++column == columns)
                (row, column) = (row + 1, 0);
        }
    }

    /// <summary>Cuts first…last−1 at image borders.</summary>
    private void ForEachRun(int first, int last, Action<int, int, int> run)
    {
        int perImage = rows * columns;
        for (int from = first; from < last;)
        {
            int image = from / perImage, to = Math.Min(last, (image + 1) * perImage);
            run(image, from, to);
            from = to;
        }
    }

    private (int Row, int Column) Place(int tile) => Math.DivRem(tile % (rows * columns), columns);

    /// <summary>Asks for some columns of a later window: of the input, those that earlier ones do not share. A prefetch may name any address.</summary>
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
