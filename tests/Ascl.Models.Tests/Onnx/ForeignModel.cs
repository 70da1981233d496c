using System.Runtime.InteropServices;
using Ascl.Core.Files;
using Ascl.Core.Random;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Writes an ONNX model node by node, as other exporters do: from images "x" to the flattened value of the last node.</summary>
/// <param name="opset">Version of the operators.</param>
/// <param name="input">Sizes of the images; a string is a free one.</param>
internal sealed class ForeignModel(int opset, params object[] input)
{
    private readonly ProtobufMessage graph = new();
    private readonly List<ProtobufMessage> constants = [];
    private string last = "x";
    private uint made;

    /// <summary>Name and sizes of the images.</summary>
    public string Input { get; init; } = "x";

    /// <summary>Adds a node and returns the name of its first output, the value of the model if no node comes after.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Values are int, float, string or an array of int.</param>
    public string Add(string type, string[] inputs, params (string Name, object Value)[] attributes) =>
        AddMany(type, inputs, 1, attributes)[0];

    /// <summary>Adds a node with several outputs and returns their names.</summary>
    public string[] AddMany(string type, string[] inputs, int outputs, params (string Name, object Value)[] attributes)
    {
        ProtobufMessage node = new();
        foreach (string name in inputs)
            node.Text(1, name);
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => $"v{made++}")];
        foreach (string name in names)
            node.Text(2, name);
        node.Text(3, $"{type} {made}").Text(4, type);
        foreach (var (name, value) in attributes)
            node.Message(5, Attribute(name, value));
        graph.Message(1, node);
        last = names[0];
        return names;
    }

    /// <summary>Adds a constant of random numbers in ±0.5 and returns its name.</summary>
    public string Weights(params int[] shape) => Weights(0, shape);

    /// <summary>Adds a constant of random numbers in ±0.5 around a mean.</summary>
    public string Weights(float mean, int[] shape)
    {
        float[] values = new float[shape.Aggregate(1, (a, b) => a * b)];
        Philox.FillUniform(values, new RandomKey(7, RandomPurpose.Test, Index: made), -0.5f, 0.5f);
        return Floats(shape, [.. values.Select(v => v + mean)]);
    }

    /// <summary>Adds a constant and returns its name.</summary>
    public string Floats(int[] shape, params float[] values) => Constant(1, shape, MemoryMarshal.AsBytes<float>(values).ToArray());

    /// <summary>Adds a vector of int64 and returns its name.</summary>
    public string Integers(params long[] values) => Constant(7, [values.Length], MemoryMarshal.AsBytes<long>(values).ToArray());

    /// <summary>Adds a single int64 and returns its name.</summary>
    public string Integer(long value) => Constant(7, [], BitConverter.GetBytes(value));

    /// <summary>The file's bytes.</summary>
    /// <param name="outputs">Name of the output; null flattens the last node's value.</param>
    public byte[] Written(string? output = null)
    {
        output ??= Add("Flatten", [last], ("axis", 1));
        foreach (ProtobufMessage constant in constants)
            graph.Message(5, constant);
        graph.Text(2, "graph").Message(11, Port(Input, input)).Message(12, Port(output, ["N", "K"]));
        ProtobufMessage operators = new ProtobufMessage().Text(1, "").Integer(2, opset);
        return new ProtobufMessage().Integer(1, 8).Text(2, "test").Message(7, graph).Message(8, operators).Written().ToArray();
    }

    private string Constant(int type, int[] shape, byte[] bytes)
    {
        string name = $"c{made++}";
        ProtobufMessage tensor = new();
        foreach (int size in shape)
            tensor.Integer(1, size);
        constants.Add(tensor.Integer(2, type).Text(8, name).Bytes(9, bytes));
        return name;
    }

    private static ProtobufMessage Attribute(string name, object value)
    {
        ProtobufMessage message = new ProtobufMessage().Text(1, name);
        switch (value)
        {
            case float number:
                return message.Float(2, number).Integer(20, 1);
            case int number:
                return message.Integer(3, number).Integer(20, 2);
            case string text:
                return message.Text(4, text).Integer(20, 3);
            case float[] numbers:
                foreach (float number in numbers)
                    message.Float(7, number);
                return message.Integer(20, 6);
            default:
                foreach (int number in (int[])value)
                    message.Integer(8, number);
                return message.Integer(20, 7);
        }
    }

    private static ProtobufMessage Port(string name, object[] sizes)
    {
        ProtobufMessage shape = new();
        foreach (object size in sizes)
            shape.Message(1, size is int known ? new ProtobufMessage().Integer(1, known) : new ProtobufMessage().Text(2, (string)size));
        return new ProtobufMessage().Text(1, name)
            .Message(2, new ProtobufMessage().Message(1, new ProtobufMessage().Integer(1, 1).Message(2, shape)));
    }
}
