namespace Ascl.Data.Sources;

/// <summary>Types of values in thrift's compact protocol, by their codes.</summary>
internal enum ThriftType { Yes = 1, No = 2, Byte = 3, I16 = 4, I32 = 5, I64 = 6, Double = 7, Binary = 8, List = 9, Struct = 12 }

/// <summary>What a field of a structure has to be.</summary>
/// <param name="Type">Its type; <see cref="ThriftType.Yes"/> for yes or no.</param>
/// <param name="Fields">The fields of a structure, by number.</param>
/// <param name="Element">What the elements of a list have to be.</param>
internal sealed record ThriftShape(ThriftType Type, Dictionary<int, ThriftShape>? Fields = null, ThriftShape? Element = null);

/// <summary>
/// Reads structures of thrift's compact protocol strictly: every field must be what it is expected to be, and nothing may claim more than
/// the bytes that are left. Parquet.Net's reader of the same bytes takes the types of fields for granted, allocates any length that is
/// claimed and searches for the end of a number for ever, so it is given only what was read here before.
/// </summary>
/// <param name="stream">The bytes, at the beginning of the structure.</param>
/// <param name="end">Position in the stream where they end.</param>
internal sealed class ThriftReader(Stream stream, long end)
{
    private const int MaxVarintBytes = 10;

    /// <summary>The numbers (as long), lengths of lists (as long) and structures (as dictionaries) of a structure by field number; other
    /// fields are only checked.</summary>
    /// <exception cref="InvalidDataException">The bytes are something else.</exception>
    public Dictionary<int, object> Read(Dictionary<int, ThriftShape> fields)
    {
        Dictionary<int, object> values = [];
        int number = 0;
        while (Byte() is not 0 and var header)
        {
            number = header >> 4 is not 0 and var step ? number + step : (short)ZigZag();
            ThriftType type = (ThriftType)(header & 15);
            if (fields.GetValueOrDefault(number) is not { } shape)
                Skip(number, type);
            else if (type != shape.Type && !(type == ThriftType.No && shape.Type == ThriftType.Yes))
                throw new InvalidDataException($"field {number} of a header has type {(int)type}");
            else if (shape.Type == ThriftType.Yes)
                values[number] = type == ThriftType.Yes ? 1L : 0L;
            else if (Value(shape) is { } value)
                values[number] = value;
        }
        return values;
    }

    private object? Value(ThriftShape shape)
    {
        switch (shape.Type)
        {
            case ThriftType.Byte:
                return (long)Byte();
            case ThriftType.I16 or ThriftType.I32 or ThriftType.I64:
                return ZigZag();
            case ThriftType.Struct:
                return Read(shape.Fields!);
            case ThriftType.Double:
                Pass(sizeof(double));
                return null;
            case ThriftType.Binary:
                Pass(Varint());
                return null;
            default:
                return List(shape.Element!);
        }
    }

    private long List(ThriftShape element)
    {
        int header = Byte();
        ulong count = header >> 4 is var few and not 15 ? (ulong)few : Varint();
        // Every element has at least one byte.
        if (count > (ulong)(end - stream.Position))
            throw new InvalidDataException($"a header claims a list of {count} elements");
        if (count > 0 && (ThriftType)(header & 15) != element.Type)
            throw new InvalidDataException($"a header has a list of type {header & 15}");
        for (ulong i = 0; i < count; i++)
            Value(element);
        return (long)count;
    }

    /// <summary>Passes over a field that is not known, as Parquet.Net does: it reads no structures with fields there.</summary>
    private void Skip(int number, ThriftType type)
    {
        switch (type)
        {
            case ThriftType.Yes or ThriftType.No:
                break;
            case ThriftType.Struct when Byte() == 0:
                break;
            case ThriftType.Byte or ThriftType.I16 or ThriftType.I32 or ThriftType.I64 or ThriftType.Double or ThriftType.Binary:
                Value(new(type));
                break;
            default:
                throw new InvalidDataException($"a header has a field {number} of type {(int)type}, which is not known");
        }
    }

    private long ZigZag()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int i = 0; i < MaxVarintBytes; i++)
        {
            int next = Byte();
            value |= (ulong)(next & 0x7F) << (7 * i);
            if (next < 0x80)
                return value;
        }
        throw new InvalidDataException($"a header has a number of more than {MaxVarintBytes} bytes");
    }

    private void Pass(ulong length)
    {
        if (length > (ulong)(end - stream.Position))
            throw new InvalidDataException($"a header claims a text of {length} bytes");
        stream.Position += (long)length;
    }

    private int Byte() => stream.Position < end ? stream.ReadByte() : throw new InvalidDataException("it ends too early");
}
