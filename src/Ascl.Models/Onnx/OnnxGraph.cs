using System.Runtime.InteropServices;
using Ascl.Core.Files;
using Ascl.Models.Onnx.Import;

namespace Ascl.Models.Onnx;

/// <summary>
/// Builds an ONNX graph: nodes in the order of computation, and constants. Field numbers, types and attribute kinds are those of
/// onnx.proto.
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>The first operator set with Gelu.</summary>
    public const int UsualOpset = 20;

    private const int FloatType = 1, IntegerType = 7;
    private const int FloatAttribute = 1, IntAttribute = 2, TextAttribute = 3, TensorAttribute = 4, FloatsAttribute = 6, IntsAttribute = 7;

    private readonly List<Node> nodes = [];
    private readonly Dictionary<string, ProtobufMessage> constants = [];

    /// <summary>Adds a node and returns the name of its output.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Values are long, float or an array of long.</param>
    public string Add(string type, IEnumerable<string> inputs, params (string Name, object Value)[] attributes)
    {
        string output = $"{type.ToLowerInvariant()}_{nodes.Count}";
        Add(type, output, [.. inputs], [output], attributes);
        return output;
    }

    /// <summary>Adds a node with names for itself and its outputs.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="name">Its name.</param>
    /// <param name="inputs">Names of its inputs; empty for one that is left out.</param>
    /// <param name="outputs">Names of its outputs.</param>
    /// <param name="attributes">Values are long, float, string, an array of long or float, or a constant.</param>
    public void Add(string type, string name, string[] inputs, string[] outputs, (string Name, object Value)[] attributes) =>
        nodes.Add(new(type, name, inputs, outputs, attributes));

    /// <summary>Adds a constant, or replaces the one of this name, and returns the name.</summary>
    public string Constant(string name, ReadOnlySpan<int> shape, float[] values)
    {
        constants[name] = TensorOf(shape, FloatType, MemoryMarshal.AsBytes<float>(values)).Text(8, name);
        return name;
    }

    /// <summary>Adds a constant of int64, or replaces the one of this name.</summary>
    public void Constant(string name, ReadOnlySpan<int> shape, long[] values) =>
        constants[name] = TensorOf(shape, IntegerType, MemoryMarshal.AsBytes<long>(values)).Text(8, name);

    /// <summary>The whole model.</summary>
    /// <param name="name">Name of the graph.</param>
    /// <param name="input">Name and sizes of the input; a size is a number, or a name for one that is free.</param>
    /// <param name="output">Name and sizes of the output.</param>
    /// <param name="result">The value that is the output; it gets the output's name.</param>
    /// <param name="version">Version of the producer.</param>
    /// <param name="metadata">Metadata properties.</param>
    /// <param name="opset">Version of the operators.</param>
    public ProtobufMessage Model(string name, (string Name, object[] Sizes) input, (string Name, object[] Sizes) output, string result,
        string version, IReadOnlyDictionary<string, string> metadata, int opset = UsualOpset)
    {
        ProtobufMessage graph = new();
        foreach (Node node in nodes)
            graph.Message(1, Written(node with { Inputs = Named(node.Inputs), Outputs = Named(node.Outputs) }));
        graph.Text(2, name);
        foreach (ProtobufMessage constant in constants.Values)
            graph.Message(5, constant);
        graph.Message(11, Described(input)).Message(12, Described(output));
        ProtobufMessage operators = new ProtobufMessage().Text(1, "").Integer(2, opset);
        // The oldest IR version that knows the operator set.
        ProtobufMessage model = new ProtobufMessage().Integer(1, opset > UsualOpset ? 10 : 9).Text(2, "ascl").Text(3, version)
            .Message(7, graph).Message(8, operators);
        foreach (var (key, value) in metadata)
            model.Message(14, new ProtobufMessage().Text(1, key).Text(2, value));
        return model;

        string[] Named(string[] values) => [.. values.Select(value => value == result ? output.Name : value)];
    }

    private static ProtobufMessage TensorOf(ReadOnlySpan<int> shape, int type, ReadOnlySpan<byte> values)
    {
        ProtobufMessage tensor = new();
        foreach (int size in shape)
            tensor.Integer(1, size);
        return tensor.Integer(2, type).Bytes(9, values.ToArray());
    }

    private static ProtobufMessage TensorOf(OnnxConstant constant) => constant.IsFloat
        ? TensorOf(constant.Shape.Sizes, FloatType, MemoryMarshal.AsBytes<float>(constant.Floats))
        : TensorOf(constant.Shape.Sizes, IntegerType, MemoryMarshal.AsBytes<long>(constant.Integers));

    private static ProtobufMessage Written(Node node)
    {
        ProtobufMessage message = new();
        foreach (string input in node.Inputs)
            message.Text(1, input);
        foreach (string output in node.Outputs)
            message.Text(2, output);
        message.Text(3, node.Name).Text(4, node.Type);
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
            case string text:
                return message.Text(4, text).Integer(20, TextAttribute);
            case OnnxConstant constant:
                return message.Message(5, TensorOf(constant)).Integer(20, TensorAttribute);
            case float[] numbers:
                foreach (float number in numbers)
                    message.Float(7, number);
                return message.Integer(20, FloatsAttribute);
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

    private sealed record Node(string Type, string Name, string[] Inputs, string[] Outputs, (string Name, object Value)[] Attributes);
}
