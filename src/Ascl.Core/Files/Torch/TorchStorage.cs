namespace Ascl.Core.Files.Torch;

/// <summary>The memory of one or several tensors in a PyTorch checkpoint.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Type">PyTorch's name of the element type, such as FloatStorage.</param>
/// <param name="Length">Number of elements; of bytes if it is untyped.</param>
internal sealed record TorchStorage(string Key, string Type, long Length)
{
    /// <summary>Where it lies in a legacy file; unused in archives.</summary>
    public long Offset { get; set; }

    /// <summary>The element type; null for one that is not read.</summary>
    public TensorDtype? Dtype => DtypeOf(Type);

    /// <summary>Bytes of one element.</summary>
    public int Size => Dtype?.Size() ?? Type switch
    {
        "ComplexFloatStorage" => 8,
        "ComplexDoubleStorage" => 16,
        "QInt32Storage" => 4,
        _ => 1,
    };

    /// <summary>The element type of PyTorch's name of a storage or dtype.</summary>
    public static TensorDtype? DtypeOf(string name) => name switch
    {
        "FloatStorage" or "float32" => TensorDtype.F32,
        "DoubleStorage" or "float64" => TensorDtype.F64,
        "HalfStorage" or "float16" => TensorDtype.F16,
        "BFloat16Storage" or "bfloat16" => TensorDtype.BF16,
        "LongStorage" or "int64" => TensorDtype.I64,
        "IntStorage" or "int32" => TensorDtype.I32,
        "ShortStorage" or "int16" => TensorDtype.I16,
        "CharStorage" or "int8" => TensorDtype.I8,
        "ByteStorage" or "uint8" => TensorDtype.U8,
        "BoolStorage" or "bool" => TensorDtype.BOOL,
        "uint16" => TensorDtype.U16,
        "uint32" => TensorDtype.U32,
        "uint64" => TensorDtype.U64,
        _ => null,
    };
}

/// <summary>A tensor of a PyTorch checkpoint: elements of a storage.</summary>
/// <param name="Storage">Holds the elements; null for a tensor that has none of its own, such as a sparse one.</param>
/// <param name="Dtype">Element type; null for one that is not read.</param>
/// <param name="Type">The element type or kind, in messages.</param>
/// <param name="Shape">Dimensions, outermost first.</param>
/// <param name="First">Index of the first element in the storage.</param>
/// <param name="Strides">Elements from one index to the next, for each dimension.</param>
internal sealed record TorchTensor(
    TorchStorage? Storage, TensorDtype? Dtype, string Type, int[] Shape, long First, long[] Strides) : TensorEntry(Dtype, Type, Shape)
{
    /// <summary>Place in the file's order.</summary>
    public int Order { get; init; }
}
