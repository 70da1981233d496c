using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>The normal distribution and the error function.</summary>
internal static class NormalDistribution
{
    /// <summary>Φ(x), and exp(−x²/2): the tail Φ(−|x|) by Abramowitz and Stegun's 7.1.26, off by less than 1e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (F Distribution, F Exponential) Of<F>(F x) where F : struct, ISimd<F>
    {
        F one = F.Broadcast(1), bell = Exponential.Of(F.Broadcast(-0.5f) * x * x);
        F tail = F.Broadcast(0.5f) * Tail(F.Broadcast(0.70710678f) * F.Abs(x)) * bell;
        return (tail + F.WherePositive(x, one - tail - tail), bell);
    }

    /// <summary>erf x: its Taylor series to x¹⁷ below 0.84, above it 1 − the tail.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Erf<F>(F x) where F : struct, ISimd<F>
    {
        F size = F.Abs(x), z = x * x;
        F sum = F.MulAdd(F.Broadcast(1 / 685440f), z, F.Broadcast(-1 / 75600f));
        sum = F.MulAdd(sum, z, F.Broadcast(1 / 9360f));
        sum = F.MulAdd(sum, z, F.Broadcast(-1 / 1320f));
        sum = F.MulAdd(sum, z, F.Broadcast(1 / 216f));
        sum = F.MulAdd(sum, z, F.Broadcast(-1 / 42f));
        sum = F.MulAdd(sum, z, F.Broadcast(1 / 10f));
        sum = F.MulAdd(sum, z, F.Broadcast(-1 / 3f));
        F small = F.Broadcast(1.12837917f) * F.MulAdd(sum * z, x, x);
        F large = F.TimesSign(F.Broadcast(1) - Tail(size) * Exponential.Of(F.Zero - z), x);
        F isSmall = F.Broadcast(0.84f) - size;
        return F.WherePositive(isSmall, small) + (large - F.WherePositive(isSmall, large));
    }

    /// <summary>(1 − erf x)·exp(x²) for x ≥ 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Tail<F>(F x) where F : struct, ISimd<F>
    {
        F t = F.Broadcast(1) / F.MulAdd(F.Broadcast(0.3275911f), x, F.Broadcast(1));
        F p = F.MulAdd(F.Broadcast(1.061405429f), t, F.Broadcast(-1.453152027f));
        p = F.MulAdd(p, t, F.Broadcast(1.421413741f));
        p = F.MulAdd(p, t, F.Broadcast(-0.284496736f));
        p = F.MulAdd(p, t, F.Broadcast(0.254829592f));
        return p * t;
    }
}
