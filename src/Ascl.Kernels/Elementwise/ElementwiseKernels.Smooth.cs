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

    private readonly struct SiluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * Hyperbolic.Sigmoid(a);
    }

    private readonly struct SiluGradientFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F>
        {
            F sigmoid = Hyperbolic.Sigmoid(b);
            return a * F.MulAdd(b * sigmoid, F.Broadcast(1) - sigmoid, sigmoid);
        }
    }

    private readonly struct SoftplusFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> =>
            F.Max(F.Zero, a) + Logarithm.OnePlus(Exponential.Of(F.Zero - scale * F.Abs(a))) / scale;
    }

    private readonly struct SoftplusGradientFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * Hyperbolic.Sigmoid(scale * b);
    }

    private readonly struct GeluFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F> => a * NormalDistribution.Of(a).Distribution;
    }

    private readonly struct GeluGradientFormula : IFormula
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static F Apply<F>(F a, F b, F scale) where F : struct, ISimd<F>
        {
            var (distribution, bell) = NormalDistribution.Of(b);
            return a * F.MulAdd(F.Broadcast(0.39894228f) * b, bell, distribution);
        }
    }
}
