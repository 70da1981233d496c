namespace Ascl.Core.Files;

/// <summary>Element types of a safetensors file, by the format's names; all are stored little-endian.</summary>
public enum SafetensorsDtype
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

/// <summary>Sizes and .NET types of <see cref="SafetensorsDtype"/>.</summary>
public static class SafetensorsDtypes
{
    /// <summary>The dtype of each name that a header may contain.</summary>
    public static IReadOnlyDictionary<string, SafetensorsDtype> ByName { get; } =
        Enum.GetValues<SafetensorsDtype>().ToDictionary(dtype => dtype.ToString());

    /// <summary>Bytes of one element.</summary>
    public static int Size(this SafetensorsDtype dtype) => dtype switch
    {
        SafetensorsDtype.BOOL or SafetensorsDtype.U8 or SafetensorsDtype.I8 => 1,
        SafetensorsDtype.U16 or SafetensorsDtype.I16 or SafetensorsDtype.F16 or SafetensorsDtype.BF16 => 2,
        SafetensorsDtype.U32 or SafetensorsDtype.I32 or SafetensorsDtype.F32 => 4,
        _ => 8,
    };

    /// <summary>The element type that arrays of <typeparamref name="T"/> are stored as.</summary>
    /// <exception cref="ArgumentException">The format has no such element type.</exception>
    public static SafetensorsDtype Of<T>() where T : unmanaged => default(T) switch
    {
        bool => SafetensorsDtype.BOOL,
        byte => SafetensorsDtype.U8,
        sbyte => SafetensorsDtype.I8,
        ushort => SafetensorsDtype.U16,
        short => SafetensorsDtype.I16,
        Half => SafetensorsDtype.F16,
        uint => SafetensorsDtype.U32,
        int => SafetensorsDtype.I32,
        float => SafetensorsDtype.F32,
        ulong => SafetensorsDtype.U64,
        long => SafetensorsDtype.I64,
        double => SafetensorsDtype.F64,
        _ => throw new ArgumentException($"safetensors has no element type for {typeof(T).Name}"),
    };
}
