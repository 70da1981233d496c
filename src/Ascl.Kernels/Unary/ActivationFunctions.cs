using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Unary;

/// <summary>The activation functions of <see cref="UnaryFunction"/>.</summary>
internal static class ActivationFunctions
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    internal readonly struct Erf : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => NormalDistribution.Erf(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.Broadcast(1.12837917f) * dy * Exponential.Of(F.Zero - x * x);
    }

    internal readonly struct Sigmoid : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Hyperbolic.Sigmoid(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            dy * (Hyperbolic.Sigmoid(x) * Hyperbolic.Sigmoid(F.Zero - x));
    }

    internal readonly struct Tanh : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Hyperbolic.Tangent(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.Broadcast(4) * dy * (Hyperbolic.Sigmoid(x + x) * Hyperbolic.Sigmoid(F.Broadcast(-2) * x));
    }

    internal readonly struct Softsign : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x / (F.Broadcast(1) + F.Abs(x));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            dy / ((F.Broadcast(1) + F.Abs(x)) * (F.Broadcast(1) + F.Abs(x)));
    }

    internal readonly struct LeakyRelu : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.WherePositive(x, x) + p * F.Min(F.Zero, x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.WherePositive(x, dy) + p * (dy - F.WherePositive(x, dy));
    }

    internal readonly struct Elu : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> =>
            F.Max(F.Zero, x) + p * Exponential.MinusOne(F.Min(F.Zero, x));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.WherePositive(x, dy) + p * (dy - F.WherePositive(x, dy)) * Exponential.Of(F.Min(F.Zero, x));
    }

    internal readonly struct Selu : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> =>
            q * (F.Max(F.Zero, x) + p * Exponential.MinusOne(F.Min(F.Zero, x)));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            q * (F.WherePositive(x, dy) + p * (dy - F.WherePositive(x, dy)) * Exponential.Of(F.Min(F.Zero, x)));
    }

    internal readonly struct Celu : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> =>
            F.Max(F.Zero, x) + p * Exponential.MinusOne(F.Min(F.Zero, x / p));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.WherePositive(x, dy) + (dy - F.WherePositive(x, dy)) * Exponential.Of(F.Min(F.Zero, x / p));
    }

    internal readonly struct HardSigmoid : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.Max(F.Zero, F.Min(F.Broadcast(1), F.MulAdd(p, x, q)));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.WherePositive(F.MulAdd(p, x, q), F.WherePositive(F.Broadcast(1) - F.MulAdd(p, x, q), p * dy));
    }

    internal readonly struct HardSwish : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x * Hyperbolic.Ramp(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            F.WherePositive(x - F.Broadcast(3), dy) + F.WherePositive(x + F.Broadcast(3), dy - F.WherePositive(x - F.Broadcast(3), dy))
            * (F.Broadcast(0.5f) + x * F.Broadcast(1 / 3f));
    }

    internal readonly struct Mish : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x * Hyperbolic.TangentOfSoftplus(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy * Hyperbolic.MishSlope(x);
    }

    internal readonly struct Softplus : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> =>
            F.Max(F.Zero, x) + Logarithm.OnePlus(Exponential.Of(F.Zero - p * F.Abs(x))) / p;

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy * Hyperbolic.Sigmoid(p * x);
    }

    internal readonly struct GeluTanh : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x * Hyperbolic.Sigmoid(Hyperbolic.GeluArgument(x));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy * Hyperbolic.GeluTanhSlope(x);
    }
}
