using System.Runtime.InteropServices;
using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Onnx.Import;

/// <summary>Reads the constants of one file, also those whose values are in files beside it.</summary>
internal sealed class OnnxTensorReader(string path)
{
    private const int MostDimensions = 8;

    /// <summary>The element types of onnx.proto that hold numbers.</summary>
    private enum ElementType
    {
        Float = 1,
        UInt8,
        Int8,
        UInt16,
        Int16,
        Int32,
        Int64,
        Bool = 9,
        Float16,
        Double,
        UInt32,
        UInt64,
        BFloat16 = 16,
    }

    /// <summary>A TensorProto's values.</summary>
    /// <exception cref="UserErrorException">They are damaged, of a type without numbers, or their file is missing.</exception>
    public OnnxConstant Constant(ProtobufReader tensor)
    {
        string name = tensor.Text(8);
        List<long> sizes = tensor.Integers(1);
        if (sizes.Count > MostDimensions || sizes.Exists(size => size is < 0 or > int.MaxValue))
            throw Damaged(name, $"its sizes are [{string.Join(", ", sizes)}]");
        ElementType type = (ElementType)tensor.Integer(2);
        if (!Enum.IsDefined(type))
            throw new UserErrorException($"{path}: tensor '{name}' is of type {(int)type} of onnx.proto, which holds no numbers here");
        double length = sizes.Aggregate(1.0, (product, size) => product * size);
        ReadOnlyMemory<byte> raw = tensor.Integer(14) == 1 ? External(name, tensor) : tensor.Bytes(9);
        bool isRaw = tensor.Integer(14) == 1 || tensor.Has(9);
        // Lengths are compared before memory is taken for what the sizes claim.
        if (isRaw && raw.Length != length * Size(type))
            throw Damaged(name, $"[{string.Join(", ", sizes)}] needs {length * Size(type)} bytes, not {raw.Length}");
        OnnxConstant flat = isRaw ? FromBytes(type, raw.Span) : FromFields(type, tensor);
        if (flat.Length != length)
            throw Damaged(name, $"[{string.Join(", ", sizes)}] needs {length} values, not {flat.Length}");
        return flat.Reshaped(new([.. sizes.Select(size => (int)size)]));
    }

    private static int Size(ElementType type) => type switch
    {
        ElementType.UInt8 or ElementType.Int8 or ElementType.Bool => 1,
        ElementType.UInt16 or ElementType.Int16 or ElementType.Float16 or ElementType.BFloat16 => 2,
        ElementType.Int64 or ElementType.UInt64 or ElementType.Double => 8,
        _ => 4,
    };

    private static OnnxConstant FromBytes(ElementType type, ReadOnlySpan<byte> bytes) => type switch
    {
        ElementType.Float => Floats<float>(bytes, value => value),
        ElementType.Double => Floats<double>(bytes, value => (float)value),
        ElementType.Float16 => Floats<Half>(bytes, value => (float)value),
        ElementType.BFloat16 => Floats<ushort>(bytes, value => BitConverter.UInt32BitsToSingle((uint)value << 16)),
        ElementType.UInt8 or ElementType.Bool => Integers<byte>(bytes, value => value),
        ElementType.Int8 => Integers<sbyte>(bytes, value => value),
        ElementType.UInt16 => Integers<ushort>(bytes, value => value),
        ElementType.Int16 => Integers<short>(bytes, value => value),
        ElementType.Int32 => Integers<int>(bytes, value => value),
        ElementType.UInt32 => Integers<uint>(bytes, value => value),
        _ => Integers<long>(bytes, value => value),
    };

    /// <summary>Small types share the field of int32, half floats as their bits.</summary>
    private static OnnxConstant FromFields(ElementType type, ProtobufReader tensor) => type switch
    {
        ElementType.Float => Flat(tensor.Floats(4)),
        ElementType.Double => Flat(Array.ConvertAll(tensor.Doubles(10), value => (float)value)),
        ElementType.Float16 => Flat([.. tensor.Integers(5).Select(bits => (float)BitConverter.UInt16BitsToHalf((ushort)bits))]),
        ElementType.BFloat16 => Flat([.. tensor.Integers(5).Select(bits => BitConverter.UInt32BitsToSingle((uint)(bits << 16)))]),
        ElementType.Int64 => OnnxConstant.Of([.. tensor.Integers(7)]),
        ElementType.UInt32 or ElementType.UInt64 => OnnxConstant.Of([.. tensor.Integers(11)]),
        _ => OnnxConstant.Of([.. tensor.Integers(5).Select(value => (long)(int)value)]),
    };

    private static OnnxConstant Flat(float[] values) => OnnxConstant.Of(new Shape(values.Length), values);

    private static OnnxConstant Floats<T>(ReadOnlySpan<byte> bytes, Func<T, float> value) where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(bytes);
        float[] to = new float[from.Length];
        for (int i = 0; i < to.Length; i++)
            to[i] = value(from[i]);
        return Flat(to);
    }

    private static OnnxConstant Integers<T>(ReadOnlySpan<byte> bytes, Func<T, long> value) where T : unmanaged
    {
        ReadOnlySpan<T> from = MemoryMarshal.Cast<byte, T>(bytes);
        long[] to = new long[from.Length];
        for (int i = 0; i < to.Length; i++)
            to[i] = value(from[i]);
        return OnnxConstant.Of(to);
    }

    /// <summary>The bytes of external data, in a file beside the model, or, where the model is a link into a hub's cache, beside what it
    /// links to.</summary>
    private ReadOnlyMemory<byte> External(string name, ProtobufReader tensor)
    {
        Dictionary<string, string> entries = [];
        foreach (ProtobufReader entry in tensor.Messages(13))
            entries[entry.Text(1)] = entry.Text(2);
        string location = entries.GetValueOrDefault("location", "");
        if (location.Length == 0 || Path.IsPathRooted(location) || location.Split('/', '\\').Contains("..") || location.Contains('\0'))
            throw Damaged(name, $"its external data are in '{location}', not in a file beside the model");
        if (!long.TryParse(entries.GetValueOrDefault("offset", "0"), out long offset) || offset < 0)
            throw Damaged(name, $"its external data begin at '{entries["offset"]}'");
        string file = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, location);
        try
        {
            if (!File.Exists(file) && File.ResolveLinkTarget(path, returnFinalTarget: true) is { } target)
                file = Path.Combine(Path.GetDirectoryName(target.FullName)!, location);
            FileProblem.RequireContent(file);
            using FileStream stream = File.OpenRead(file);
            long length = stream.Length - offset;
            if (entries.TryGetValue("length", out string? text) && (!long.TryParse(text, out length) || length < 0))
                throw Damaged(name, $"its external data are '{text}' bytes long");
            if (length > int.MaxValue || length > stream.Length - offset)
                throw Damaged(name, $"its external data end beyond {file}");
            byte[] bytes = new byte[length];
            stream.Position = offset;
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of($"read the external data of tensor '{name}' in", file, e);
        }
    }

    private UserErrorException Damaged(string name, string problem) => new($"{path}: tensor '{name}' is damaged: {problem}");
}
