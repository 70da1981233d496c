using Google.Protobuf;

namespace Ascl.Core.Files;

/// <summary>A protobuf message being written, field by field under the numbers that its .proto file gives them.</summary>
public sealed class ProtobufMessage
{
    private readonly MemoryStream stream = new();
    private readonly CodedOutputStream output;

    public ProtobufMessage() => output = new CodedOutputStream(stream);

    /// <summary>A field of type int32, int64 or of an enumeration.</summary>
    public ProtobufMessage Integer(int field, long value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
        return this;
    }

    public ProtobufMessage Float(int field, float value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
        return this;
    }

    public ProtobufMessage Double(int field, double value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(value);
        return this;
    }

    /// <summary>A repeated field of doubles, packed.</summary>
    public ProtobufMessage Doubles(int field, IReadOnlyCollection<double> values)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteLength(values.Count * sizeof(double));
        foreach (double value in values)
            output.WriteDouble(value);
        return this;
    }

    public ProtobufMessage Text(int field, string value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteString(value);
        return this;
    }

    public ProtobufMessage Bytes(int field, ReadOnlyMemory<byte> value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        return this;
    }

    public ProtobufMessage Message(int field, ProtobufMessage value) => Bytes(field, value.Written());

    /// <summary>The message so far.</summary>
    public ReadOnlyMemory<byte> Written()
    {
        output.Flush();
        return stream.GetBuffer().AsMemory(0, (int)stream.Length);
    }
}
