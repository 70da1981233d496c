using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>
/// Natural logarithms and powers of a vector: x = 2^k·m with √½ ≤ m &lt; √2, log x = k·ln 2 + log m, and log(1 + u) as a series of
/// artanh.
/// </summary>
internal static class Logarithm
{
    private const float LeastNormal = 1.17549435e-38f;

    /// <summary>log x: −∞ at 0, NaN below; numbers below the normal ones count as 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Of<F>(F x) where F : struct, ISimd<F>
    {
        // x is the second operand, because Min and Max return the second one if either is NaN.
        F finite = F.Min(F.Broadcast(float.MaxValue), x), normal = F.Max(F.Broadcast(LeastNormal), finite);
        F k = F.Exponent(normal), m = F.TimesPowerOf2(normal, F.Zero - k);
        F isLarge = F.WherePositive(m - F.Broadcast(1.41421356f), F.Broadcast(1));
        k += isLarge;
        m -= F.Broadcast(0.5f) * isLarge * m;
        F log = F.MulAdd(k, F.Broadcast(0.693359375f), F.MulAdd(k, F.Broadcast(-2.12194440e-4f), OnePlus(m - F.Broadcast(1))));
        F special = F.WherePositive(x - F.Broadcast(float.MaxValue), F.Broadcast(float.PositiveInfinity))
            + F.WherePositive(F.Broadcast(LeastNormal) - F.Abs(x), F.Broadcast(float.NegativeInfinity))
            + F.WherePositive(F.Broadcast(-LeastNormal) - x, F.Broadcast(float.NaN));
        return log + special + F.Zero * finite;
    }

    /// <summary>log(1 + u) for u in [−1/2, 1]: 2·artanh s = 2(s + s³/3 + s⁵/5 + …) with s = u/(2 + u), |s| ≤ 1/3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F OnePlus<F>(F u) where F : struct, ISimd<F>
    {
        F s = u / (F.Broadcast(2) + u), square = s * s, sum = F.Broadcast(2 / 15f);
        sum = F.MulAdd(sum, square, F.Broadcast(2 / 13f));
        sum = F.MulAdd(sum, square, F.Broadcast(2 / 11f));
        sum = F.MulAdd(sum, square, F.Broadcast(2 / 9f));
        sum = F.MulAdd(sum, square, F.Broadcast(2 / 7f));
        sum = F.MulAdd(sum, square, F.Broadcast(2 / 5f));
        sum = F.MulAdd(sum, square, F.Broadcast(2 / 3f));
        return F.MulAdd(sum, square, F.Broadcast(2)) * s;
    }

    /// <summary>x^p = ±exp(p·log |x|): 1 for p = 0; of a negative x, NaN unless p is an integer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Power<F>(F x, F p) where F : struct, ISimd<F>
    {
        F size = Exponential.Of(p * Of(F.Abs(x)));
        // 0·log 0 is not a number.
        F isZero = F.WhereEqual(p, F.Zero, F.Broadcast(1));
        size = F.WherePositive(F.Abs(p), size) + isZero;
        // Of a negative base: the sign of an odd power, and nothing of a broken one.
        F half = F.Broadcast(0.5f) * p, odd = F.Abs(p - F.Broadcast(2) * Rounding.ToEven(half));
        F whole = F.WhereEqual(p, Rounding.ToEven(p), F.Broadcast(1)), sign = F.Broadcast(1) - F.Broadcast(2) * odd;
        F factor = F.WherePositive(whole, sign) + F.WhereEqual(whole, F.Zero, F.Broadcast(float.NaN));
        F isNegative = F.WherePositive(F.Zero - x, F.Broadcast(1));
        return size * (F.WherePositive(isNegative, factor) + F.WhereEqual(isNegative, F.Zero, F.Broadcast(1)));
    }
}
