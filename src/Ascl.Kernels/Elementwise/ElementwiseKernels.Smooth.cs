using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Elementwise;

/// <summary>Smooth activation functions and their gradients.</summary>
public static partial class ElementwiseKernels
{
    /// <summary>y = x·σ(x).</summary>
    public static void Silu(DeviceBuffer<float> x, DeviceBuffer<float> y) => Run<SiluFormula>("silu", x, x, 0, y);

    /// <summary>dx = dy·σ(x)·(1 + x·(1 − σ(x))).</summary>
    public static void SiluBackward(DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx) =>
        Run<SiluGradientFormula>("silu.backward", dy, x, 0, dx);

    /// <summary>y = log(1 + exp(sharpness·x))/sharpness. Not 0 at 0: callers must clear an activation's border afterwards.</summary>
    public static void Softplus(DeviceBuffer<float> x, float sharpness, DeviceBuffer<float> y) =>
        Run<SoftplusFormula>("softplus", x, x, sharpness, y);

    /// <summary>dx = dy·σ(sharpness·x).</summary>
    public static void SoftplusBackward(DeviceBuffer<float> dy, DeviceBuffer<float> x, float sharpness, DeviceBuffer<float> dx) =>
        Run<SoftplusGradientFormula>("softplus.backward", dy, x, sharpness, dx);

    /// <summary>y = x·Φ(x), Φ the normal distribution function, to 2e-7.</summary>
    public static void Gelu(DeviceBuffer<float> x, DeviceBuffer<float> y) => Run<GeluFormula>("gelu", x, x, 0, y);

    /// <summary>dx = dy·(Φ(x) + x·φ(x)), φ the normal density.</summary>
    public static void GeluBackward(DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> dx) =>
        Run<GeluGradientFormula>("gelu.backward", dy, x, 0, dx);

    /// <summary>1/(1 + exp(−x)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static F Sigmoid<F>(F x) where F : struct, ISimd<F> => F.Broadcast(1) / (F.Broadcast(1) + Exponential.Of(F.Zero - x));

    /// <summary>log(1 + u) for u in [−1/2, 1]: 2·artanh s = 2(s + s³/3 + s⁵/5 + …) with s = u/(2 + u), |s| ≤ 1/3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static F LogOnePlus<F>(F u) where F : struct, ISimd<F>
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

    /// <summary>Φ(x), and exp(−x²/2): the tail Φ(−|x|) by Abramowitz and Stegun's 7.1.26, off by less than 1e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (F Distribution, F Exponential) Normal<F>(F x) where F : struct, ISimd<F>
    {
        F one = F.Broadcast(1), bell = Exponential.Of(F.Broadcast(-0.5f) * x * x);
        F t = one / F.MulAdd(F.Broadcast(0.3275911f * 0.70710678f), F.Abs(x), one);
        F p = F.MulAdd(F.Broadcast(1.061405429f), t, F.Broadcast(-1.453152027f));
        p = F.MulAdd(p, t, F.Broadcast(1.421413741f));
        p = F.MulAdd(p, t, F.Broadcast(-0.284496736f));
        p = F.MulAdd(p, t, F.Broadcast(0.254829592f));
        F tail = F.Broadcast(0.5f) * p * t * bell;
        return (tail + F.WherePositive(x, one - tail - tail), bell);
    }

    private readonly struct SiluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * Sigmoid(a);
    }

    private readonly struct SiluGradientFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F>
        {
            F sigmoid = Sigmoid(b);
            return a * F.MulAdd(b * sigmoid, F.Broadcast(1) - sigmoid, sigmoid);
        }
    }

    private readonly struct SoftplusFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> =>
            F.Max(F.Zero, a) + LogOnePlus(Exponential.Of(F.Zero - scale * F.Abs(a))) / scale;
    }

    private readonly struct SoftplusGradientFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * Sigmoid(scale * b);
    }

    private readonly struct GeluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * Normal(a).Distribution;
    }

    private readonly struct GeluGradientFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F>
        {
            var (distribution, bell) = Normal(b);
            return a * F.MulAdd(F.Broadcast(0.39894228f) * b, bell, distribution);
        }
    }
}
