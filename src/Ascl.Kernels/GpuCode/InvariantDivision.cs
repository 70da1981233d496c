using System.Numerics;
using System.Runtime.CompilerServices;

namespace Ascl.Kernels.GpuCode;

/// <summary>
/// Division of numbers from 0 to 2³¹ − 1 by a divisor known before the launch, as a multiplication and a shift (Granlund and Montgomery
/// 1994): with l = ⌈log₂ d⌉ and m = ⌊2^(31+l)/d⌋ + 1, ⌊n/d⌋ = ⌊n·m / 2^(31+l)⌋. GPUs have no instruction for integer division.
/// </summary>
internal readonly struct InvariantDivision
{
    private readonly uint multiplier;
    private readonly int shift;

    public InvariantDivision(int divisor)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(divisor);
        Divisor = divisor;
        int l = divisor == 1 ? 0 : BitOperations.Log2((uint)divisor - 1) + 1;
        shift = 31 + l;
        // 2^31 + 1 for a divisor of 1, so it always fits.
        multiplier = (uint)((1ul << shift) / (uint)divisor + 1);
    }

    public int Divisor { [MethodImpl(MethodImplOptions.AggressiveInlining)] get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Quotient(int value) => (int)(((ulong)(uint)value * multiplier) >> shift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Remainder(int value) => value - Quotient(value) * Divisor;
}
