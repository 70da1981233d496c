using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>One float, as in a GPU thread: through it, formulas generic over <see cref="ISimd{T}"/> serve CUDA kernels too.</summary>
public readonly unsafe struct F1(float value) : ISimd<F1>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>The float.</summary>
    public float Value { [MethodImpl(Inline)] get; } = value;

    /// <inheritdoc/>
    public static int Width => 1;
    /// <inheritdoc/>
    public static F1 Zero => new(0);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 Load(float* p) => new(*p);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 Broadcast(float value) => new(value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void Store(float* p) => *p = Value;
    /// <inheritdoc/>
    [MethodImpl(Inline)] public void StoreNonTemporal(float* p) => *p = Value;

    // Separate multiplication and addition: ILGPU has no fused multiply-add, but the driver's compiler fuses them.
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 MulAdd(F1 a, F1 b, F1 c) => new(a.Value * b.Value + c.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 MulAdd(float* a, F1 b, F1 c) => new(*a * b.Value + c.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 NegMulAdd(F1 a, F1 b, F1 c) => new(c.Value - a.Value * b.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 operator +(F1 a, F1 b) => new(a.Value + b.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 operator -(F1 a, F1 b) => new(a.Value - b.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 operator *(F1 a, F1 b) => new(a.Value * b.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 operator /(F1 a, F1 b) => new(a.Value / b.Value);

    // As the vector instructions: the second operand if either is NaN. The operand order matters for ILGPU: when it moves a constant from
    // the left to the right of a comparison, it turns an ordered comparison into an unordered one, and NaN would select the constant.
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 Min(F1 a, F1 b) => new(b.Value > a.Value ? a.Value : b.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 Max(F1 a, F1 b) => new(b.Value < a.Value ? a.Value : b.Value);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 Abs(F1 a) => new(MathF.Abs(a.Value));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 Sqrt(F1 a) => new(MathF.Sqrt(a.Value));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F1 TimesPowerOf2(F1 value, F1 exponent) =>
        new(BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value.Value) + ((int)exponent.Value << 23)));
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F1 Exponent(F1 a) => new((float)((BitConverter.SingleToInt32Bits(a.Value) >> 23) - 127));
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 TimesSign(F1 value, F1 a) => new(a.Value > 0 ? value.Value : a.Value < 0 ? -value.Value : 0);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 WherePositive(F1 gate, F1 value) => new(gate.Value > 0 ? value.Value : 0);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static F1 WhereEqual(F1 a, F1 b, F1 value) => new(a.Value == b.Value ? value.Value : 0);
    /// <inheritdoc/>
    [MethodImpl(Inline)]
    public static F1 Moved(F1 value, F1 lanes, F1 mask) => new(BitConverter.SingleToInt32Bits(mask.Value) != 0 ? value.Value : 0);
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float Sum(F1 a) => a.Value;
    /// <inheritdoc/>
    [MethodImpl(Inline)] public static float MaxLane(F1 a) => a.Value;
}
