using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>
/// Sine and cosine of a vector for |x| up to 8192: x = k·π + r with |r| ≤ π/2, π in three parts (Cody and Waite), and the Taylor series of
/// sin r to r¹³.
/// </summary>
internal static class Trigonometry
{
    private const float InversePi = 0.318309886f;

    /// <summary>sin x = (−1)^k·sin r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Sine<F>(F x) where F : struct, ISimd<F>
    {
        F k = Rounding.ToEven(F.Broadcast(InversePi) * x);
        return SignOf(k) * Series(Reduce(x, k));
    }

    /// <summary>cos x = −(−1)^k·sin r for x = (k + ½)·π + r.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Cosine<F>(F x) where F : struct, ISimd<F>
    {
        F k = Rounding.ToEven(F.MulAdd(F.Broadcast(InversePi), x, F.Broadcast(-0.5f)));
        return F.Zero - SignOf(k) * Series(Reduce(x, k + F.Broadcast(0.5f)));
    }

    /// <summary>x − k·π.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Reduce<F>(F x, F k) where F : struct, ISimd<F> =>
        F.NegMulAdd(k, F.Broadcast(1.509957990978376432e-7f),
            F.NegMulAdd(k, F.Broadcast(9.67502593994140625e-4f), F.NegMulAdd(k, F.Broadcast(3.140625f), x)));

    /// <summary>1 for even k, −1 for odd ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F SignOf<F>(F k) where F : struct, ISimd<F> =>
        F.Broadcast(1) - F.Broadcast(2) * F.Abs(k - F.Broadcast(2) * Rounding.ToEven(F.Broadcast(0.5f) * k));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Series<F>(F r) where F : struct, ISimd<F>
    {
        F z = r * r;
        F sum = F.MulAdd(F.Broadcast(1 / 6227020800f), z, F.Broadcast(-1 / 39916800f));
        sum = F.MulAdd(sum, z, F.Broadcast(1 / 362880f));
        sum = F.MulAdd(sum, z, F.Broadcast(-1 / 5040f));
        sum = F.MulAdd(sum, z, F.Broadcast(1 / 120f));
        sum = F.MulAdd(sum, z, F.Broadcast(-1 / 6f));
        return F.MulAdd(sum * z, r, r);
    }
}
