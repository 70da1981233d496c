using Ascl.Core.Diagnostics;

namespace Ascl.Models.Onnx.Import;

/// <summary>Replaces the calls of functions that a file defines (PyTorch's newer exporter writes layers as such) by their nodes.</summary>
internal static class OnnxFunctions
{
    private const int MostDepth = 16, MostNodes = 100_000;

    public static OnnxSubgraph Inlined(OnnxSubgraph graph, Dictionary<string, OnnxGraphReader.Function> functions, string path)
    {
        if (functions.Count == 0)
            return graph;
        List<OnnxNode> nodes = [];
        int calls = 0;
        foreach (OnnxNode node in graph.Nodes)
            Add(node, MostDepth);
        return graph with { Nodes = nodes };

        void Add(OnnxNode node, int depth)
        {
            if (!functions.TryGetValue(node.Type, out OnnxGraphReader.Function? function))
            {
                nodes.Add(node);
                return;
            }
            if (depth == 0 || nodes.Count > MostNodes || calls > MostNodes)
                throw new UserErrorException($"{path}: function {node.Type} calls itself, or functions are nested too deeply");
            string prefix = $"{node.Name}#{calls++}/";
            Dictionary<string, string> names = new() { [""] = "" };
            foreach (var (i, name) in function.Inputs.Index())
                names[name] = node.Input(i);
            foreach (var (i, name) in function.Outputs.Index())
                names[name] = i < node.Outputs.Length && node.Outputs[i].Length > 0 ? node.Outputs[i] : prefix + name;
            foreach (OnnxNode inner in function.Nodes)
            {
                Dictionary<string, OnnxAttribute> attributes = [];
                foreach (var (key, value) in inner.Attributes)
                {
                    // An attribute that refers to one of the call's; left out where the call does not give it.
                    if (value.Reference.Length == 0)
                        attributes[key] = value;
                    else if (node.Attributes.TryGetValue(value.Reference, out OnnxAttribute? given))
                        attributes[key] = given;
                }
                Add(new(inner.Type, $"{node.Name}/{inner.Name}", [.. inner.Inputs.Select(Renamed)], [.. inner.Outputs.Select(Renamed)],
                    attributes), depth - 1);
            }

            string Renamed(string name) => names.TryGetValue(name, out string? known) ? known : names[name] = prefix + name;
        }
    }
}
