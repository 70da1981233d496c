using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>Sigmoids, the hyperbolic tangent and what activation functions make of them. None overflows.</summary>
internal static class Hyperbolic
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>σ(x) = 1/(1 + exp(−x)).</summary>
    [MethodImpl(Inline)]
    public static F Sigmoid<F>(F x) where F : struct, ISimd<F> => F.Broadcast(1) / (F.Broadcast(1) + Exponential.Of(F.Zero - x));

    /// <summary>tanh x: Cephes' polynomial below 0.625, above it 1 − 2/(1 + exp(2|x|)).</summary>
    [MethodImpl(Inline)]
    public static F Tangent<F>(F x) where F : struct, ISimd<F>
    {
        F size = F.Abs(x), z = x * x;
        F p = F.MulAdd(F.Broadcast(-5.70498872745e-3f), z, F.Broadcast(2.06390887954e-2f));
        p = F.MulAdd(p, z, F.Broadcast(-5.37397155531e-2f));
        p = F.MulAdd(p, z, F.Broadcast(1.33314422036e-1f));
        p = F.MulAdd(p, z, F.Broadcast(-3.33332819422e-1f));
        F small = F.MulAdd(p * z, x, x);
        F large = F.TimesSign(F.Broadcast(1) - F.Broadcast(2) / (F.Broadcast(1) + Exponential.Of(size + size)), x);
        F isSmall = F.Broadcast(0.625f) - size;
        return F.WherePositive(isSmall, small) + (large - F.WherePositive(isSmall, large));
    }

    /// <summary>min(1, max(0, x/6 + 1/2)).</summary>
    [MethodImpl(Inline)]
    public static F Ramp<F>(F x) where F : struct, ISimd<F> =>
        F.Max(F.Zero, F.Min(F.Broadcast(1), F.MulAdd(F.Broadcast(1 / 6f), x, F.Broadcast(0.5f))));

    /// <summary>tanh(log(1 + eˣ)) = n/(n + 2) with n = eˣ·(eˣ + 2); above 20 it is 1.</summary>
    [MethodImpl(Inline)]
    public static F TangentOfSoftplus<F>(F x) where F : struct, ISimd<F>
    {
        F e = Exponential.Of(F.Min(F.Broadcast(20), x)), n = e * (e + F.Broadcast(2));
        return n / (n + F.Broadcast(2));
    }

    /// <summary>The derivative of x·tanh(log(1 + eˣ)): t + x·(1 − t²)·σ(x).</summary>
    [MethodImpl(Inline)]
    public static F MishSlope<F>(F x) where F : struct, ISimd<F>
    {
        F t = TangentOfSoftplus(x);
        return F.MulAdd(x * F.NegMulAdd(t, t, F.Broadcast(1)), Sigmoid(x), t);
    }

    /// <summary>2·√(2/π)·(x + 0.044715·x³): ½·(1 + tanh u) = σ(2u).</summary>
    [MethodImpl(Inline)]
    public static F GeluArgument<F>(F x) where F : struct, ISimd<F> =>
        x * F.MulAdd(F.Broadcast(0.07135481283f), x * x, F.Broadcast(1.59576912f));

    /// <summary>The derivative of x·σ(v(x)), v the argument above: σ + x·σ·(1 − σ)·v′.</summary>
    [MethodImpl(Inline)]
    public static F GeluTanhSlope<F>(F x) where F : struct, ISimd<F>
    {
        F v = GeluArgument(x), s = Sigmoid(v), slope = F.MulAdd(F.Broadcast(0.21406443849f), x * x, F.Broadcast(1.59576912f));
        return F.MulAdd(x * slope, s * Sigmoid(F.Zero - v), s);
    }
}
