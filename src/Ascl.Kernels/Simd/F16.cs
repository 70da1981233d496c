using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ascl.Kernels.Simd;

/// <summary>16 floats: one AVX-512 register.</summary>
public readonly unsafe struct F16(Vector512<float> value) : ISimd<F16>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private readonly Vector512<float> v = value;

    /// <inheritdoc/>
    public static int Width => 16;
    /// <inheritdoc/>
    public static F16 Zero => new(Vector512<float>.Zero);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 Load(float* p) => new(Vector512.Load(p));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 Broadcast(float value) => new(Vector512.Create(value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(float* p) => Vector512.Store(v, p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void StoreNonTemporal(float* p) => Vector512.StoreAlignedNonTemporal(v, p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 MulAdd(F16 a, F16 b, F16 c) => new(Vector512.FusedMultiplyAdd(a.v, b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F16 MulAdd(float* a, F16 b, F16 c) =>
        new(Vector512.FusedMultiplyAdd(Vector512.Create(*a), b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 NegMulAdd(F16 a, F16 b, F16 c) => new(Vector512.FusedMultiplyAdd(-a.v, b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 operator +(F16 a, F16 b) => new(a.v + b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 operator -(F16 a, F16 b) => new(a.v - b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 operator *(F16 a, F16 b) => new(a.v * b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 operator /(F16 a, F16 b) => new(a.v / b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 Min(F16 a, F16 b) => new(Vector512.MinNative(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 Max(F16 a, F16 b) => new(Vector512.MaxNative(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 Abs(F16 a) => new(Vector512.Abs(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 Sqrt(F16 a) => new(Vector512.Sqrt(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F16 TimesPowerOf2(F16 value, F16 exponent) =>
        new((value.v.AsInt32() + (Vector512.ConvertToInt32Native(exponent.v) << 23)).AsSingle());
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F16 Exponent(F16 a) => new(Vector512.ConvertToSingle((a.v.AsInt32() >> 23) - Vector512.Create(127)));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F16 TimesSign(F16 value, F16 a) =>
        new((value.v ^ (a.v & Vector512.Create(-0f))) & ~Vector512.Equals(a.v, Vector512<float>.Zero));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F16 WherePositive(F16 gate, F16 value) =>
        new(Vector512.GreaterThan(gate.v, Vector512<float>.Zero) & value.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F16 WhereEqual(F16 a, F16 b, F16 value) => new(Vector512.Equals(a.v, b.v) & value.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F16 Moved(F16 value, F16 lanes, F16 mask) => new(Vector512.ShuffleNative(value.v, lanes.v.AsInt32()) & mask.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float Sum(F16 a) => F8.Sum(new F8(a.v.GetLower() + a.v.GetUpper()));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float MaxLane(F16 a) => F8.MaxLane(new F8(Vector256.MaxNative(a.v.GetLower(), a.v.GetUpper())));
}
