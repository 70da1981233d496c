using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Unary;

/// <summary>A formula of one value with two parameters, and its derivative, lane by lane.</summary>
internal interface IUnaryFormula
{
    static abstract F Value<F>(F x, F p, F q) where F : struct, ISimd<F>;

    /// <summary>dy times the derivative at x.</summary>
    static abstract F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F>;
}

/// <summary>The formulas of <see cref="UnaryFunction"/> that are no activation functions.</summary>
internal static class Arithmetic
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    internal readonly struct Negate : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.Zero - x;

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero - dy;
    }

    internal readonly struct Reciprocal : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.Broadcast(1) / x;

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero - dy / (x * x);
    }

    internal readonly struct SquareRoot : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.Sqrt(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Broadcast(0.5f) * dy / F.Sqrt(x);
    }

    internal readonly struct Square : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x * x;

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Broadcast(2) * x * dy;
    }

    internal readonly struct Cube : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x * x * x;

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Broadcast(3) * x * x * dy;
    }

    internal readonly struct Power : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Logarithm.Power(x, p);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy * p * Logarithm.Power(x, p - F.Broadcast(1));
    }

    internal readonly struct Log : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Logarithm.Of(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy / x;
    }

    internal readonly struct Exp : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Exponential.Of(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy * Exponential.Of(x);
    }

    internal readonly struct AddScalar : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => x + p;

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy;
    }

    internal readonly struct Clip : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.Min(q, F.Max(p, x));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> =>
            dy - F.WherePositive(p - x, dy) - F.WherePositive(x - q, dy);
    }

    internal readonly struct Sine : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Trigonometry.Sine(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => dy * Trigonometry.Cosine(x);
    }

    internal readonly struct Cosine : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Trigonometry.Cosine(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero - dy * Trigonometry.Sine(x);
    }

    internal readonly struct Not : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.WhereEqual(x, F.Zero, F.Broadcast(1));

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero * dy;
    }

    internal readonly struct Floor : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Rounding.Down(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero * dy;
    }

    internal readonly struct Ceiling : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Rounding.Up(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero * dy;
    }

    internal readonly struct Round : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => Rounding.ToEven(x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero * dy;
    }

    internal readonly struct Sign : IUnaryFormula
    {
        [MethodImpl(Inline)]
        public static F Value<F>(F x, F p, F q) where F : struct, ISimd<F> => F.TimesSign(F.Broadcast(1), x);

        [MethodImpl(Inline)]
        public static F Gradient<F>(F dy, F x, F p, F q) where F : struct, ISimd<F> => F.Zero * dy;
    }
}
