using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// The addresses of one tile's frequencies: frequency ξ is T.RowsBefore(ξ)·<see cref="Slab"/> + ξ·width + T.Rows(ξ)·<see cref="At"/> floats
/// after <see cref="First"/>. The padding of one vector between frequencies keeps those of a tile in different cache sets.
/// </summary>
internal readonly unsafe struct TileMemory(float* first, nint slab, nint at, nint step)
{
    /// <summary>Frequency 0.</summary>
    public float* First { get; } = first;

    /// <summary>Floats of one row per tile, for all tiles and channel blocks.</summary>
    public nint Slab { get; } = slab;

    /// <summary>Floats of one row per tile, for all tiles and blocks before this tile.</summary>
    public nint At { get; init; } = at;

    /// <summary>Floats between rows of the tile.</summary>
    public nint Step { get; } = step;
}

/// <summary>
/// The transforms of a Winograd convolution: a 3×3 kernel becomes 36 frequencies, a window of input becomes rows of 36 matrix products, and
/// a tile of results is computed from their results. The functions work on one channel block: each lane is a channel.
/// </summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradAlgorithm<F> where F : struct, ISimd<F>
{
    /// <summary>Side of the window of input that a tile depends on, in pixels.</summary>
    static abstract int Window { get; }

    /// <summary>Side of a tile of results, in pixels.</summary>
    static abstract int Tile { get; }

    /// <summary>Distance between neighbouring windows, in pixels of input.</summary>
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

/// <summary>The transforms of the weights and of their gradient.</summary>
/// <typeparam name="F">The vector.</typeparam>
internal unsafe interface IWinogradWeights<F> where F : struct, ISimd<F>
{
    /// <summary>Three taps along one axis to its six frequencies, <paramref name="step"/> apart.</summary>
    static abstract void WeightColumn(F g0, F g1, F g2, float* u, nint step);

    /// <summary>
    /// The adjoint of <see cref="WeightColumn"/>: six frequencies, <paramref name="from"/> apart, to three taps, <paramref name="to"/>
    /// apart.
    /// </summary>
    static abstract void WeightAdjointColumn(float* u, nint from, float* g, nint to);

    /// <summary>The adjoint of the output transform: frequencies of a tile of gradients.</summary>
    static abstract void OutputAdjoint(float* dy, nint row, TileMemory v, float* scratch);
}

/// <summary>The transform of a 3×3 kernel along both axes, and its adjoint.</summary>
internal static unsafe class WeightTransforms<F, T> where F : struct, ISimd<F> where T : struct, IWinogradWeights<F>
{
    /// <summary>The 36 frequencies, <paramref name="frequency"/> apart, of 3×3 vectors, tap after tap.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Forward(float* g, float* u, nint frequency, float* scratch)
    {
        nint w = F.Width;
        for (nint j = 0; j < 3; j++)
            T.WeightColumn(F.Load(g + j * w), F.Load(g + (3 + j) * w), F.Load(g + (6 + j) * w), scratch + j * w, 3 * w);
        for (nint i = 0; i < 6; i++)
            T.WeightColumn(F.Load(scratch + 3 * i * w), F.Load(scratch + (3 * i + 1) * w), F.Load(scratch + (3 * i + 2) * w),
                u + 6 * i * frequency, frequency);
    }

    /// <summary>3×3 vectors, tap after tap, from gradients of the 36 frequencies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    public static void Adjoint(float* u, nint frequency, float* dg, float* scratch)
    {
        nint w = F.Width;
        for (nint j = 0; j < 6; j++)
            T.WeightAdjointColumn(u + j * frequency, 6 * frequency, scratch + j * w, 6 * w);
        for (nint i = 0; i < 3; i++)
            T.WeightAdjointColumn(scratch + 6 * i * w, w, dg + 3 * i * w, w);
    }
}

/// <summary>F(4×4, 3×3) for stride 1, and with flipped weights for its input gradient.</summary>
internal readonly unsafe struct UnitStride<F> : IWinogradAlgorithm<F>, IWinogradWeights<F> where F : struct, ISimd<F>
{
    public static int Window => 6;
    public static int Tile => 4;
    public static int WindowStep => 4;
    public static int Rows(int frequency) => 1;
    public static int RowsBefore(int frequency) => frequency;

    public static void Input(float* d, nint row, TileMemory v, float* scratch) =>
        WinogradTransforms<F>.Input(d, row, v.First + v.At, v.Slab + F.Width, scratch);

    public static void Output<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F> =>
        WinogradTransforms<F>.Output(m.First + m.At, m.Slab + F.Width, y, row, output);

    public static void OutputAdjoint(float* dy, nint row, TileMemory v, float* scratch) =>
        WinogradTransforms<F>.OutputAdjoint(dy, row, v.First + v.At, v.Slab + F.Width, scratch);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WeightColumn(F g0, F g1, F g2, float* u, nint step) =>
        WinogradTransforms<F>.WeightColumn(g0, g1, g2, u, step);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WeightAdjointColumn(float* u, nint from, float* g, nint to) =>
        WinogradTransforms<F>.WeightAdjointColumn(u, from, g, to);
}

/// <summary>Stride 2 with padding 1 (<see cref="PhaseTransforms{F}"/>).</summary>
internal readonly unsafe struct Phases<F> : IWinogradAlgorithm<F>, IWinogradWeights<F> where F : struct, ISimd<F>
{
    public static int Window => 9;
    public static int Tile => 4;
    public static int WindowStep => 8;
    public static int Rows(int frequency) => PhaseTransforms<F>.Rows(frequency);
    public static int RowsBefore(int frequency) => PhaseTransforms<F>.RowsBefore(frequency);

    /// <summary>The window begins with an odd pixel; each phase is every second pixel.</summary>
    public static void Input(float* d, nint row, TileMemory v, float* scratch) =>
        PhaseTransforms<F>.Input(d + row + F.Width, d + row, d + F.Width, d, 2 * row, 2 * F.Width, v);

    public static void Output<TOutput>(TileMemory m, float* y, nint row, TOutput output) where TOutput : struct, IWinogradOutput<F> =>
        PhaseTransforms<F>.Sum(m, y, row, output);

    public static void OutputAdjoint(float* dy, nint row, TileMemory v, float* scratch) => PhaseTransforms<F>.SumAdjoint(dy, row, v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WeightColumn(F g0, F g1, F g2, float* u, nint step) =>
        PhaseTransforms<F>.WeightColumn(g0, g1, g2, u, step);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WeightAdjointColumn(float* u, nint from, float* g, nint to) =>
        PhaseTransforms<F>.WeightAdjointColumn(u, from, g, to);
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
