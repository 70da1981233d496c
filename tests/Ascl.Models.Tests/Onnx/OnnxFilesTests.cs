using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Models.Onnx;

namespace Ascl.Models.Tests.Onnx;

/// <summary>The external files of a model: tensors anywhere in the graph may be stored in other files.</summary>
public sealed class OnnxFilesTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx-files").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void ExternalDataAreFoundWhereverTheyAreNamed()
    {
        // Numbers of onnx.proto: ModelProto.graph 7, functions 25; GraphProto.node 1, initializer 5, sparse_initializer 15;
        // NodeProto.attribute 5; AttributeProto.t 5, g 6, tensors 10.
        ProtobufMessage inner = new ProtobufMessage().Message(5, Tensor("of-a-branch.bin"));
        ProtobufMessage node = new ProtobufMessage().Text(4, "If").Message(5, new ProtobufMessage().Message(6, inner))
            .Message(5, new ProtobufMessage().Message(5, Tensor("of-an-attribute.bin")).Message(10, Tensor("of-a-list.bin")));
        ProtobufMessage graph = new ProtobufMessage().Message(1, node).Message(5, Tensor("weights.bin")).Message(5, Tensor("weights.bin"))
            .Message(5, new ProtobufMessage().Integer(2, 1).Bytes(9, new byte[100]))
            .Message(15, new ProtobufMessage().Message(1, Tensor("sparse/values.bin")));
        ProtobufMessage function = new ProtobufMessage()
            .Message(7, new ProtobufMessage().Message(5, new ProtobufMessage().Message(5, Tensor("of-a-function.bin"))));
        string path = Write("model.onnx", new ProtobufMessage().Integer(1, 8).Message(7, graph).Message(25, function));
        Assert.Equal(
            [
                path,
                .. new[]
                {
                    "of-a-branch.bin", "of-a-function.bin", "of-a-list.bin", "of-an-attribute.bin", "sparse/values.bin", "weights.bin",
                }.Select(name => Path.Combine(folder, name)),
            ],
            OnnxFiles.Of(path));
    }

    [Fact]
    public void AModelWithoutExternalDataIsOneFile()
    {
        ProtobufMessage graph = new ProtobufMessage().Message(5, new ProtobufMessage().Text(8, "w"));
        string path = Write("alone.onnx", new ProtobufMessage().Message(7, graph));
        Assert.Equal([path], OnnxFiles.Of(path));
    }

    [Fact]
    public void FilesThatAreNoModelAreRefused()
    {
        string path = Path.Combine(folder, "text.onnx");
        File.WriteAllText(path, "<!DOCTYPE html> not a model");
        Assert.Contains(path, Assert.Throws<UserErrorException>(() => OnnxFiles.Of(path)).Message);
        Assert.Throws<UserErrorException>(() => OnnxFiles.Of(Path.Combine(folder, "none.onnx")));
    }

    /// <summary>A tensor with data in another file: TensorProto.external_data 13 holds keys 1 and values 2.</summary>
    private static ProtobufMessage Tensor(string location) => new ProtobufMessage().Text(8, "w")
        .Message(13, new ProtobufMessage().Text(1, "location").Text(2, location))
        .Message(13, new ProtobufMessage().Text(1, "offset").Text(2, "0"));

    private string Write(string name, ProtobufMessage message)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllBytes(path, message.Written().ToArray());
        return path;
    }
}
