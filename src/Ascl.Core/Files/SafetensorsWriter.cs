using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>
/// Collects tensors and saves them as one safetensors file. As in the reference implementation, tensors are sorted by element size, largest
/// first, then by name, and the header is padded with spaces to a multiple of 8 bytes, so that every tensor is aligned to its element size.
/// Equal tensors give equal files.
/// </summary>
public sealed class SafetensorsWriter
{
    private const int ChunkElements = 1 << 20;

    private readonly SortedDictionary<string, Pending> tensors = new(StringComparer.Ordinal);

    private sealed record Pending(TensorDtype Dtype, int[] Shape, long Bytes, Action<Stream> Write);

    /// <summary>Free-form strings, stored under __metadata__.</summary>
    public SortedDictionary<string, string> Metadata { get; } = new(StringComparer.Ordinal);

    /// <summary>Adds a tensor whose element type is the array's: bool, Half, float, double or any integer of 8 to 64 bits.</summary>
    /// <param name="name">A name not yet used.</param>
    /// <param name="shape">Dimensions, outermost first; empty for a scalar.</param>
    /// <param name="values">Elements in row-major order. The array is not copied, so it must not change until <see cref="Save"/>
    /// returns.</param>
    /// <exception cref="ArgumentException">The name is taken, or the shape does not match the number of elements.</exception>
    public void Add<T>(string name, ReadOnlySpan<int> shape, T[] values) where T : unmanaged =>
        Add(name, TensorDtypes.Of<T>(), shape, values);

    /// <summary>Adds a tensor from its bytes, for element types without a .NET type (BF16).</summary>
    /// <inheritdoc cref="Add{T}(string, ReadOnlySpan{int}, T[])"/>
    public void AddBytes(string name, TensorDtype dtype, ReadOnlySpan<int> shape, byte[] values) => Add(name, dtype, shape, values);

    /// <summary>Writes the file atomically (<see cref="AtomicFile"/>).</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public void Save(string path)
    {
        KeyValuePair<string, Pending>[] ordered = [.. tensors.OrderByDescending(tensor => tensor.Value.Dtype.Size())];
        byte[] header = Header(ordered);
        AtomicFile.Write(path, stream =>
        {
            byte[] length = new byte[SafetensorsHeader.LengthBytes];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var (_, tensor) in ordered)
                tensor.Write(stream);
        });
    }

    private void Add<T>(string name, TensorDtype dtype, ReadOnlySpan<int> shape, T[] values) where T : unmanaged
    {
        long bytes = dtype.Size();
        foreach (int length in shape)
            bytes = checked(bytes * length);
        long given = (long)values.Length * Unsafe.SizeOf<T>();
        if (bytes != given)
            throw new ArgumentException(
                $"tensor '{name}': {dtype} [{string.Join(", ", shape.ToArray())}] takes {bytes} bytes, not {given}");
        if (name == SafetensorsHeader.MetadataName
            || !tensors.TryAdd(name, new(dtype, shape.ToArray(), bytes, stream => Write(stream, values))))
            throw new ArgumentException($"tensor '{name}' was added already, or its name is reserved");
    }

    private static void Write<T>(Stream stream, T[] values) where T : unmanaged
    {
        for (int begin = 0; begin < values.Length; begin += ChunkElements)
            stream.Write(MemoryMarshal.AsBytes(values.AsSpan(begin, Math.Min(ChunkElements, values.Length - begin))));
    }

    private byte[] Header(KeyValuePair<string, Pending>[] ordered)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (Metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsHeader.MetadataName);
                foreach (var (name, text) in Metadata)
                    json.WriteString(name, text);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, tensor) in ordered)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", tensor.Dtype.ToString());
                WriteIntegers(json, "shape", tensor.Shape.Select(length => (long)length));
                WriteIntegers(json, "data_offsets", [offset, offset += tensor.Bytes]);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        int padded = (buffer.WrittenCount + 7) / 8 * 8;
        byte[] header = new byte[padded];
        buffer.WrittenSpan.CopyTo(header);
        header.AsSpan(buffer.WrittenCount).Fill((byte)' ');
        return header;
    }

    private static void WriteIntegers(Utf8JsonWriter json, string name, IEnumerable<long> integers)
    {
        json.WriteStartArray(name);
        foreach (long integer in integers)
            json.WriteNumberValue(integer);
        json.WriteEndArray();
    }
}
