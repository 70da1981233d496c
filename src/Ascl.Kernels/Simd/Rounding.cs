using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>Rounding to integers; numbers from 2²³ on are integers already, NaN and ∞ stay.</summary>
internal static class Rounding
{
    private const float AllIntegers = 1 << 23;

    /// <summary>The nearest integer, of two the even one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F ToEven<F>(F x) where F : struct, ISimd<F>
    {
        // Adding 2²³ leaves no bits for fractions.
        F size = F.Abs(x), rounded = (size + F.Broadcast(AllIntegers)) - F.Broadcast(AllIntegers);
        return x + F.WherePositive(F.Broadcast(AllIntegers) - size, F.TimesSign(rounded, x) - x);
    }

    /// <summary>The largest integer that is not above x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Down<F>(F x) where F : struct, ISimd<F>
    {
        F rounded = ToEven(x);
        return rounded - F.WherePositive(rounded - x, F.Broadcast(1));
    }

    /// <summary>The smallest integer that is not below x.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Up<F>(F x) where F : struct, ISimd<F>
    {
        F rounded = ToEven(x);
        return rounded + F.WherePositive(x - rounded, F.Broadcast(1));
    }
}
