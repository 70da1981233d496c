using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>Where the frequencies of one tile lie: those of ξ begin T.RowsBefore(ξ)·<see cref="Slab"/> + ξ·width + T.Rows(ξ)·<see cref="At"/> floats
/// after <see cref="First"/>. The vector between two frequencies keeps those of a tile out of the same cache sets.</summary>
internal readonly unsafe struct TileMemory(float* first, nint slab, nint at, nint step)
{
    /// <summary>Frequency 0.</summary>
    public float* First { get; } = first;

    /// <summary>Floats of one row a tile, of all tiles and channel blocks.</summary>
    public nint Slab { get; } = slab;

    /// <summary>Floats of one row a tile, of all that comes before this tile.</summary>
    public nint At { get; init; } = at;

    /// <summary>From one of the tile's rows to the next.</summary>
    public nint Step { get; } = step;
}

/// <summary>
/// A convolution by Winograd: every 3×3 kernel becomes 36 frequencies, a tile of results becomes rows of as many matrix products, and is made of
/// their results. All is for one channel block: each lane is a channel.
/// </summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradAlgorithm<F> where F : struct, ISimd<F>
{
    /// <summary>Pixels on a side of the window of input that a tile depends on.</summary>
    static abstract int Window { get; }

    /// <summary>Pixels on a side of a tile of results.</summary>
    static abstract int Tile { get; }

    /// <summary>Pixels of input from a window to the next.</summary>
    static abstract int WindowStep { get; }

    /// <summary>Rows of a tile in the matrix product of a frequency.</summary>
    static abstract int Rows(int frequency);

    /// <summary>Rows of a tile in all earlier frequencies; of 36, in all.</summary>
    static abstract int RowsBefore(int frequency);

    /// <summary>V of one tile: its window of input at <paramref name="d"/>, rows <paramref name="row"/> apart.</summary>
    static abstract void Input(float* d, nint row, TileMemory v, float* scratch);

    /// <summary>One tile of results at <paramref name="y"/>, rows <paramref name="row"/> apart.</summary>
    static abstract void Output<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F>;
}

/// <summary>What makes the weights' frequencies, and their gradient.</summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradWeights<F> where F : struct, ISimd<F>
{
    /// <summary>The 36 frequencies, <paramref name="frequency"/> apart, of 3×3 vectors, tap after tap.</summary>
    static abstract void Weight(float* g, float* u, nint frequency, float* scratch);

    /// <summary>The adjoint of <see cref="Weight"/>: 3×3 vectors, tap after tap.</summary>
    static abstract void WeightAdjoint(float* u, nint frequency, float* dg, float* scratch);

    /// <summary>The adjoint of the output transform: frequencies of a tile of gradients.</summary>
    static abstract void OutputAdjoint(float* dy, nint row, TileMemory v, float* scratch);
}

/// <summary>Stride 1, and with the weights turned around its input gradient: F(4×4, 3×3).</summary>
internal readonly unsafe struct UnitStride<F> : IWinogradAlgorithm<F>, IWinogradWeights<F> where F : struct, ISimd<F>
{
    public static int Window => 6;
    public static int Tile => 4;
    public static int WindowStep => 4;
    public static int Rows(int frequency) => 1;
    public static int RowsBefore(int frequency) => frequency;

    public static void Input(float* d, nint row, TileMemory v, float* scratch) => WinogradTransforms<F>.Input(d, row, v.First + v.At, v.Slab + F.Width, scratch);

    public static void Output<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F> =>
        WinogradTransforms<F>.Output(m.First + m.At, m.Slab + F.Width, y, row, output);

    public static void OutputAdjoint(float* dy, nint row, TileMemory v, float* scratch) => WinogradTransforms<F>.OutputAdjoint(dy, row, v.First + v.At, v.Slab + F.Width, scratch);
    public static void Weight(float* g, float* u, nint frequency, float* scratch) => WinogradTransforms<F>.Weight(g, u, frequency, scratch);
    public static void WeightAdjoint(float* u, nint frequency, float* dg, float* scratch) => WinogradTransforms<F>.WeightAdjoint(u, frequency, dg, scratch);
}

/// <summary>Stride 2 with padding 1 (<see cref="PhaseTransforms{F}"/>).</summary>
internal readonly unsafe struct Phases<F> : IWinogradAlgorithm<F>, IWinogradWeights<F> where F : struct, ISimd<F>
{
    public static int Window => 9;
    public static int Tile => 4;
    public static int WindowStep => 8;
    public static int Rows(int frequency) => PhaseTransforms<F>.Rows(frequency);
    public static int RowsBefore(int frequency) => PhaseTransforms<F>.RowsBefore(frequency);

    /// <summary>The window begins with an odd pixel; each phase takes every second one.</summary>
    public static void Input(float* d, nint row, TileMemory v, float* scratch) =>
        PhaseTransforms<F>.Input(d + row + F.Width, d + row, d + F.Width, d, 2 * row, 2 * F.Width, v);

    public static void Output<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F> =>
        PhaseTransforms<F>.Sum(m, y, row, output);

    public static void OutputAdjoint(float* dy, nint row, TileMemory v, float* scratch) => PhaseTransforms<F>.SumAdjoint(dy, row, v);
    public static void Weight(float* g, float* u, nint frequency, float* scratch) => PhaseTransforms<F>.Weight(g, u, frequency, scratch);
    public static void WeightAdjoint(float* u, nint frequency, float* dg, float* scratch) => PhaseTransforms<F>.WeightAdjoint(u, frequency, dg, scratch);
}

/// <summary>The input gradient of stride 2: every phase is a sum over the same window of dy.</summary>
internal readonly unsafe struct PhasesAdjoint<F> : IWinogradAlgorithm<F> where F : struct, ISimd<F>
{
    public static int Window => 5;
    public static int Tile => 8;
    public static int WindowStep => 4;
    public static int Rows(int frequency) => PhaseTransforms<F>.Rows(frequency);
    public static int RowsBefore(int frequency) => PhaseTransforms<F>.RowsBefore(frequency);

    public static void Input(float* d, nint row, TileMemory v, float* scratch) => PhaseTransforms<F>.Input(d, d, d, d, row, F.Width, v);

    public static void Output<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F> =>
        PhaseTransforms<F>.Interleave(m, y, row, output);
}
