using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import.Rewriting;

/// <summary>A graph that rewriting rules change: nodes in the order of computation, and who computes and uses each value.</summary>
internal sealed class EditedGraph
{
    private readonly string path;
    private Dictionary<string, OnnxNode> producers = [];
    private Dictionary<string, List<OnnxNode>> consumers = [];

    /// <summary>Keeps what the output depends on, in the order of computation.</summary>
    /// <param name="path">The file's name, for messages.</param>
    /// <param name="graph">The graph as it is in the file.</param>
    /// <param name="output">Name of the value that is wanted.</param>
    /// <exception cref="UserErrorException">The graph has a cycle, or a node that the output depends on is damaged.</exception>
    public EditedGraph(string path, OnnxSubgraph graph, string output)
    {
        (this.path, Constants, Output, Nodes) = (path, new(graph.Constants), output, graph.Nodes);
        MoveConstants();
        Tidy();
        Check(graph.Inputs);
    }

    public List<OnnxNode> Nodes { get; private set; }

    public Dictionary<string, OnnxConstant> Constants { get; }

    /// <summary>Name of the value that is wanted.</summary>
    public string Output { get; set; }

    /// <summary>The node that computes a value; null for the input and constants.</summary>
    public OnnxNode? Producer(string name) => producers.GetValueOrDefault(name);

    /// <summary>The node that computes a value, if it is of one of these types; null otherwise.</summary>
    public OnnxNode? Producer(string name, params ReadOnlySpan<string> types) =>
        Producer(name) is { } node && types.Contains(node.Type) ? node : null;

    /// <summary>The only node that uses a value; null if there are several, or it is the output.</summary>
    public OnnxNode? OnlyConsumer(string name) =>
        name != Output && consumers.TryGetValue(name, out List<OnnxNode>? nodes) && nodes is [var only] ? only : null;

    /// <summary>The only user of a node's only output, if it is of one of these types.</summary>
    public OnnxNode? Next(OnnxNode node, params ReadOnlySpan<string> types) =>
        OnlyConsumer(node.Outputs[0]) is { } next && types.Contains(next.Type) ? next : null;

    /// <summary>The single number that a value is; null if it is not one constant number.</summary>
    public float? Number(string name) => Constants.TryGetValue(name, out OnnxConstant? c) && c.Length == 1 ? c.Float : null;

    /// <summary>The inputs of a binary node in the order (value, number); null if none is one constant number.</summary>
    public (string Value, float Number)? WithNumber(OnnxNode node) =>
        node.Inputs.Length != 2 ? null
        : Number(node.Inputs[1]) is { } right ? (node.Inputs[0], right)
        : Number(node.Inputs[0]) is { } left ? (node.Inputs[1], left)
        : null;

    /// <summary>The other input of a binary node.</summary>
    public static string Other(OnnxNode node, string input) => node.Inputs[0] == input ? node.Inputs[1] : node.Inputs[0];

    /// <summary>Adds a node before all others.</summary>
    public void Add(OnnxNode node)
    {
        Nodes = [node, .. Nodes];
        Tidy();
    }

    /// <summary>Puts a node in the place of the last of several, and drops the others.</summary>
    public void Replace(IReadOnlyCollection<OnnxNode> old, OnnxNode by)
    {
        HashSet<string> names = [.. old.Select(node => node.Outputs[0])];
        Nodes = [.. Nodes.Where(node => !names.Contains(node.Outputs[0]) || node.Outputs[0] == by.Outputs[0])
            .Select(node => node.Outputs[0] == by.Outputs[0] ? by : node)];
        Tidy();
    }

    /// <summary>Lets all users of a value use another one.</summary>
    public void Alias(string name, string by)
    {
        Nodes = [.. Nodes.Select(node => node.Inputs.Contains(name)
            ? node with { Inputs = [.. node.Inputs.Select(input => input == name ? by : input)] }
            : node)];
        Output = Output == name ? by : Output;
        Tidy();
    }

    /// <summary>Applies a rule until it changes nothing any more. The rule changes at most one place at a time.</summary>
    public void Exhaust(Func<EditedGraph, OnnxNode, bool> rule)
    {
        // Every rule shrinks the graph, so this ends.
        for (int i = 0; i < Nodes.Count;)
            i = rule(this, Nodes[i]) ? 0 : i + 1;
    }

    /// <summary>What the rewriting rules take for granted: enough inputs, and one node for each value.</summary>
    private void Check(List<OnnxPort> inputs)
    {
        HashSet<string> known = [.. Constants.Keys, .. inputs.Select(input => input.Name)];
        foreach (OnnxNode node in Nodes)
        {
            int fewest = OnnxOperators.FewestInputs(node.Type);
            if (node.Inputs.Length < fewest || node.Inputs.Take(fewest).Contains(""))
                throw new UserErrorException($"{path}: {node} has inputs [{string.Join(", ", node.Inputs)}], and needs {fewest}");
            if (node.Outputs[0].Length == 0)
                throw new UserErrorException($"{path}: {node} without its first output is not supported");
            if (node.Outputs.FirstOrDefault(output => output.Length > 0 && !known.Add(output)) is { } twice)
                throw new UserErrorException($"{path}: {node} computes '{twice}', which is also computed or given elsewhere");
        }
    }

    private void MoveConstants()
    {
        foreach (OnnxNode node in Nodes.Where(node => node.Type == "Constant" && node.Outputs.Length == 1))
            if (ConstantOf(node) is { } constant)
                Constants[node.Outputs[0]] = constant;
        Nodes = [.. Nodes.Where(node => node.Type != "Constant" || !Constants.ContainsKey(node.Outputs.FirstOrDefault("")))];
    }

    private static OnnxConstant? ConstantOf(OnnxNode node) => node.Attributes.FirstOrDefault() switch
    {
        { Key: "value", Value: { Constant: { } constant } } => constant,
        { Key: "value_float", Value: var v } => OnnxConstant.Of(new Autograd.Shape([]), [v.Float]),
        { Key: "value_int", Value: var v } => OnnxConstant.Of(new Autograd.Shape([]), [v.Integer]),
        { Key: "value_floats", Value: { Floats: { } values } } => OnnxConstant.Of(new Autograd.Shape(values.Length), values),
        { Key: "value_ints", Value: { Integers: { } values } } => OnnxConstant.Of(values),
        _ => null,
    };

    /// <summary>Drops what the output does not depend on, and puts the rest in an order in which inputs come before.</summary>
    private void Tidy()
    {
        producers = [];
        foreach (OnnxNode node in Nodes)
            foreach (string output in node.Outputs.Where(output => output.Length > 0))
                producers[output] = node;
        List<OnnxNode> ordered = [];
        Dictionary<OnnxNode, bool> isDone = new(ReferenceEqualityComparer.Instance);
        Stack<(OnnxNode Node, int Next)> open = new();
        if (producers.TryGetValue(Output, out OnnxNode? last))
            open.Push((last, 0));
        while (open.TryPop(out var at))
        {
            var (node, next) = at;
            isDone.TryAdd(node, false);
            if (next == node.Inputs.Length)
            {
                isDone[node] = true;
                ordered.Add(node);
                continue;
            }
            open.Push((node, next + 1));
            if (!producers.TryGetValue(node.Inputs[next], out OnnxNode? input) || isDone.GetValueOrDefault(input))
                continue;
            if (isDone.ContainsKey(input))
                throw new UserErrorException($"{path}: {input} depends on its own output");
            open.Push((input, 0));
        }
        // Nodes keep the file's order where it is one; damaged files need not.
        Nodes = ordered;
        consumers = [];
        foreach (OnnxNode node in Nodes)
            foreach (string input in node.Inputs.Distinct())
                (consumers.TryGetValue(input, out List<OnnxNode>? users) ? users : consumers[input] = []).Add(node);
    }
}
