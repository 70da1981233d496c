namespace Ascl.Core.Files;

/// <summary>Element types of tensors in files, by the names of safetensors.</summary>
public enum TensorDtype
{
    /// <summary>One byte, 0 or 1.</summary>
    BOOL,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16: the upper 16 bits of a float.</summary>
    BF16,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>IEEE double precision.</summary>
    F64,
}

/// <summary>Sizes and .NET types of <see cref="TensorDtype"/>.</summary>
public static class TensorDtypes
{
    /// <summary>The dtype of each name that a safetensors header may contain.</summary>
    public static IReadOnlyDictionary<string, TensorDtype> ByName { get; } =
        Enum.GetValues<TensorDtype>().ToDictionary(dtype => dtype.ToString());

    /// <summary>Bytes of one element.</summary>
    public static int Size(this TensorDtype dtype) => dtype switch
    {
        TensorDtype.BOOL or TensorDtype.U8 or TensorDtype.I8 => 1,
        TensorDtype.U16 or TensorDtype.I16 or TensorDtype.F16 or TensorDtype.BF16 => 2,
        TensorDtype.U32 or TensorDtype.I32 or TensorDtype.F32 => 4,
        _ => 8,
    };

    /// <summary>Whether elements are floating-point numbers; false for null.</summary>
    public static bool IsFloatingPoint(this TensorDtype? dtype) =>
        dtype is TensorDtype.F64 or TensorDtype.F32 or TensorDtype.F16 or TensorDtype.BF16;

    /// <summary>The element type of NumPy's name, such as "&lt;f4"; null for one that is not read.</summary>
    internal static TensorDtype? OfNumpy(string name) => name.TrimStart('<', '>', '|', '=') switch
    {
        "b1" or "?" => TensorDtype.BOOL,
        "u1" => TensorDtype.U8,
        "i1" => TensorDtype.I8,
        "u2" => TensorDtype.U16,
        "i2" => TensorDtype.I16,
        "f2" => TensorDtype.F16,
        "u4" => TensorDtype.U32,
        "i4" => TensorDtype.I32,
        "f4" => TensorDtype.F32,
        "u8" => TensorDtype.U64,
        "i8" => TensorDtype.I64,
        "f8" => TensorDtype.F64,
        _ => null,
    };

    /// <summary>The element type that arrays of <typeparamref name="T"/> are stored as.</summary>
    /// <exception cref="ArgumentException">The format has no such element type.</exception>
    public static TensorDtype Of<T>() where T : unmanaged => default(T) switch
    {
        bool => TensorDtype.BOOL,
        byte => TensorDtype.U8,
        sbyte => TensorDtype.I8,
        ushort => TensorDtype.U16,
        short => TensorDtype.I16,
        Half => TensorDtype.F16,
        uint => TensorDtype.U32,
        int => TensorDtype.I32,
        float => TensorDtype.F32,
        ulong => TensorDtype.U64,
        long => TensorDtype.I64,
        double => TensorDtype.F64,
        _ => throw new ArgumentException($"safetensors has no element type for {typeof(T).Name}"),
    };
}
