using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Ascl.Core.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Ascl.Core.Files;

/// <summary>
/// A safetensors file opened for reading: 8 bytes little-endian header length, JSON header, raw little-endian data. Opening checks the
/// whole header; tensor data are read on demand. Thread-safe.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly SafeFileHandle handle;
    private readonly SafetensorsHeader header;
    private readonly long dataStart;

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        (Path, this.handle) = (path, handle);
        long length = RandomAccess.GetLength(handle);
        if (length == 0)
            throw new UserErrorException($"{path}: is empty: was it cut off in copying or downloading?");
        if (length < SafetensorsHeader.LengthBytes)
            throw NotSafetensors($"{length} bytes, shorter than the header's length");
        byte[] lengthBytes = new byte[SafetensorsHeader.LengthBytes];
        Fill(lengthBytes, 0);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(lengthBytes);
        if (headerBytes > SafetensorsHeader.MaximumBytes)
            throw NotSafetensors($"a header of {headerBytes} bytes, more than the {SafetensorsHeader.MaximumBytes} allowed");
        dataStart = SafetensorsHeader.LengthBytes + (long)headerBytes;
        if (dataStart > length)
            throw NotSafetensors($"truncated: a header of {headerBytes} bytes in a file of {length}");
        byte[] json = new byte[headerBytes];
        Fill(json, SafetensorsHeader.LengthBytes);
        if (json is not [(byte)'{', ..])
            throw NotSafetensors("the header is not a JSON object");
        header = SafetensorsHeader.Parse(path, json, length - dataStart);
    }

    /// <summary>The path given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>The tensors' names in the header's order.</summary>
    public IReadOnlyCollection<string> Names => header.Tensors.Keys;

    /// <summary>The free-form strings under __metadata__.</summary>
    public IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is not a well-formed safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            FileProblem.RequireContent(path);
            // Another process may replace the file; this handle keeps reading the one it opened.
            handle = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            return new(path, handle);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (FileProblem.Is(e))
                throw FileProblem.Of("read", path, e);
            throw;
        }
    }

    /// <summary>Whether the file has a tensor of this name.</summary>
    public bool Contains(string name) => header.Tensors.ContainsKey(name);

    /// <summary>Dimensions, outermost first; empty for a scalar.</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public int[] Shape(string name) => [.. Entry(name).Shape];

    /// <summary>The element type of a tensor.</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public SafetensorsDtype Dtype(string name) => Entry(name).Dtype;

    /// <summary>Reads a tensor of F32, F64, F16 or BF16 in row-major order; F64 is rounded.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public float[] ReadFloats(string name) => Entry(name).Dtype switch
    {
        SafetensorsDtype.F32 => Read<float, float>(name, value => value),
        SafetensorsDtype.F64 => Read<double, float>(name, value => (float)value),
        SafetensorsDtype.F16 => Read<Half, float>(name, value => (float)value),
        SafetensorsDtype.BF16 => Read<ushort, float>(name, FromBFloat16),
        _ => throw Unreadable(name, "floating-point numbers"),
    };

    /// <summary>Reads a tensor of F32, F64, F16 or BF16 in row-major order.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    public double[] ReadDoubles(string name) => Entry(name).Dtype switch
    {
        SafetensorsDtype.F32 => Read<float, double>(name, value => value),
        SafetensorsDtype.F64 => Read<double, double>(name, value => value),
        SafetensorsDtype.F16 => Read<Half, double>(name, value => (double)value),
        SafetensorsDtype.BF16 => Read<ushort, double>(name, value => FromBFloat16(value)),
        _ => throw Unreadable(name, "floating-point numbers"),
    };

    /// <summary>Reads a tensor of any integer type in row-major order; BOOL gives 0 and 1.</summary>
    /// <exception cref="UserErrorException">There is no such tensor, it does not hold integers, or a U64 exceeds the range of
    /// long.</exception>
    public long[] ReadIntegers(string name) => Entry(name).Dtype switch
    {
        SafetensorsDtype.BOOL => Read<byte, long>(name, value => value == 0 ? 0 : 1),
        SafetensorsDtype.U8 => Read<byte, long>(name, value => value),
        SafetensorsDtype.I8 => Read<sbyte, long>(name, value => value),
        SafetensorsDtype.U16 => Read<ushort, long>(name, value => value),
        SafetensorsDtype.I16 => Read<short, long>(name, value => value),
        SafetensorsDtype.U32 => Read<uint, long>(name, value => value),
        SafetensorsDtype.I32 => Read<int, long>(name, value => value),
        SafetensorsDtype.I64 => Read<long, long>(name, value => value),
        SafetensorsDtype.U64 => Read<ulong, long>(name, value => value <= long.MaxValue
            ? (long)value
            : throw new UserErrorException($"{Path}: tensor '{name}': {value} is beyond the integers that can be read")),
        _ => throw Unreadable(name, "integers"),
    };

    /// <summary>The error, with what the file is instead if that is recognised.</summary>
    private UserErrorException NotSafetensors(string problem) =>
        new($"{Path}: not a safetensors file{(ForeignFile.KindOf(Path) is { } kind ? $" but {kind}" : $": {problem}")}");

    /// <summary>Reads a tensor's bytes as stored.</summary>
    /// <exception cref="UserErrorException">There is no such tensor.</exception>
    public byte[] ReadBytes(string name)
    {
        SafetensorsEntry entry = Entry(name);
        byte[] bytes = new byte[ArrayLength(name, entry.Bytes)];
        Fill(bytes, dataStart + entry.Offset);
        return bytes;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => handle.Dispose();

    private static float FromBFloat16(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    private SafetensorsEntry Entry(string name) =>
        header.Tensors.TryGetValue(name, out SafetensorsEntry? entry)
            ? entry
            : throw new UserErrorException(NearestName.Of(name, Names) is { } nearest
                ? $"{Path}: no tensor '{name}' (the nearest is '{nearest}')"
                : $"{Path}: no tensor '{name}'");

    private UserErrorException Unreadable(string name, string wanted) =>
        new($"{Path}: tensor '{name}' is {Entry(name).Dtype}, {wanted} are needed");

    private int ArrayLength(string name, long length) =>
        length <= Array.MaxLength ? (int)length : throw new UserErrorException($"{Path}: tensor '{name}' is too large to be read whole");

    private TTo[] Read<TFrom, TTo>(string name, Func<TFrom, TTo> convert) where TFrom : unmanaged
    {
        SafetensorsEntry entry = Entry(name);
        int size = entry.Dtype.Size();
        TTo[] values = new TTo[ArrayLength(name, entry.Bytes / size)];
        byte[] chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (int begin = 0; begin < values.Length; begin += ChunkBytes / size)
            {
                int count = Math.Min(ChunkBytes / size, values.Length - begin);
                Span<byte> bytes = chunk.AsSpan(0, count * size);
                Fill(bytes, dataStart + entry.Offset + (long)begin * size);
                Span<TFrom> read = MemoryMarshal.Cast<byte, TFrom>(bytes);
                for (int i = 0; i < count; i++)
                    values[begin + i] = convert(read[i]);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
        return values;
    }

    private void Fill(Span<byte> bytes, long offset)
    {
        while (bytes.Length > 0)
        {
            int read = ReadSome(bytes, offset);
            if (read == 0)
                throw new UserErrorException($"{Path}: truncated while it was being read");
            bytes = bytes[read..];
            offset += read;
        }
    }

    private int ReadSome(Span<byte> bytes, long offset)
    {
        try
        {
            return RandomAccess.Read(handle, bytes, offset);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", Path, e);
        }
    }
}
