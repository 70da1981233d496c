using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Broadcast;

/// <summary>A formula of up to three values, lane by lane.</summary>
internal interface ITernaryFormula
{
    static abstract F Apply<F>(F a, F b, F c) where F : struct, ISimd<F>;
}

public static partial class BroadcastKernels
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    internal readonly struct FirstFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => a;
    }

    internal readonly struct AddFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => a + b;
    }

    internal readonly struct SubtractFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => a - b;
    }

    internal readonly struct MultiplyFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => a * b;
    }

    internal readonly struct DivideFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => a / b;
    }

    internal readonly struct DivideGradientFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => F.Zero - a * (b / c) / c;
    }

    internal readonly struct MaximumFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => F.Max(a, b);
    }

    internal readonly struct MinimumFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => F.Min(a, b);
    }

    internal readonly struct LargerGradientFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> =>
            F.WherePositive(b - c, a) + F.WhereEqual(b, c, F.Broadcast(0.5f) * a);
    }

    internal readonly struct PowerFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => Logarithm.Power(a, b);
    }

    internal readonly struct PowerBaseGradientFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => a * c * Logarithm.Power(b, c - F.Broadcast(1));
    }

    internal readonly struct PowerExponentGradientFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F>
        {
            F log = Logarithm.Of(F.Max(F.Broadcast(1e-37f), b));
            return F.WherePositive(b, a * Exponential.Of(c * log) * log);
        }
    }

    internal readonly struct SelectFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> =>
            F.WherePositive(F.Abs(a), b) + F.WhereEqual(a, F.Zero, c);
    }

    internal readonly struct EqualFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => F.WhereEqual(a, b, F.Broadcast(1));
    }

    internal readonly struct LessFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> => F.WherePositive(b - a, F.Broadcast(1));
    }

    internal readonly struct LessOrEqualFormula : ITernaryFormula
    {
        [MethodImpl(Inline)]
        public static F Apply<F>(F a, F b, F c) where F : struct, ISimd<F> =>
            F.WherePositive(b - a, F.Broadcast(1)) + F.WhereEqual(a, b, F.Broadcast(1));
    }
}
