using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ascl.Kernels.Simd;

/// <summary>8 floats: one AVX2 register.</summary>
public readonly unsafe struct F8(Vector256<float> value) : ISimd<F8>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private readonly Vector256<float> v = value;

    /// <inheritdoc/>
    public static int Width => 8;
    /// <inheritdoc/>
    public static F8 Zero => new(Vector256<float>.Zero);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 Load(float* p) => new(Vector256.Load(p));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 Broadcast(float value) => new(Vector256.Create(value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(float* p) => Vector256.Store(v, p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void StoreNonTemporal(float* p) => Vector256.StoreAlignedNonTemporal(v, p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 MulAdd(F8 a, F8 b, F8 c) => new(Vector256.FusedMultiplyAdd(a.v, b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 MulAdd(float* a, F8 b, F8 c) => new(Vector256.FusedMultiplyAdd(Vector256.Create(*a), b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 NegMulAdd(F8 a, F8 b, F8 c) => new(Vector256.FusedMultiplyAdd(-a.v, b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 operator +(F8 a, F8 b) => new(a.v + b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 operator -(F8 a, F8 b) => new(a.v - b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 operator *(F8 a, F8 b) => new(a.v * b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 operator /(F8 a, F8 b) => new(a.v / b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 Min(F8 a, F8 b) => new(Vector256.MinNative(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 Max(F8 a, F8 b) => new(Vector256.MaxNative(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 Abs(F8 a) => new(Vector256.Abs(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 Sqrt(F8 a) => new(Vector256.Sqrt(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F8 TimesPowerOf2(F8 value, F8 exponent) =>
        new((value.v.AsInt32() + (Vector256.ConvertToInt32Native(exponent.v) << 23)).AsSingle());
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F8 Exponent(F8 a) => new(Vector256.ConvertToSingle((a.v.AsInt32() >> 23) - Vector256.Create(127)));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F8 TimesSign(F8 value, F8 a) =>
        new((value.v ^ (a.v & Vector256.Create(-0f))) & ~Vector256.Equals(a.v, Vector256<float>.Zero));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F8 WherePositive(F8 gate, F8 value) =>
        new(Vector256.GreaterThan(gate.v, Vector256<float>.Zero) & value.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F8 WhereEqual(F8 a, F8 b, F8 value) => new(Vector256.Equals(a.v, b.v) & value.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F8 Moved(F8 value, F8 lanes, F8 mask) => new(Vector256.ShuffleNative(value.v, lanes.v.AsInt32()) & mask.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float Sum(F8 a) => F4.Sum(new F4(a.v.GetLower() + a.v.GetUpper()));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float MaxLane(F8 a) => F4.MaxLane(new F4(Vector128.MaxNative(a.v.GetLower(), a.v.GetUpper())));
}
