namespace Ascl.Models.Onnx.Import;

/// <summary>A node of an ONNX graph.</summary>
/// <param name="Type">The operator: "Conv". Operators of other domains than ONNX's own have theirs before a dot: "ascl.Linear".</param>
/// <param name="Name">The node's name, or that of its first output where it has none.</param>
/// <param name="Inputs">Names of its inputs; empty for one that is left out.</param>
/// <param name="Outputs">Names of its outputs; empty for one that is not used.</param>
/// <param name="Attributes">Attributes by name.</param>
internal sealed record OnnxNode(
    string Type, string Name, string[] Inputs, string[] Outputs, IReadOnlyDictionary<string, OnnxAttribute> Attributes)
{
    /// <summary>A node that takes the place of others, computing their last output.</summary>
    /// <param name="type">The operator.</param>
    /// <param name="of">The node whose name and output it takes.</param>
    /// <param name="inputs">Names of its inputs.</param>
    /// <param name="attributes">Attributes by name.</param>
    public static OnnxNode InPlaceOf(OnnxNode of, string type, string[] inputs, params (string Name, OnnxAttribute Value)[] attributes) =>
        new(type, of.Name, inputs, of.Outputs, attributes.ToDictionary(a => a.Name, a => a.Value));

    /// <summary>"Conv node 'conv1'", for messages.</summary>
    public override string ToString() => $"{Type} node '{Name}'";

    /// <summary>The input at a position; empty if it is left out.</summary>
    public string Input(int at) => at < Inputs.Length ? Inputs[at] : "";

    /// <summary>An integer attribute.</summary>
    public long Integer(string name, long otherwise) => Attributes.TryGetValue(name, out OnnxAttribute? a) ? a.Integer : otherwise;

    /// <summary>A float attribute.</summary>
    public float Float(string name, float otherwise) => Attributes.TryGetValue(name, out OnnxAttribute? a) ? a.Float : otherwise;

    /// <summary>A string attribute.</summary>
    public string Text(string name, string otherwise) => Attributes.TryGetValue(name, out OnnxAttribute? a) ? a.Text : otherwise;

    /// <summary>An attribute of integers; null if it is not given.</summary>
    public long[]? Integers(string name) => Attributes.TryGetValue(name, out OnnxAttribute? a) ? a.Integers : null;
}

/// <summary>The value of a node's attribute; the member of its type is set.</summary>
internal sealed record OnnxAttribute(
    long Integer = 0, float Float = 0, string Text = "", long[]? Integers = null, float[]? Floats = null, OnnxConstant? Constant = null,
    OnnxSubgraph? Graph = null)
{
    /// <summary>Within a function: the attribute of the call whose value this one takes; empty if it has its own.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Its type, in onnx.proto's numbers; 0 if it is not said.</summary>
    public int Kind { get; init; }

    public static implicit operator OnnxAttribute(long value) => new(Integer: value) { Kind = 2 };
    public static implicit operator OnnxAttribute(float value) => new(Float: value) { Kind = 1 };
    public static implicit operator OnnxAttribute(long[] value) => new(Integers: value) { Kind = 7 };
}

/// <summary>Nodes in the order of computation, with the constants they use and the names of their results.</summary>
internal sealed record OnnxSubgraph(
    List<OnnxNode> Nodes, Dictionary<string, OnnxConstant> Constants, List<OnnxPort> Inputs, List<OnnxPort> Outputs);

/// <summary>An input or output of a graph.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its element type, in onnx.proto's numbers; 0 if it is not a tensor or not said.</param>
/// <param name="Sizes">Its sizes, −1 for one that is free; null if they are not said.</param>
internal sealed record OnnxPort(string Name, int Type, int[]? Sizes)
{
    /// <summary>"[N, 3, 32, 32]" with ? for a free size.</summary>
    public string SizesText => Sizes is null ? "[…]" : $"[{string.Join(", ", Sizes.Select(size => size >= 0 ? $"{size}" : "?"))}]";
}
