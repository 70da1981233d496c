using System.Text;
using Ascl.Core.Files;
using Google.Protobuf;

namespace Ascl.Models.Tests.Onnx;

/// <summary>A field of a protobuf message that can be changed: a number, bytes, or a message's fields.</summary>
internal sealed class MutableField
{
    public required int Number { get; set; }
    public required WireFormat.WireType Type { get; set; }

    /// <summary>What the field is in onnx.proto; that of a message for the whole file.</summary>
    public required OnnxPart Part { get; init; }

    public ulong Value { get; set; }
    public byte[] Bytes { get; set; } = [];

    /// <summary>The fields of a message; null for a number or bytes.</summary>
    public List<MutableField>? Fields { get; set; }

    /// <summary>This field and all within.</summary>
    public IEnumerable<MutableField> All() => Fields is null ? [this] : Fields.SelectMany(field => field.All()).Prepend(this);

    public MutableField Copy() => new()
    {
        Number = Number,
        Type = Type,
        Part = Part,
        Value = Value,
        Bytes = [.. Bytes],
        Fields = Fields?.ConvertAll(field => field.Copy()),
    };

    /// <summary>The bytes of a message with these fields.</summary>
    public byte[] Written()
    {
        if (Fields is null)
            return Bytes;
        using MemoryStream stream = new();
        using CodedOutputStream output = new(stream);
        foreach (MutableField field in Fields)
        {
            output.WriteTag(field.Number, field.Type);
            switch (field.Type)
            {
                case WireFormat.WireType.Varint:
                    output.WriteUInt64(field.Value);
                    break;
                case WireFormat.WireType.Fixed32:
                    output.WriteFixed32((uint)field.Value);
                    break;
                case WireFormat.WireType.Fixed64:
                    output.WriteFixed64(field.Value);
                    break;
                default:
                    output.WriteBytes(ByteString.CopyFrom(field.Written()));
                    break;
            }
        }
        output.Flush();
        return stream.ToArray();
    }

    /// <summary>The fields of an undamaged message.</summary>
    public static MutableField Parsed(byte[] bytes, OnnxPart part, int number = 0)
    {
        List<MutableField> fields = [];
        using CodedInputStream input = new(bytes);
        while (input.ReadTag() is not 0 and var tag)
        {
            int of = WireFormat.GetTagFieldNumber(tag);
            WireFormat.WireType type = WireFormat.GetTagWireType(tag);
            OnnxPart inner = part.Inner(of);
            if (type == WireFormat.WireType.LengthDelimited)
            {
                byte[] content = input.ReadBytes().ToByteArray();
                fields.Add(inner.IsMessage
                    ? Parsed(content, inner, of)
                    : new() { Number = of, Type = type, Part = inner, Bytes = content });
                continue;
            }
            ulong value = type switch
            {
                WireFormat.WireType.Varint => input.ReadUInt64(),
                WireFormat.WireType.Fixed32 => input.ReadFixed32(),
                _ => input.ReadFixed64(),
            };
            fields.Add(new() { Number = of, Type = type, Part = inner, Value = value });
        }
        return new() { Number = number, Type = WireFormat.WireType.LengthDelimited, Part = part, Fields = fields };
    }
}

/// <summary>What a field is in onnx.proto, as far as mutations need it.</summary>
/// <param name="Name">The message's name; empty for a number, "text" for a string, "bytes" for other bytes.</param>
internal readonly record struct OnnxPart(string Name)
{
    public static OnnxPart Model => new("model");

    public bool IsMessage => Name is not ("" or "text" or "bytes");

    public OnnxPart Inner(int field) => new((Name, field) switch
    {
        ("model", 7) => "graph",
        ("model", 8) => "operators",
        ("model", 14) or ("tensor", 13) => "entry",
        ("model", 25) => "function",
        ("graph", 1) or ("function", 7) => "node",
        ("graph", 5) or ("attribute", 5) => "tensor",
        ("graph", 11 or 12 or 13) => "port",
        ("node", 5) => "attribute",
        ("attribute", 6) => "graph",
        ("port", 2) => "type",
        ("type", 1) => "tensor type",
        ("tensor type", 2) => "shape",
        ("shape", 1) => "size",
        ("node", 1 or 2 or 3 or 4 or 7) or ("tensor", 8) or ("port", 1) or ("size", 2) or ("attribute", 1 or 4) or ("entry", _) => "text",
        _ => "bytes",
    });
}
