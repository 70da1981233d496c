using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Onnx.Import;

/// <summary>Reads graphs, nodes and attributes of one file. Field numbers are those of onnx.proto.</summary>
internal sealed class OnnxGraphReader(string path)
{
    private readonly OnnxTensorReader tensors = new(path);

    /// <summary>A function that the file defines: its nodes with the names of its inputs, outputs and attributes.</summary>
    public sealed record Function(string Type, string[] Inputs, string[] Outputs, List<OnnxNode> Nodes);

    public OnnxSubgraph Graph(ProtobufReader graph, int depth)
    {
        if (depth == 0)
            throw new UserErrorException($"{path}: graphs are nested too deeply");
        if (graph.Has(15))
            throw new UserErrorException($"{path}: sparse initializers are not supported: export it with dense ones");
        Dictionary<string, OnnxConstant> constants = [];
        foreach (ProtobufReader tensor in graph.Messages(5))
            constants[tensor.Text(8)] = tensors.Constant(tensor);
        return new([.. graph.Messages(1).Select(node => Node(node, depth))], constants,
            // Files of IR version 3 and before list initializers among the inputs.
            [.. graph.Messages(11).Select(Port).Where(port => !constants.ContainsKey(port.Name))],
            [.. graph.Messages(12).Select(Port)]);
    }

    /// <summary>The file's functions by domain and name.</summary>
    public Dictionary<string, Function> Functions(IEnumerable<ProtobufReader> functions, int depth)
    {
        Dictionary<string, Function> all = [];
        foreach (ProtobufReader function in functions)
        {
            string type = TypeOf(function.Text(10), function.Text(1));
            all[type] = new(type, function.Texts(4), function.Texts(5), [.. function.Messages(7).Select(node => Node(node, depth))]);
        }
        return all;
    }

    private OnnxNode Node(ProtobufReader node, int depth)
    {
        Dictionary<string, OnnxAttribute> attributes = [];
        foreach (ProtobufReader attribute in node.Messages(5))
            attributes[attribute.Text(1)] = Attribute(attribute, depth);
        string[] outputs = node.Texts(2);
        string name = node.Text(3) is { Length: > 0 } own ? own : outputs.FirstOrDefault("");
        return new(TypeOf(node.Text(7), node.Text(4)), name, node.Texts(1), outputs, attributes);
    }

    private OnnxAttribute Attribute(ProtobufReader attribute, int depth) => new(
        attribute.Integer(3), attribute.Float(2), attribute.Text(4), [.. attribute.Integers(8)], attribute.Floats(7),
        attribute.Messages(5).Select(tensors.Constant).LastOrDefault(),
        attribute.Messages(6).Select(graph => Graph(graph, depth - 1)).LastOrDefault())
    { Reference = attribute.Text(21), Kind = (int)attribute.Integer(20) };

    private static OnnxPort Port(ProtobufReader port)
    {
        ProtobufReader? tensor = port.Messages(2).LastOrDefault()?.Messages(1).LastOrDefault();
        ProtobufReader? shape = tensor?.Messages(2).LastOrDefault();
        // A size that is not a positive number, or has a name, is free.
        int[]? sizes = shape is null
            ? null
            : [.. shape.Messages(1).Select(size => size.Integer(1) is > 0 and <= int.MaxValue and var value ? (int)value : -1)];
        return new(port.Text(1), (int)(tensor?.Integer(1) ?? 0), sizes);
    }

    private static string TypeOf(string domain, string type) => domain is "" or "ai.onnx" ? type : $"{domain}.{type}";
}
