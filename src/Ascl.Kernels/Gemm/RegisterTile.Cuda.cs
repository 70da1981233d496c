using System.Runtime.CompilerServices;
using Ascl.Kernels.Native;
using ILGPU;

namespace Ascl.Kernels.Gemm;

/// <summary>How a group of GPU threads shares a tile of a matrix product; constants of the compiled kernel.</summary>
internal interface ITileShape
{
    /// <summary>Threads that share the tile's rows, and its columns: powers of two, given by their logarithms.</summary>
    static abstract int LogThreadRows { get; }
    static abstract int LogThreadColumns { get; }

    /// <summary>Whether a thread owns four rows or twice four, and columns likewise: 1 or 2.</summary>
    static abstract int RowHalves { get; }
    static abstract int ColumnHalves { get; }
}

/// <summary>What follows from a shape.</summary>
internal static class Tile<TShape> where TShape : struct, ITileShape
{
    public static int Threads => 1 << (TShape.LogThreadRows + TShape.LogThreadColumns);
    public static int Rows => 4 * TShape.RowHalves << TShape.LogThreadRows;
    public static int Columns => 4 * TShape.ColumnHalves << TShape.LogThreadColumns;

    /// <summary>A thread's place among those that share the rows, and the columns.</summary>
    public static int Row(int thread) => thread >> TShape.LogThreadColumns;
    public static int Column(int thread) => thread & ((1 << TShape.LogThreadColumns) - 1);
}

/// <summary>
/// The at most 8×8 entries of a product that one GPU thread holds, passed and returned by value so that they stay in registers (an array would lie
/// in memory). Entry rows 0…3 are rows 4·ty… of the group's tile and rows 4…7 those half a tile below, columns likewise (L and R), so that neighbouring
/// threads read neighbouring 16 bytes. A shape without second halves leaves those fields untouched, and the compiler drops them.
/// </summary>
internal struct RegisterTile
{
    /// <summary>Entries of the sum that a group keeps in shared memory at a time.</summary>
    public const int Depth = 8;

    public Float4 L0, L1, L2, L3, L4, L5, L6, L7;
    public Float4 R0, R1, R2, R3, R4, R5, R6, R7;

    /// <summary>
    /// c + A·B over one slice of <see cref="Depth"/>: A is [Depth][rows / 4], from this thread's first four rows on with <paramref name="stepA"/> from one k to
    /// the next, B likewise with columns. Every entry's sum runs over k in order whatever the shape, so its bits do not depend on it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RegisterTile AddSlice<TShape>(RegisterTile c, ArrayView<Float4> a, int ia, int stepA, ArrayView<Float4> b, int ib, int stepB) where TShape : struct, ITileShape
    {
        // Two k a round: ILGPU orders straight code by results, and would read all eight k of both factors into registers before it begins to add.
        for (int k = 0; k < Depth; k += 2)
        {
            c = AddOuter<TShape>(c, a, ia, b, ib);
            c = AddOuter<TShape>(c, a, ia + stepA, b, ib + stepB);
            ia += 2 * stepA;
            ib += 2 * stepB;
        }
        return c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RegisterTile AddOuter<TShape>(RegisterTile c, ArrayView<Float4> a, int ia, ArrayView<Float4> b, int ib) where TShape : struct, ITileShape
    {
        Float4 upper = a[ia], left = b[ib];
        c.L0 = MultiplyAdd(c.L0, upper.X, left);
        c.L1 = MultiplyAdd(c.L1, upper.Y, left);
        c.L2 = MultiplyAdd(c.L2, upper.Z, left);
        c.L3 = MultiplyAdd(c.L3, upper.W, left);
        if (TShape.ColumnHalves == 2)
        {
            Float4 right = b[ib + (1 << TShape.LogThreadColumns)];
            c.R0 = MultiplyAdd(c.R0, upper.X, right);
            c.R1 = MultiplyAdd(c.R1, upper.Y, right);
            c.R2 = MultiplyAdd(c.R2, upper.Z, right);
            c.R3 = MultiplyAdd(c.R3, upper.W, right);
        }
        if (TShape.RowHalves == 2)
        {
            Float4 lower = a[ia + (1 << TShape.LogThreadRows)];
            c.L4 = MultiplyAdd(c.L4, lower.X, left);
            c.L5 = MultiplyAdd(c.L5, lower.Y, left);
            c.L6 = MultiplyAdd(c.L6, lower.Z, left);
            c.L7 = MultiplyAdd(c.L7, lower.W, left);
            if (TShape.ColumnHalves == 2)
            {
                Float4 right = b[ib + (1 << TShape.LogThreadColumns)];
                c.R4 = MultiplyAdd(c.R4, lower.X, right);
                c.R5 = MultiplyAdd(c.R5, lower.Y, right);
                c.R6 = MultiplyAdd(c.R6, lower.Z, right);
                c.R7 = MultiplyAdd(c.R7, lower.W, right);
            }
        }
        return c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 MultiplyAdd(Float4 c, float a, Float4 b)
    {
        c.X += a * b.X;
        c.Y += a * b.Y;
        c.Z += a * b.Z;
        c.W += a * b.W;
        return c;
    }
}
