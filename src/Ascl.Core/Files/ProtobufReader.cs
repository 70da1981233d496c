using System.Text;
using Ascl.Core.Diagnostics;
using Google.Protobuf;

namespace Ascl.Core.Files;

/// <summary>
/// Reads a protobuf message without its schema: string fields and nested messages by field number. Other fields are skipped.
/// </summary>
public sealed class ProtobufReader
{
    private readonly string path;
    private readonly byte[] bytes;

    private ProtobufReader(string path, byte[] bytes) => (this.path, this.bytes) = (path, bytes);

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

    /// <summary>The nested messages of a field, in order.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public IEnumerable<ProtobufReader> Messages(int field) => Fields(field).Select(value => new ProtobufReader(path, value.ToArray()));

    /// <summary>The last string of a field, which overrides earlier ones; empty if there is none.</summary>
    /// <exception cref="UserErrorException">The bytes are not a protobuf message.</exception>
    public string Text(int field) => Encoding.UTF8.GetString(Fields(field).LastOrDefault().Span);

    private List<ReadOnlyMemory<byte>> Fields(int field)
    {
        List<ReadOnlyMemory<byte>> found = [];
        try
        {
            using CodedInputStream input = new(bytes);
            for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
            {
                if (WireFormat.GetTagFieldNumber(tag) == field && WireFormat.GetTagWireType(tag) == WireFormat.WireType.LengthDelimited)
                    found.Add(input.ReadBytes().Memory);
                else
                    input.SkipLastField();
            }
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new UserErrorException($"{path}: not a protobuf message: {e.Message}", e);
        }
        return found;
    }
}
