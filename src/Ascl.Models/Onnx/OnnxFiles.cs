using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Onnx;

/// <summary>The files that an ONNX model consists of.</summary>
public static class OnnxFiles
{
    // Field numbers of onnx.proto.
    private const int
        ModelGraph = 7, ModelFunctions = 25,
        GraphNode = 1, GraphInitializer = 5, GraphSparseInitializer = 15,
        FunctionNode = 7, NodeAttribute = 5,
        AttributeTensor = 5, AttributeGraph = 6, AttributeTensors = 10, AttributeGraphs = 11,
        SparseValues = 1, SparseIndices = 2, TensorExternalData = 13, EntryKey = 1, EntryValue = 2;

    /// <summary>Graphs within graphs are read to this depth.</summary>
    private const int MostNested = 16;

    /// <summary>Whether a file's extension is .onnx, in any case.</summary>
    public static bool IsOnnx(string path) => path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase);

    /// <summary>The model's file, then the files of external data that its tensors refer to, each once, whether or not they
    /// exist.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or is not an ONNX model.</exception>
    public static IReadOnlyList<string> Of(string path)
    {
        SortedSet<string> external = new(StringComparer.Ordinal);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        ProtobufReader model = ProtobufReader.Open(path);
        foreach (ProtobufReader graph in model.Messages(ModelGraph))
            AddGraph(graph, MostNested);
        foreach (ProtobufReader function in model.Messages(ModelFunctions))
            AddNodes(function, FunctionNode, MostNested);
        return [path, .. external];

        void AddGraph(ProtobufReader graph, int depth)
        {
            if (depth == 0)
                throw new UserErrorException($"{path}: graphs are nested too deeply");
            AddNodes(graph, GraphNode, depth);
            foreach (ProtobufReader tensor in graph.Messages(GraphInitializer))
                AddTensor(tensor);
            foreach (ProtobufReader sparse in graph.Messages(GraphSparseInitializer))
                foreach (ProtobufReader tensor in sparse.Messages(SparseValues).Concat(sparse.Messages(SparseIndices)))
                    AddTensor(tensor);
        }

        void AddNodes(ProtobufReader owner, int field, int depth)
        {
            foreach (ProtobufReader attribute in owner.Messages(field).SelectMany(node => node.Messages(NodeAttribute)))
            {
                foreach (ProtobufReader tensor in attribute.Messages(AttributeTensor).Concat(attribute.Messages(AttributeTensors)))
                    AddTensor(tensor);
                foreach (ProtobufReader graph in attribute.Messages(AttributeGraph).Concat(attribute.Messages(AttributeGraphs)))
                    AddGraph(graph, depth - 1);
            }
        }

        void AddTensor(ProtobufReader tensor)
        {
            foreach (ProtobufReader entry in tensor.Messages(TensorExternalData).Where(entry => entry.Text(EntryKey) == "location"))
                external.Add(Path.Combine(folder, entry.Text(EntryValue)));
        }
    }
}
