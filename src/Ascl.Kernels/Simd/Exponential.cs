using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>exp of a vector: x = k·ln 2 + r with |r| ≤ ln 2 / 2, e^r by the polynomial of Cephes' expf, times 2^k. Within 2 ulp.</summary>
internal static class Exponential
{
    /// <summary>Below this the result is exactly 0, so that products of small terms do not become denormal.</summary>
    public const float Lowest = -80;

    /// <summary>Above this the result stays at e^88, which is finite.</summary>
    public const float Highest = 88;

    /// <summary>e^x of one float, for GPU threads.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(float x) => Of(new F1(x)).Value;

    /// <summary>e^x; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F Of<F>(F x) where F : struct, ISimd<F>
    {
        Parts(x, out F k, out F q);
        F y = F.TimesPowerOf2(q + F.Broadcast(1), k);
        return y - F.WherePositive(F.Broadcast(Lowest) - x, y);
    }

    /// <summary>e^x − 1, as accurate for small x; −1 below <see cref="Lowest"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static F MinusOne<F>(F x) where F : struct, ISimd<F>
    {
        Parts(x, out F k, out F q);
        F power = F.TimesPowerOf2(F.Broadcast(1), k);
        return F.MulAdd(power, q, power - F.Broadcast(1));
    }

    /// <summary>e^x = 2^<paramref name="k"/>·(1 + <paramref name="q"/>), x clamped to what a float can hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Parts<F>(F x, out F k, out F q) where F : struct, ISimd<F>
    {
        // x is the second operand, because Min and Max return the second one if either is NaN.
        F clamped = F.Max(F.Broadcast(Lowest), F.Min(F.Broadcast(Highest), x));
        F rounding = F.Broadcast(12582912f);
        k = F.MulAdd(clamped, F.Broadcast(1.44269504088896341f), rounding) - rounding;
        F r = F.NegMulAdd(k, F.Broadcast(0.693359375f), clamped);
        r = F.NegMulAdd(k, F.Broadcast(-2.12194440e-4f), r);
        F p = F.MulAdd(F.Broadcast(1.9875691500e-4f), r, F.Broadcast(1.3981999507e-3f));
        p = F.MulAdd(p, r, F.Broadcast(8.3334519073e-3f));
        p = F.MulAdd(p, r, F.Broadcast(4.1665795894e-2f));
        p = F.MulAdd(p, r, F.Broadcast(1.6666665459e-1f));
        p = F.MulAdd(p, r, F.Broadcast(5.0000001201e-1f));
        q = F.MulAdd(p, r * r, r);
    }
}
