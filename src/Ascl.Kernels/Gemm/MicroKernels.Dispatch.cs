using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Gemm;

/// <summary>The row stride of A in a microkernel, in floats: a compile-time constant.</summary>
internal interface IRowStride
{
    static abstract int Stride { get; }
}

/// <summary>Adjacent rows: a packed panel, the lanes of a channel block, the pixels of an image plane.</summary>
internal readonly struct UnitRows : IRowStride
{
    public static int Stride => 1;
}

/// <summary>Every second pixel of an image plane.</summary>
internal readonly struct EverySecond : IRowStride
{
    public static int Stride => 2;
}

/// <summary>Rows a channel block apart: neighbouring pixels or Winograd tiles.</summary>
internal readonly struct BlockRows<F> : IRowStride where F : struct, ISimd<F>
{
    public static int Stride => F.Width;
}

/// <summary>Rows two channel blocks apart: every second pixel.</summary>
internal readonly struct EverySecondBlock<F> : IRowStride where F : struct, ISimd<F>
{
    public static int Stride => 2 * F.Width;
}

internal static unsafe partial class MicroKernels<F, TRow>
{
    /// <summary>
    /// Maximum rows of a tile this many vectors wide, so that its accumulators, its vectors of B and one of A fit in registers.
    /// </summary>
    public static int MaxRows(int vectors) => (F.Width, vectors) switch
    {
        (16, 1) => 16,
        (16, 2) => 14,
        (16, _) => 6,
        (_, 1) => 12,
        (_, 2) => 6,
        _ => 2,
    };

    public static delegate*<float*, nint*, nint, nint, nint, float*, nint*, nint, nint, float*, nint, nint, bool,
        void> Of(int rows, int vectors) => vectors switch
        {
            1 => Of1(rows),
            2 => Of2(rows),
            4 => Of4(rows),
            _ => throw new ArgumentOutOfRangeException(nameof(vectors), vectors, "no microkernel of so many vectors"),
        };

    /// <summary>Computes all rows of C, tile by tile, by a plan from <see cref="TilePlan{F}"/>.</summary>
    /// <param name="aRow">TRow.Stride, or any stride with a plan of single rows.</param>
    public static void Run(
        ReadOnlySpan<byte> plan, int vectors, nint aRow, float* aBase, nint* aOffsets, nint segments, nint depth, nint aStep, float* bBase,
        nint* bOffsets, nint bStep, nint bVector, float* c, nint cRow, nint cVector, bool accumulate)
    {
        foreach (byte rows in plan)
        {
            Of(rows, vectors)(aBase, aOffsets, segments, depth, aStep, bBase, bOffsets, bStep, bVector, c, cRow, cVector, accumulate);
            aBase += rows * aRow;
            c += rows * cRow;
        }
    }
}
