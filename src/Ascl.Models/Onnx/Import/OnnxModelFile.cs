using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Onnx.Import;

/// <summary>The contents of an ONNX file: graph, constants, operator set, metadata. Field numbers are those of onnx.proto.</summary>
internal sealed class OnnxModelFile
{
    /// <summary>Graphs within graphs (If, functions) are read to this depth.</summary>
    private const int MostNested = 16;

    private const int OldestOpset = 7, NewestOpset = 23;

    private readonly string path;

    private OnnxModelFile(string path, OnnxSubgraph graph, int opset, string producer, Dictionary<string, string> metadata) =>
        (this.path, Graph, Opset, Producer, Metadata) = (path, graph, opset, producer, metadata);

    public OnnxSubgraph Graph { get; }

    /// <summary>Version of ONNX's own operators.</summary>
    public int Opset { get; }

    /// <summary>The program that wrote the file, such as "pytorch"; may be empty.</summary>
    public string Producer { get; }

    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Reads a model with its external data.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, is not an ONNX model, or is of an operator set that is not
    /// supported.</exception>
    public static OnnxModelFile Read(string path)
    {
        ProtobufReader model = ProtobufReader.Open(path);
        int opset = 0;
        foreach (ProtobufReader set in model.Messages(8))
            if (set.Text(1) is "" or "ai.onnx")
                opset = (int)set.Integer(2);
        ProtobufReader content = model.Messages(7).LastOrDefault()
            ?? throw new UserErrorException($"{path}: not an ONNX model: it holds no graph");
        if (opset is < OldestOpset or > NewestOpset)
        {
            throw new UserErrorException($"{path}: operator set {opset} is not supported, only {OldestOpset} to {NewestOpset}: export it "
                + "again with another opset_version");
        }
        Dictionary<string, string> metadata = [];
        foreach (ProtobufReader entry in model.Messages(14))
            metadata[entry.Text(1)] = entry.Text(2);
        OnnxGraphReader reader = new(path);
        try
        {
            OnnxSubgraph graph = reader.Graph(content, MostNested);
            graph = OnnxFunctions.Inlined(graph, reader.Functions(model.Messages(25), MostNested), path);
            return new(path, graph, opset, model.Text(2), metadata);
        }
        catch (Exception e) when (e is ShapeException or OverflowException)
        {
            throw new UserErrorException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>The file's name, for messages.</summary>
    public override string ToString() => path;
}
