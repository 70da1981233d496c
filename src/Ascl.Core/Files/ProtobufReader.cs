using System.Runtime.InteropServices;
using System.Text;
using Ascl.Core.Diagnostics;
using Google.Protobuf;

namespace Ascl.Core.Files;

/// <summary>
/// Reads a protobuf message without its schema, by field number. Nested messages and byte fields are parts of the file's bytes, not copies.
/// </summary>
public sealed class ProtobufReader
{
    private readonly string path;
    private readonly Lazy<List<Field>> fields;

    private ProtobufReader(string path, ReadOnlyMemory<byte> bytes)
    {
        this.path = path;
        fields = new(() => Parsed(path, bytes));
    }

    /// <summary>Reads a file as one message.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is too large for one message.</exception>
    public static ProtobufReader Open(string path)
    {
        try
        {
            FileProblem.RequireContent(path);
            return new(path, File.ReadAllBytes(path));
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
    }

    /// <summary>Whether the message has a field of this number.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public bool Has(int field) => fields.Value.Exists(f => f.Number == field);

    /// <summary>The nested messages of a field, in order.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public IEnumerable<ProtobufReader> Messages(int field) => Delimited(field).Select(bytes => new ProtobufReader(path, bytes));

    /// <summary>The last string of a field, which overrides earlier ones; empty if there is none.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public string Text(int field) => Encoding.UTF8.GetString(Bytes(field).Span);

    /// <summary>All strings of a field, in order.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public string[] Texts(int field) => [.. Delimited(field).Select(bytes => Encoding.UTF8.GetString(bytes.Span))];

    /// <summary>The last byte string of a field; empty if there is none.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public ReadOnlyMemory<byte> Bytes(int field) => Delimited(field).LastOrDefault();

    /// <summary>The last integer or enum value of a field; 0 if there is none.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public long Integer(int field) => Integers(field).LastOrDefault();

    /// <summary>All integers of a field, packed or not.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public List<long> Integers(int field)
    {
        List<long> values = [];
        foreach (Field f in fields.Value.Where(f => f.Number == field))
        {
            if (f.Type == WireFormat.WireType.Varint)
                values.Add((long)f.Value);
            else if (f.Type == WireFormat.WireType.LengthDelimited)
                AddPacked(f.Bytes, values);
        }
        return values;
    }

    /// <summary>The last float of a field; 0 if there is none.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public float Float(int field) => Floats(field).LastOrDefault();

    /// <summary>All floats of a field, packed or not.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public float[] Floats(int field) =>
        Fixed<float>(field, WireFormat.WireType.Fixed32, bits => BitConverter.UInt32BitsToSingle((uint)bits));

    /// <summary>All doubles of a field, packed or not.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public double[] Doubles(int field) => Fixed<double>(field, WireFormat.WireType.Fixed64, BitConverter.UInt64BitsToDouble);

    private T[] Fixed<T>(int field, WireFormat.WireType type, Func<ulong, T> of) where T : unmanaged
    {
        List<T> values = [];
        foreach (Field f in fields.Value.Where(f => f.Number == field))
        {
            if (f.Type == type)
                values.Add(of(f.Value));
            else if (f.Type == WireFormat.WireType.LengthDelimited)
                values.AddRange(MemoryMarshal.Cast<byte, T>(f.Bytes.Span));
        }
        return [.. values];
    }

    private IEnumerable<ReadOnlyMemory<byte>> Delimited(int field) =>
        fields.Value.Where(f => f.Number == field && f.Type == WireFormat.WireType.LengthDelimited).Select(f => f.Bytes);

    private void AddPacked(ReadOnlyMemory<byte> bytes, List<long> values)
    {
        try
        {
            using CodedInputStream input = Over(bytes);
            while (!input.IsAtEnd)
                values.Add(input.ReadInt64());
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    /// <summary>Google's stream copies what it reads, so it reads tags, numbers and lengths only, and begins anew after each
    /// part.</summary>
    private static List<Field> Parsed(string path, ReadOnlyMemory<byte> bytes)
    {
        List<Field> found = [];
        try
        {
            for (int at = 0; at < bytes.Length;)
            {
                // Tag and number have at most 10 bytes each.
                using CodedInputStream input = Over(bytes.Slice(at, Math.Min(20, bytes.Length - at)));
                long begin = input.Position;
                uint tag = input.ReadTag();
                int number = WireFormat.GetTagFieldNumber(tag);
                WireFormat.WireType type = WireFormat.GetTagWireType(tag);
                ulong value = 0;
                ReadOnlyMemory<byte> part = default;
                switch (type)
                {
                    case WireFormat.WireType.Varint:
                        value = input.ReadUInt64();
                        break;
                    case WireFormat.WireType.Fixed32:
                        value = input.ReadFixed32();
                        break;
                    case WireFormat.WireType.Fixed64:
                        value = input.ReadFixed64();
                        break;
                    case WireFormat.WireType.LengthDelimited:
                        uint length = input.ReadUInt32();
                        int start = at + (int)(input.Position - begin);
                        if (length > bytes.Length - start)
                            throw Damaged(path, $"field {number} ends beyond the file");
                        part = bytes.Slice(start, (int)length);
                        break;
                    default:
                        throw Damaged(path, $"field {number} is a group");
                }
                at += (int)(input.Position - begin) + part.Length;
                found.Add(new(number, type, value, part));
            }
        }
        catch (InvalidProtocolBufferException e)
        {
            throw Damaged(path, e.Message, e);
        }
        return found;
    }

    private static CodedInputStream Over(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> array)
            ? new(array.Array!, array.Offset, array.Count)
            : new CodedInputStream(bytes.ToArray());

    /// <summary>Says what the file is if it is another kind; a damaged ONNX model begins as one.</summary>
    private static UserErrorException Damaged(string path, string problem, Exception? inner = null)
    {
        string? kind = null;
        try
        {
            kind = ForeignFile.KindOf(path);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            // It has been removed since: the problem says enough.
        }
        bool isOther = kind is not null && !kind.StartsWith("an ONNX model", StringComparison.Ordinal);
        return new($"{path}: not a protobuf message{(isOther ? $" but {kind}" : $": {problem}")}", inner);
    }

    private readonly record struct Field(int Number, WireFormat.WireType Type, ulong Value, ReadOnlyMemory<byte> Bytes);
}
