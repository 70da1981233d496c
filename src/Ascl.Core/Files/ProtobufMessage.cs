using Google.Protobuf;

namespace Ascl.Core.Files;

/// <summary>
/// Writes a protobuf message field by field, under the field numbers of its .proto file. Every method returns the message itself.
/// </summary>
public sealed class ProtobufMessage
{
    private readonly MemoryStream stream = new();
    private readonly CodedOutputStream output;

    /// <summary>An empty message.</summary>
    public ProtobufMessage() => output = new CodedOutputStream(stream);

    /// <summary>Adds a field of type int32, int64 or an enum.</summary>
    public ProtobufMessage Integer(int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
        return this;
    }

    /// <summary>Adds a field of type float.</summary>
    public ProtobufMessage Float(int field, float value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
        return this;
    }

    /// <summary>Adds a field of type double.</summary>
    public ProtobufMessage Double(int field, double value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(value);
        return this;
    }

    /// <summary>Adds a packed repeated field of doubles.</summary>
    public ProtobufMessage Doubles(int field, IReadOnlyCollection<double> values)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(values.Count * sizeof(double));
        foreach (double value in values)
            output.WriteDouble(value);
        return this;
    }

    /// <summary>Adds a field of type string.</summary>
    public ProtobufMessage Text(int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
        return this;
    }

    /// <summary>Adds a field of type bytes.</summary>
    public ProtobufMessage Bytes(int field, ReadOnlyMemory<byte> value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        return this;
    }

    /// <summary>Adds a nested message.</summary>
    public ProtobufMessage Message(int field, ProtobufMessage value) => Bytes(field, value.Written());

    /// <summary>The encoded message so far.</summary>
    public ReadOnlyMemory<byte> Written()
    {
        output.Flush();
        return stream.GetBuffer().AsMemory(0, (int)stream.Length);
    }
}
