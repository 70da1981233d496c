using System.Runtime.CompilerServices;
using Ascl.Kernels.GpuCode;

namespace Ascl.Kernels.Layout;

/// <summary>Eight strides of an operand, innermost first, and 0 for dimensions that are not there.</summary>
internal struct WalkStrides
{
    public int S0, S1, S2, S3, S4, S5, S6, S7;

    public static WalkStrides Of(int[] strides)
    {
        return new()
        {
            S0 = At(0),
            S1 = At(1),
            S2 = At(2),
            S3 = At(3),
            S4 = At(4),
            S5 = At(5),
            S6 = At(6),
            S7 = At(7),
        };

        int At(int dimension) => dimension < strides.Length ? strides[^(dimension + 1)] : 0;
    }
}

/// <summary>Coordinates of a position in the result of a <see cref="StridedWalk"/>, innermost first.</summary>
internal struct WalkPosition
{
    public int C0, C1, C2, C3, C4, C5, C6, C7;

    /// <summary>The offset of an operand at this position.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Offset(WalkPosition at, WalkStrides strides) =>
        at.C0 * strides.S0 + at.C1 * strides.S1 + at.C2 * strides.S2 + at.C3 * strides.S3
        + (at.C4 * strides.S4 + at.C5 * strides.S5 + at.C6 * strides.S6 + at.C7 * strides.S7);
}

/// <summary>Turns a position of a result into its coordinates.</summary>
internal struct WalkIndex
{
    private InvariantDivision d0, d1, d2, d3, d4, d5, d6;
    private int isDeep;

    public static WalkIndex Of(StridedWalk walk)
    {
        return new()
        {
            d0 = At(0),
            d1 = At(1),
            d2 = At(2),
            d3 = At(3),
            d4 = At(4),
            d5 = At(5),
            d6 = At(6),
            isDeep = walk.Sizes.Length > 4 ? 1 : 0,
        };

        InvariantDivision At(int dimension) => new(dimension < walk.Sizes.Length ? walk.Sizes[^(dimension + 1)] : 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WalkPosition At(WalkIndex walk, int index)
    {
        WalkPosition at = default;
        int q0 = walk.d0.Quotient(index), q1 = walk.d1.Quotient(q0), q2 = walk.d2.Quotient(q1);
        at.C0 = index - q0 * walk.d0.Divisor;
        at.C1 = q0 - q1 * walk.d1.Divisor;
        at.C2 = q1 - q2 * walk.d2.Divisor;
        at.C3 = q2;
        if (walk.isDeep != 0)
        {
            int q3 = walk.d3.Quotient(q2), q4 = walk.d4.Quotient(q3), q5 = walk.d5.Quotient(q4), q6 = walk.d6.Quotient(q5);
            at.C3 = q2 - q3 * walk.d3.Divisor;
            at.C4 = q3 - q4 * walk.d4.Divisor;
            at.C5 = q4 - q5 * walk.d5.Divisor;
            at.C6 = q5 - q6 * walk.d6.Divisor;
            at.C7 = q6;
        }
        return at;
    }
}
