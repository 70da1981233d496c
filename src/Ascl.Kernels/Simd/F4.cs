using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ascl.Kernels.Simd;

/// <summary>4 floats: one SSE or NEON register, or four scalars where there is neither.</summary>
public readonly unsafe struct F4(Vector128<float> value) : ISimd<F4>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private readonly Vector128<float> v = value;

    /// <inheritdoc/>
    public static int Width => 4;
    /// <inheritdoc/>
    public static F4 Zero => new(Vector128<float>.Zero);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 Load(float* p) => new(Vector128.Load(p));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 Broadcast(float value) => new(Vector128.Create(value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(float* p) => Vector128.Store(v, p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void StoreNonTemporal(float* p) => Vector128.StoreAlignedNonTemporal(v, p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 MulAdd(F4 a, F4 b, F4 c) => new(Vector128.MultiplyAddEstimate(a.v, b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F4 MulAdd(float* a, F4 b, F4 c) =>
        new(Vector128.MultiplyAddEstimate(Vector128.Create(*a), b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 NegMulAdd(F4 a, F4 b, F4 c) => new(Vector128.MultiplyAddEstimate(-a.v, b.v, c.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 operator +(F4 a, F4 b) => new(a.v + b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 operator -(F4 a, F4 b) => new(a.v - b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 operator *(F4 a, F4 b) => new(a.v * b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 operator /(F4 a, F4 b) => new(a.v / b.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 Min(F4 a, F4 b) => new(Vector128.MinNative(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 Max(F4 a, F4 b) => new(Vector128.MaxNative(a.v, b.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 Abs(F4 a) => new(Vector128.Abs(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 Sqrt(F4 a) => new(Vector128.Sqrt(a.v));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F4 TimesPowerOf2(F4 value, F4 exponent) =>
        new((value.v.AsInt32() + (Vector128.ConvertToInt32Native(exponent.v) << 23)).AsSingle());
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F4 Exponent(F4 a) => new(Vector128.ConvertToSingle((a.v.AsInt32() >> 23) - Vector128.Create(127)));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F4 TimesSign(F4 value, F4 a) =>
        new((value.v ^ (a.v & Vector128.Create(-0f))) & ~Vector128.Equals(a.v, Vector128<float>.Zero));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F4 WherePositive(F4 gate, F4 value) =>
        new(Vector128.GreaterThan(gate.v, Vector128<float>.Zero) & value.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F4 WhereEqual(F4 a, F4 b, F4 value) => new(Vector128.Equals(a.v, b.v) & value.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F4 Moved(F4 value, F4 lanes, F4 mask) => new(Vector128.ShuffleNative(value.v, lanes.v.AsInt32()) & mask.v);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float Sum(F4 a) => (a.v[0] + a.v[2]) + (a.v[1] + a.v[3]);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float MaxLane(F4 a) => MathF.Max(MathF.Max(a.v[0], a.v[2]), MathF.Max(a.v[1], a.v[3]));
}
