namespace Ascl.Kernels.Simd;

/// <summary>
/// A vector of <see cref="Width"/> floats in one register. Every CPU kernel is written once as a generic over it and
/// compiled by the JIT for each width: <see cref="F16"/> (AVX-512), <see cref="F8"/> (AVX2) and <see cref="F4"/> (SSE, NEON,
/// or plain code where there is neither). An activation's channel block has this width.
/// </summary>
public unsafe interface ISimd<T> where T : struct, ISimd<T>
{
    static abstract int Width { get; }
    static abstract T Zero { get; }
    static abstract T Load(float* p);
    static abstract T Broadcast(float value);
    void Store(float* p);

    /// <summary>Writes past the caches, for outputs larger than them; <paramref name="p"/> must be aligned to the vector.</summary>
    void StoreNonTemporal(float* p);

    /// <summary>a·b + c, in one rounding on every machine that can.</summary>
    static abstract T MulAdd(T a, T b, T c);

    /// <summary>*<paramref name="a"/>·b + c: the number is read and broadcast by the multiply-add itself where the machine can.</summary>
    static abstract T MulAdd(float* a, T b, T c);

    /// <summary>c − a·b, likewise.</summary>
    static abstract T NegMulAdd(T a, T b, T c);

    static abstract T operator +(T a, T b);
    static abstract T operator -(T a, T b);
    static abstract T operator *(T a, T b);
    static abstract T operator /(T a, T b);
    static abstract T Min(T a, T b);
    static abstract T Max(T a, T b);
    static abstract T Abs(T a);
    static abstract T Sqrt(T a);

    /// <summary>value·2^exponent for whole exponents that keep a normal <paramref name="value"/> normal.</summary>
    static abstract T TimesPowerOf2(T value, T exponent);

    /// <summary>value·sign(a): zero where <paramref name="a"/> is zero.</summary>
    static abstract T TimesSign(T value, T a);

    /// <summary><paramref name="value"/> in the lanes where <paramref name="gate"/> is above zero, zero elsewhere.</summary>
    static abstract T WherePositive(T gate, T value);

    /// <summary>Lanes of <paramref name="value"/> where a equals b, zero elsewhere.</summary>
    static abstract T WhereEqual(T a, T b, T value);

    /// <summary>Sum of the lanes, always in the same order.</summary>
    static abstract float Sum(T a);
    static abstract float MaxLane(T a);
}
