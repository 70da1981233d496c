using System.Runtime.InteropServices;
using Ascl.Core.Files;

namespace Ascl.Models.Onnx;

/// <summary>
/// Builds an ONNX graph: nodes in the order of computation, each with one output, and constants. Field numbers, types and attribute kinds
/// are those of onnx.proto (IR version 9, operator set 20, the first with Gelu).
/// </summary>
internal sealed class OnnxGraph
{
    private const int IrVersion = 9, OperatorVersion = 20, FloatType = 1, FloatAttribute = 1, IntAttribute = 2, IntsAttribute = 7;

    private readonly List<Node> nodes = [];
    private readonly Dictionary<string, ProtobufMessage> constants = [];

    /// <summary>Adds a node and returns the name of its output.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Values are long, float or an array of long.</param>
    public string Add(string type, IEnumerable<string> inputs, params (string Name, object Value)[] attributes)
    {
        nodes.Add(new(type, [.. inputs], attributes, $"{type.ToLowerInvariant()}_{nodes.Count}"));
        return nodes[^1].Output;
    }

    /// <summary>Adds a constant, or replaces the one of this name, and returns the name.</summary>
    public string Constant(string name, ReadOnlySpan<int> shape, float[] values)
    {
        ProtobufMessage tensor = new();
        foreach (int size in shape)
            tensor.Integer(1, size);
        constants[name] = tensor.Integer(2, FloatType).Text(8, name).Bytes(9, MemoryMarshal.AsBytes<float>(values).ToArray());
        return name;
    }

    /// <summary>The whole model.</summary>
    /// <param name="name">Name of the graph.</param>
    /// <param name="input">Name and sizes of the input; a size is a number, or a name for one that is free.</param>
    /// <param name="output">Name and sizes of the output, which the last node computes.</param>
    /// <param name="version">Version of the producer.</param>
    /// <param name="metadata">Metadata properties.</param>
    public ProtobufMessage Model(string name, (string Name, object[] Sizes) input, (string Name, object[] Sizes) output, string version,
        IReadOnlyDictionary<string, string> metadata)
    {
        nodes[^1] = nodes[^1] with { Output = output.Name };
        ProtobufMessage graph = new();
        foreach (Node node in nodes)
            graph.Message(1, Written(node));
        graph.Text(2, name);
        foreach (ProtobufMessage constant in constants.Values)
            graph.Message(5, constant);
        graph.Message(11, Described(input)).Message(12, Described(output));
        ProtobufMessage operators = new ProtobufMessage().Text(1, "").Integer(2, OperatorVersion);
        ProtobufMessage model = new ProtobufMessage().Integer(1, IrVersion).Text(2, "ascl").Text(3, version)
            .Message(7, graph).Message(8, operators);
        foreach (var (key, value) in metadata)
            model.Message(14, new ProtobufMessage().Text(1, key).Text(2, value));
        return model;
    }

    private static ProtobufMessage Written(Node node)
    {
        ProtobufMessage message = new();
        foreach (string input in node.Inputs)
            message.Text(1, input);
        message.Text(2, node.Output).Text(3, node.Output).Text(4, node.Type);
        foreach (var (name, value) in node.Attributes)
            message.Message(5, Attribute(name, value));
        return message;
    }

    private static ProtobufMessage Attribute(string name, object value)
    {
        ProtobufMessage message = new ProtobufMessage().Text(1, name);
        switch (value)
        {
            case float number:
                return message.Float(2, number).Integer(20, FloatAttribute);
            case long number:
                return message.Integer(3, number).Integer(20, IntAttribute);
            default:
                foreach (long number in (long[])value)
                    message.Integer(8, number);
                return message.Integer(20, IntsAttribute);
        }
    }

    private static ProtobufMessage Described((string Name, object[] Sizes) value)
    {
        ProtobufMessage shape = new();
        foreach (object size in value.Sizes)
            shape.Message(1, size is int known ? new ProtobufMessage().Integer(1, known) : new ProtobufMessage().Text(2, (string)size));
        ProtobufMessage tensor = new ProtobufMessage().Integer(1, FloatType).Message(2, shape);
        return new ProtobufMessage().Text(1, value.Name).Message(2, new ProtobufMessage().Message(1, tensor));
    }

    private sealed record Node(string Type, string[] Inputs, (string Name, object Value)[] Attributes, string Output);
}
