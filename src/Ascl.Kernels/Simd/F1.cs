using System.Runtime.CompilerServices;

namespace Ascl.Kernels.Simd;

/// <summary>One float: what a GPU thread computes with. The formulas that are generic over <see cref="ISimd{T}"/> serve CUDA through it.</summary>
public readonly unsafe struct F1(float value) : ISimd<F1>
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public float Value { [MethodImpl(Inline)] get; } = value;

    public static int Width => 1;
    public static F1 Zero => new(0);
    [MethodImpl(Inline)] public static F1 Load(float* p) => new(*p);
    [MethodImpl(Inline)] public static F1 Broadcast(float value) => new(value);
    [MethodImpl(Inline)] public void Store(float* p) => *p = Value;
    [MethodImpl(Inline)] public void StoreNonTemporal(float* p) => *p = Value;

    // Multiplication and addition apart: ILGPU has no fused one, the driver's compiler fuses them.
    [MethodImpl(Inline)] public static F1 MulAdd(F1 a, F1 b, F1 c) => new(a.Value * b.Value + c.Value);
    [MethodImpl(Inline)] public static F1 MulAdd(float* a, F1 b, F1 c) => new(*a * b.Value + c.Value);
    [MethodImpl(Inline)] public static F1 NegMulAdd(F1 a, F1 b, F1 c) => new(c.Value - a.Value * b.Value);
    [MethodImpl(Inline)] public static F1 operator +(F1 a, F1 b) => new(a.Value + b.Value);
    [MethodImpl(Inline)] public static F1 operator -(F1 a, F1 b) => new(a.Value - b.Value);
    [MethodImpl(Inline)] public static F1 operator *(F1 a, F1 b) => new(a.Value * b.Value);
    [MethodImpl(Inline)] public static F1 operator /(F1 a, F1 b) => new(a.Value / b.Value);

    // As the vector instructions: the second operand where either is NaN. The operands stand in this order for ILGPU: where it moves a constant from the left of a
    // comparison to the right it turns an ordered comparison into an unordered one, and NaN would choose the constant.
    [MethodImpl(Inline)] public static F1 Min(F1 a, F1 b) => new(b.Value > a.Value ? a.Value : b.Value);
    [MethodImpl(Inline)] public static F1 Max(F1 a, F1 b) => new(b.Value < a.Value ? a.Value : b.Value);
    [MethodImpl(Inline)] public static F1 Abs(F1 a) => new(MathF.Abs(a.Value));
    [MethodImpl(Inline)] public static F1 Sqrt(F1 a) => new(MathF.Sqrt(a.Value));
    [MethodImpl(Inline)] public static F1 TimesPowerOf2(F1 value, F1 exponent) => new(BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value.Value) + ((int)exponent.Value << 23)));
    [MethodImpl(Inline)] public static F1 TimesSign(F1 value, F1 a) => new(a.Value > 0 ? value.Value : a.Value < 0 ? -value.Value : 0);
    [MethodImpl(Inline)] public static F1 WherePositive(F1 gate, F1 value) => new(gate.Value > 0 ? value.Value : 0);
    [MethodImpl(Inline)] public static F1 WhereEqual(F1 a, F1 b, F1 value) => new(a.Value == b.Value ? value.Value : 0);
    [MethodImpl(Inline)] public static float Sum(F1 a) => a.Value;
    [MethodImpl(Inline)] public static float MaxLane(F1 a) => a.Value;
}
