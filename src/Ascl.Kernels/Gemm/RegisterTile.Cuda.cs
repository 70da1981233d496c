using System.Runtime.CompilerServices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Gemm;

/// <summary>How the threads of a group share a tile of a matrix product; compile-time constants of the kernel.</summary>
internal interface ITileShape
{
    /// <summary>log₂ of the number of threads along the tile's rows, and along its columns.</summary>
    static abstract int LogThreadRows { get; }
    static abstract int LogThreadColumns { get; }

    /// <summary>1 if a thread owns four rows, 2 if it owns twice four; columns likewise.</summary>
    static abstract int RowHalves { get; }
    static abstract int ColumnHalves { get; }
}

/// <summary>Sizes derived from a shape.</summary>
internal static class Tile<TShape> where TShape : struct, ITileShape
{
    public static int Threads => 1 << (TShape.LogThreadRows + TShape.LogThreadColumns);
    public static int Rows => 4 * TShape.RowHalves << TShape.LogThreadRows;
    public static int Columns => 4 * TShape.ColumnHalves << TShape.LogThreadColumns;

    /// <summary>A thread's index along the rows, and along the columns.</summary>
    public static int Row(int thread) => thread >> TShape.LogThreadColumns;
    public static int Column(int thread) => thread & ((1 << TShape.LogThreadColumns) - 1);
}

/// <summary>
/// The up to 8×8 entries of a product that one GPU thread computes, passed and returned by value so that they stay in registers (an array
/// would go to local memory). Rows 0…3 are rows 4·ty… of the group's tile and rows 4…7 those half a tile below; columns likewise (L and R).
/// So neighbouring threads read neighbouring 16 bytes. A shape without second halves does not touch those fields, and the compiler drops
/// them.
/// </summary>
internal struct RegisterTile
{
    /// <summary>Values of k in a shared-memory slice.</summary>
    public const int Depth = 8;

    public Float4 L0, L1, L2, L3, L4, L5, L6, L7;
    public Float4 R0, R1, R2, R3, R4, R5, R6, R7;

    /// <summary>
    /// c + A·B over one slice of <see cref="Depth"/>: A is [Depth][rows / 4], starting at this thread's first four rows with stride
    /// <paramref name="stepA"/> by k; B likewise with columns. Each entry's sum runs over k in order, so its bits do not depend on the
    /// shape.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static RegisterTile AddSlice<TShape>(
        RegisterTile c, ArrayView<Float4> a, int ia, int stepA, ArrayView<Float4> b, int ib, int stepB) where TShape : struct, ITileShape
    {
        // Unrolled by hand, because a loop would copy all entries to other registers, and with constant offsets from one view, because
        // other addresses cost two instructions each: with ptxas 11.8 a quarter of a round's 772 instructions was neither arithmetic nor
        // memory.
        ArrayView<Float4> fromA = a.SubView(ia), fromB = b.SubView(ib);
        c = AddOuter<TShape>(c, fromA, 0, fromB, 0);
        c = AddOuter<TShape>(c, fromA, stepA, fromB, stepB);
        c = AddOuter<TShape>(c, fromA, 2 * stepA, fromB, 2 * stepB);
        c = AddOuter<TShape>(c, fromA, 3 * stepA, fromB, 3 * stepB);
        c = AddOuter<TShape>(c, fromA, 4 * stepA, fromB, 4 * stepB);
        c = AddOuter<TShape>(c, fromA, 5 * stepA, fromB, 5 * stepB);
        c = AddOuter<TShape>(c, fromA, 6 * stepA, fromB, 6 * stepB);
        return AddOuter<TShape>(c, fromA, 7 * stepA, fromB, 7 * stepB);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static RegisterTile AddOuter<TShape>(RegisterTile c, ArrayView<Float4> a, int ia, ArrayView<Float4> b, int ib)
        where TShape : struct, ITileShape
    {
        Float4 upper = a[ia], left = b[ib];
        c.L0 += left * upper.X;
        c.L1 += left * upper.Y;
        c.L2 += left * upper.Z;
        c.L3 += left * upper.W;
        if (TShape.ColumnHalves == 2)
        {
            Float4 right = b[ib + (1 << TShape.LogThreadColumns)];
            c.R0 += right * upper.X;
            c.R1 += right * upper.Y;
            c.R2 += right * upper.Z;
            c.R3 += right * upper.W;
        }
        if (TShape.RowHalves == 2)
        {
            Float4 lower = a[ia + (1 << TShape.LogThreadRows)];
            c.L4 += left * lower.X;
            c.L5 += left * lower.Y;
            c.L6 += left * lower.Z;
            c.L7 += left * lower.W;
            if (TShape.ColumnHalves == 2)
            {
                Float4 right = b[ib + (1 << TShape.LogThreadColumns)];
                c.R4 += right * lower.X;
                c.R5 += right * lower.Y;
                c.R6 += right * lower.Z;
                c.R7 += right * lower.W;
            }
        }
        return c;
    }
}
