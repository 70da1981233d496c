namespace Ascl.Core.Files;

/// <summary>Element types of a safetensors file, under the names the format gives them; all are stored little-endian.</summary>
public enum SafetensorsDtype
{
    BOOL,
    U8,
    I8,
    U16,
    I16,
    F16,
    BF16,
    U32,
    I32,
    F32,
    U64,
    I64,
    F64,
}

/// <summary>Sizes and .NET types of <see cref="SafetensorsDtype"/>.</summary>
public static class SafetensorsDtypes
{
    /// <summary>The names that may stand in a header.</summary>
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
