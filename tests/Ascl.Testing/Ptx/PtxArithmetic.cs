namespace Ascl.Testing.Ptx;

/// <summary>
/// Instructions that compute a value of each lane out of others, in single precision as <c>Math(Fast)</c> has it: numbers below the normal
/// ones are zero.
/// </summary>
internal static class PtxArithmetic
{
    private const float LeastNormal = 1.17549435e-38f, LargestDivisor = 8.507059e37f;

    /// <summary>What an instruction does; null where it is not known.</summary>
    public static Action<PtxWarp, uint>? Of(PtxKernel kernel, string name, string[] operands)
    {
        string[] parts = name.Split('.');
        if (parts[0] == "mov" && operands[1][0] == '{')
        {
            int[] halves = kernel.Rows(operands[1]);
            return Map(kernel.Row(operands[0]), halves, (low, high, _) => (uint)low | high << 32);
        }
        if (parts[0] == "bfi")
            return InsertBits(kernel, operands);
        Func<ulong, ulong, ulong, ulong>? of = parts[0] == "setp" ? Comparison(parts) : parts[^1] switch
        {
            "f32" when parts[0] != "cvt" => Float(parts),
            "pred" => Predicate(parts[0]),
            _ when parts[0] == "cvt" => Conversion(name),
            "s64" or "u64" or "b64" => Long(parts),
            _ => Integer(parts),
        };
        return of is null ? null : Map(kernel.Row(operands[0]), [.. operands[1..].Select(kernel.Row)], of);
    }

    private static Action<PtxWarp, uint> Map(int to, int[] from, Func<ulong, ulong, ulong, ulong> of)
    {
        int a = from[0], b = from[Math.Min(1, from.Length - 1)], c = from[^1];
        return (warp, lanes) =>
        {
            Span<ulong> y = warp.Row(to), x0 = warp.Row(a), x1 = warp.Row(b), x2 = warp.Row(c);
            for (int lane = 0; lane < PtxWarp.Lanes; lane++)
                if ((lanes >> lane & 1) != 0)
                    y[lane] = of(x0[lane], x1[lane], x2[lane]);
        };
    }

    /// <summary>bfi.b32 d, a, b, position, length: b with the low bits of a at a position.</summary>
    private static Action<PtxWarp, uint> InsertBits(PtxKernel kernel, string[] operands)
    {
        int[] rows = [.. operands.Select(kernel.Row)];
        return (warp, lanes) =>
        {
            for (int lane = 0; lane < PtxWarp.Lanes; lane++)
            {
                if ((lanes >> lane & 1) == 0)
                    continue;
                var (position, length) = ((int)warp.Row(rows[3])[lane], (int)warp.Row(rows[4])[lane]);
                ulong field = ((1ul << length) - 1) << position;
                warp.Row(rows[0])[lane] = (uint)((warp.Row(rows[2])[lane] & ~field) | (warp.Row(rows[1])[lane] << position & field));
            }
        };
    }

    private static Func<ulong, ulong, ulong, ulong>? Float(string[] parts) => parts[0] switch
    {
        "mov" => (a, _, _) => a,
        "add" => Flushed(parts, (a, b, _) => a + b),
        "sub" => Flushed(parts, (a, b, _) => a - b),
        "mul" => Flushed(parts, (a, b, _) => a * b),
        "fma" => Flushed(parts, MathF.FusedMultiplyAdd),
        // Of two operands the one that is a number.
        "min" => Flushed(parts, (a, b, _) => float.IsNaN(a) ? b : float.IsNaN(b) ? a : MathF.Min(a, b)),
        "max" => Flushed(parts, (a, b, _) => float.IsNaN(a) ? b : float.IsNaN(b) ? a : MathF.Max(a, b)),
        // div.approx gives 0 for divisors above 2¹²⁶.
        "div" =>
            Flushed(parts, (a, b, _) => MathF.Abs(b) > LargestDivisor && float.IsFinite(b) ? (float.IsFinite(a) ? 0 : float.NaN) : a / b),
        "rcp" => Flushed(parts, (a, _, _) => 1 / a),
        "sqrt" => Flushed(parts, (a, _, _) => MathF.Sqrt(a)),
        "rsqrt" => Flushed(parts, (a, _, _) => 1 / MathF.Sqrt(a)),
        "lg2" => Flushed(parts, (a, _, _) => MathF.Log2(a)),
        "ex2" => Flushed(parts, (a, _, _) => MathF.Pow(2, a)),
        "sin" => Flushed(parts, (a, _, _) => MathF.Sin(a)),
        "cos" => Flushed(parts, (a, _, _) => MathF.Cos(a)),
        "abs" => (a, _, _) => (uint)a & 0x7fffffff,
        "neg" => (a, _, _) => (uint)a ^ 0x80000000,
        "selp" => (a, b, p) => p != 0 ? a : b,
        _ => null,
    };

    private static Func<ulong, ulong, ulong, ulong> Flushed(string[] parts, Func<float, float, float, float> of) =>
        parts.Contains("ftz") || parts.Contains("approx")
        ? (a, b, c) => Bits(Flush(of(Flush(Value(a)), Flush(Value(b)), Flush(Value(c)))))
        : (a, b, c) => Bits(of(Value(a), Value(b), Value(c)));

    private static Func<ulong, ulong, ulong, ulong>? Predicate(string name) => name switch
    {
        "mov" => (a, _, _) => a,
        "not" => (a, _, _) => a ^ 1,
        "and" => (a, b, _) => a & b,
        "or" => (a, b, _) => a | b,
        "xor" => (a, b, _) => a ^ b,
        _ => null,
    };

    private static Func<ulong, ulong, ulong, ulong>? Integer(string[] parts)
    {
        bool isSigned = parts[^1] == "s32";
        return (parts[0], parts[1]) switch
        {
            ("mov" or "cvta", _) => (a, _, _) => (uint)a,
            ("add", _) => (a, b, _) => (uint)a + (uint)b,
            ("sub", _) => (a, b, _) => (uint)a - (uint)b,
            ("mul", "lo") => (a, b, _) => (uint)a * (uint)b,
            ("mul", "hi") =>
                isSigned ? (a, b, _) => (uint)((long)(int)a * (int)b >> 32) : (a, b, _) => (uint)((ulong)(uint)a * (uint)b >> 32),
            ("mul", "wide") => isSigned ? (a, b, _) => (ulong)((long)(int)a * (int)b) : (a, b, _) => (ulong)(uint)a * (uint)b,
            ("mad", "lo") => (a, b, c) => (uint)a * (uint)b + (uint)c,
            ("min", _) => isSigned ? (a, b, _) => (uint)Math.Min((int)a, (int)b) : (a, b, _) => Math.Min((uint)a, (uint)b),
            ("max", _) => isSigned ? (a, b, _) => (uint)Math.Max((int)a, (int)b) : (a, b, _) => Math.Max((uint)a, (uint)b),
            ("abs", _) => (a, _, _) => (uint)Math.Abs((long)(int)a),
            ("neg", _) => (a, _, _) => (uint)-(int)a,
            ("not", _) => (a, _, _) => ~(uint)a,
            ("and", _) => (a, b, _) => (uint)a & (uint)b,
            ("or", _) => (a, b, _) => (uint)a | (uint)b,
            ("xor", _) => (a, b, _) => (uint)a ^ (uint)b,
            ("shl", _) => (a, b, _) => (uint)b > 31 ? 0 : (uint)a << (int)b,
            ("shr", _) =>
                isSigned ? (a, b, _) => (uint)((int)a >> (int)Math.Min((uint)b, 31)) : (a, b, _) => (uint)b > 31 ? 0 : (uint)a >> (int)b,
            ("selp", _) => (a, b, p) => p != 0 ? (uint)a : (uint)b,
            _ => null,
        };
    }

    private static Func<ulong, ulong, ulong, ulong>? Long(string[] parts) => (parts[0], parts[1]) switch
    {
        ("mov" or "cvta", _) => (a, _, _) => a,
        ("add", _) => (a, b, _) => a + b,
        ("sub", _) => (a, b, _) => a - b,
        ("mul", "lo") => (a, b, _) => a * b,
        ("and", _) => (a, b, _) => a & b,
        ("or", _) => (a, b, _) => a | b,
        ("xor", _) => (a, b, _) => a ^ b,
        ("shl", _) => (a, b, _) => (uint)b > 63 ? 0 : a << (int)b,
        ("shr", "s64") => (a, b, _) => (ulong)((long)a >> (int)Math.Min((uint)b, 63)),
        ("shr", _) => (a, b, _) => (uint)b > 63 ? 0 : a >> (int)b,
        ("selp", _) => (a, b, p) => p != 0 ? a : b,
        _ => null,
    };

    private static Func<ulong, ulong, ulong, ulong>? Conversion(string name) => name switch
    {
        "cvt.u64.u32" or "cvt.s64.u32" => (a, _, _) => (uint)a,
        "cvt.u64.s32" or "cvt.s64.s32" => (a, _, _) => (ulong)(int)a,
        "cvt.u32.u64" or "cvt.s32.s64" or "cvt.u32.s64" or "cvt.s32.u64" => (a, _, _) => (uint)a,
        // Two in a register, the first operand in the upper half.
        "cvt.rn.bf16x2.f32" => (a, b, _) => Bf16(Value(a)) << 16 | Bf16(Value(b)),
        "cvt.rna.tf32.f32" => (a, _, _) => float.IsFinite(Value(a)) ? ((uint)a + 0x1000) & 0xffffe000 : (uint)a,
        "cvt.rn.f32.s32" => (a, _, _) => Bits((int)a),
        // Saturates; NaN becomes 0, as in .NET.
        "cvt.rzi.s32.f32" => (a, _, _) => (uint)(int)Value(a),
        _ => null,
    };

    /// <summary>setp.CMP.TYPE p, a, b and setp.CMP.OP.TYPE p, a, b, q.</summary>
    private static Func<ulong, ulong, ulong, ulong>? Comparison(string[] parts)
    {
        if (Compare(parts[1], parts[^1]) is not { } compare)
            return null;
        return parts.Length == 4 && parts[2] is "and" or "or"
            ? parts[2] == "and" ? (a, b, q) => compare(a, b) ? q : 0 : (a, b, q) => compare(a, b) ? 1 : q
            : (a, b, _) => compare(a, b) ? 1ul : 0;
    }

    private static Func<ulong, ulong, bool>? Compare(string name, string type)
    {
        // Of numbers: −1, 0, 1; null for NaN, which an ordered comparison denies and an unordered one affirms.
        Func<ulong, ulong, int?> order = type switch
        {
            "f32" => (a, b) => Value(a) < Value(b) ? -1 : Value(a) > Value(b) ? 1 : Value(a) == Value(b) ? 0 : null,
            "s32" => (a, b) => ((int)a).CompareTo((int)b),
            "u32" or "b32" => (a, b) => ((uint)a).CompareTo((uint)b),
            "s64" => (a, b) => ((long)a).CompareTo((long)b),
            _ => (a, b) => a.CompareTo(b),
        };
        bool isUnordered = type == "f32" && name.Length == 3;
        return (isUnordered ? name[..2] : name) switch
        {
            "eq" => (a, b) => order(a, b) is { } sign ? sign == 0 : isUnordered,
            "ne" => (a, b) => order(a, b) is { } sign ? sign != 0 : isUnordered,
            "lt" or "lo" => (a, b) => order(a, b) is { } sign ? sign < 0 : isUnordered,
            "le" or "ls" => (a, b) => order(a, b) is { } sign ? sign <= 0 : isUnordered,
            "gt" or "hi" => (a, b) => order(a, b) is { } sign ? sign > 0 : isUnordered,
            "ge" or "hs" => (a, b) => order(a, b) is { } sign ? sign >= 0 : isUnordered,
            _ => null,
        };
    }

    /// <summary>To nearest, ties to even.</summary>
    private static ulong Bf16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }

    private static float Value(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);

    private static ulong Bits(float value) => BitConverter.SingleToUInt32Bits(value);

    private static float Flush(float value) => MathF.Abs(value) < LeastNormal ? MathF.CopySign(0, value) : value;
}
