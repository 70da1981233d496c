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
    private readonly List<ProtobufMessage> constants = [], constantPorts = [], outputs = [], functions = [];
    private string last = "x";
    private uint made;

    /// <summary>Name of the images.</summary>
    public string Input { get; init; } = "x";

    /// <summary>Element type of the images, in onnx.proto's numbers.</summary>
    public int InputType { get; init; } = 1;

    /// <summary>Whether constants are listed among the inputs, as in files of IR version 3.</summary>
    public bool ListsConstants { get; init; }

    /// <summary>Adds a node and returns the name of its first output, the value of the model if no node comes after.</summary>
    /// <param name="type">The operator, after its domain and a colon if it is not ONNX's own.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Values are int, float, string or an array of int.</param>
    public string Add(string type, string[] inputs, params (string Name, object Value)[] attributes) =>
        AddMany(type, inputs, 1, attributes)[0];

    /// <summary>Adds a node with several outputs and returns their names.</summary>
    public string[] AddMany(string type, string[] inputs, int outputs, params (string Name, object Value)[] attributes)
    {
        string[] names = [.. Enumerable.Range(0, outputs).Select(_ => $"v{made++}")];
        graph.Message(1, Node(type, $"{type} {made}", inputs, names, attributes));
        last = names[0];
        return names;
    }

    /// <summary>Adds an output besides others, with null for a shape that is not said.</summary>
    public string Output(string name, object[]? sizes, int type = 1)
    {
        outputs.Add(Port(name, sizes, type));
        return name;
    }

    /// <summary>Gives a value another name too.</summary>
    public void Name(string value, string name) => graph.Message(1, Node("Identity", $"Identity {name}", [value], [name], []));

    /// <summary>Defines a function of one node, which passes on its attributes that begin with @ from the call.</summary>
    public void Function(string domain, string name, string[] inputs, string type, params (string Name, object Value)[] attributes)
    {
        ProtobufMessage function = new ProtobufMessage().Text(1, name);
        foreach (string input in inputs)
            function.Text(4, input);
        functions.Add(function.Text(5, "y").Message(7, Node(type, "inner", inputs, ["y"], attributes)).Text(10, domain));
    }

    private static ProtobufMessage Node(
        string type, string name, string[] inputs, string[] outputs, (string Name, object Value)[] attributes)
    {
        ProtobufMessage node = new();
        foreach (string input in inputs)
            node.Text(1, input);
        foreach (string output in outputs)
            node.Text(2, output);
        string[] parts = type.Split(':');
        node.Text(3, name).Text(4, parts[^1]).Text(7, parts.Length > 1 ? parts[0] : "");
        foreach (var (key, value) in attributes)
            node.Message(5, Attribute(key, value));
        return node;
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

    /// <summary>Adds a constant of half floats, in raw bytes or in the field of integers, and returns its name.</summary>
    public string Halves(int[] shape, bool isRaw, params float[] values)
    {
        Half[] halves = [.. values.Select(value => (Half)value)];
        if (isRaw)
            return Constant(10, shape, MemoryMarshal.AsBytes<Half>(halves).ToArray());
        return Constant(10, shape, tensor =>
        {
            foreach (Half half in halves)
                tensor.Integer(5, BitConverter.HalfToUInt16Bits(half));
        });
    }

    /// <summary>Adds a constant of doubles and returns its name.</summary>
    public string Doubles(int[] shape, params double[] values) => Constant(11, shape, MemoryMarshal.AsBytes<double>(values).ToArray());

    /// <summary>Adds a constant of floats whose bytes are in another file, and returns its name.</summary>
    public string External(int[] shape, string location, long? offset = null, long? length = null) => Constant(1, shape, tensor =>
    {
        Entry("location", location);
        if (offset is { } from)
            Entry("offset", $"{from}");
        if (length is { } bytes)
            Entry("length", $"{bytes}");
        tensor.Integer(14, 1);

        void Entry(string key, string value) => tensor.Message(13, new ProtobufMessage().Text(1, key).Text(2, value));
    });

    /// <summary>Adds a vector of int64 and returns its name.</summary>
    public string Integers(params long[] values) => Constant(7, [values.Length], MemoryMarshal.AsBytes<long>(values).ToArray());

    /// <summary>Adds a single int64 and returns its name.</summary>
    public string Integer(long value) => Constant(7, [], BitConverter.GetBytes(value));

    /// <summary>The file's bytes.</summary>
    public byte[] Written()
    {
        if (outputs.Count == 0)
            Output(Add("Flatten", [last], ("axis", 1)), ["N", "K"]);
        foreach (ProtobufMessage constant in constants)
            graph.Message(5, constant);
        graph.Text(2, "graph").Message(11, Port(Input, input, InputType));
        foreach (ProtobufMessage port in ListsConstants ? constantPorts : [])
            graph.Message(11, port);
        foreach (ProtobufMessage output in outputs)
            graph.Message(12, output);
        ProtobufMessage operators = new ProtobufMessage().Text(1, "").Integer(2, opset);
        ProtobufMessage model = new ProtobufMessage().Integer(1, 8).Text(2, "test").Message(7, graph).Message(8, operators);
        foreach (ProtobufMessage function in functions)
            model.Message(25, function);
        return model.Written().ToArray();
    }

    private string Constant(int type, int[] shape, byte[] bytes) => Constant(type, shape, tensor => tensor.Bytes(9, bytes));

    private string Constant(int type, int[] shape, Action<ProtobufMessage> fill)
    {
        string name = $"c{made++}";
        ProtobufMessage tensor = new();
        foreach (int size in shape)
            tensor.Integer(1, size);
        fill(tensor.Integer(2, type).Text(8, name));
        constants.Add(tensor);
        constantPorts.Add(Port(name, [.. shape.Cast<object>()], type));
        return name;
    }

    private static ProtobufMessage Attribute(string name, object value)
    {
        ProtobufMessage message = new ProtobufMessage().Text(1, name);
        switch (value)
        {
            case string reference when reference.StartsWith('@'):
                return message.Text(21, reference[1..]).Integer(20, 1);
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

    private static ProtobufMessage Port(string name, object[]? sizes, int type)
    {
        ProtobufMessage tensor = new ProtobufMessage().Integer(1, type), shape = new();
        foreach (object size in sizes ?? [])
            shape.Message(1, size is int known ? new ProtobufMessage().Integer(1, known) : new ProtobufMessage().Text(2, (string)size));
        if (sizes is not null)
            tensor.Message(2, shape);
        return new ProtobufMessage().Text(1, name).Message(2, new ProtobufMessage().Message(1, tensor));
    }
}
