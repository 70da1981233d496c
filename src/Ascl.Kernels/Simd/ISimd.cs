namespace Ascl.Kernels.Simd;

/// <summary>
/// A vector of <see cref="Width"/> floats in one register. Each CPU kernel is written once, generic over this interface, and compiled by
/// the JIT for each width: <see cref="F16"/> (AVX-512), <see cref="F8"/> (AVX2) and <see cref="F4"/> (SSE, NEON, or scalar code without
/// either). A channel block of an activation has this width. Operations work lane by lane.
/// </summary>
public unsafe interface ISimd<T> where T : struct, ISimd<T>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Width { get; }

    /// <summary>0 in every lane.</summary>
    static abstract T Zero { get; }

    /// <summary>Loads <see cref="Width"/> floats; any alignment.</summary>
    static abstract T Load(float* p);

    /// <summary>The value in every lane.</summary>
    static abstract T Broadcast(float value);

    /// <summary>Stores the lanes; any alignment.</summary>
    void Store(float* p);

    /// <summary>Stores past the caches, for outputs larger than the caches; <paramref name="p"/> must be aligned to the vector.</summary>
    void StoreNonTemporal(float* p);

    /// <summary>a·b + c, fused where the hardware can.</summary>
    static abstract T MulAdd(T a, T b, T c);

    /// <summary>*<paramref name="a"/>·b + c; the instruction itself loads and broadcasts the factor where the hardware can.</summary>
    static abstract T MulAdd(float* a, T b, T c);

    /// <summary>c − a·b, fused where the hardware can.</summary>
    static abstract T NegMulAdd(T a, T b, T c);

    /// <summary>a + b.</summary>
    static abstract T operator +(T a, T b);

    /// <summary>a − b.</summary>
    static abstract T operator -(T a, T b);

    /// <summary>a·b.</summary>
    static abstract T operator *(T a, T b);

    /// <summary>a/b.</summary>
    static abstract T operator /(T a, T b);

    /// <summary>The smaller of a and b; NaN if b is NaN.</summary>
    static abstract T Min(T a, T b);

    /// <summary>The larger of a and b; NaN if b is NaN.</summary>
    static abstract T Max(T a, T b);

    /// <summary>|a|.</summary>
    static abstract T Abs(T a);

    /// <summary>√a.</summary>
    static abstract T Sqrt(T a);

    /// <summary>value·2^exponent, for integer exponents with which a normal <paramref name="value"/> stays normal.</summary>
    static abstract T TimesPowerOf2(T value, T exponent);

    /// <summary>⌊log₂ a⌋ of a positive normal number.</summary>
    static abstract T Exponent(T a);

    /// <summary>value·sign(a); 0 where <paramref name="a"/> is 0.</summary>
    static abstract T TimesSign(T value, T a);

    /// <summary><paramref name="value"/> where <paramref name="gate"/> &gt; 0, else 0.</summary>
    static abstract T WherePositive(T gate, T value);

    /// <summary><paramref name="value"/> where a = b, else 0.</summary>
    static abstract T WhereEqual(T a, T b, T value);

    /// <summary>
    /// Lane lanes[i] of <paramref name="value"/> in lane i where <paramref name="mask"/> has all bits set, 0 where it has none;
    /// <paramref name="lanes"/> and <paramref name="mask"/> hold the bits of integers, lanes from 0 to <see cref="Width"/> − 1.
    /// </summary>
    static abstract T Moved(T value, T lanes, T mask);

    /// <summary>Sum of the lanes, in a fixed order.</summary>
    static abstract float Sum(T a);

    /// <summary>The largest lane.</summary>
    static abstract float MaxLane(T a);
}
