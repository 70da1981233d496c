using Ascl.Autograd;

namespace Ascl.Models.Onnx.Import;

/// <summary>A file's graph before its nodes were fused, between input normalisation and softmax: what an export writes again.</summary>
/// <param name="Opset">Version of the operators.</param>
/// <param name="Nodes">The nodes, all of ONNX's own operators.</param>
/// <param name="Constants">Weights as they were in the file, and other constants.</param>
/// <param name="Images">Name of the normalised images [N, C, H, W].</param>
/// <param name="Logits">Name of the logits.</param>
/// <param name="Batch">Batch size that the graph fixes; null for any.</param>
internal sealed record OnnxSource(
    int Opset, IReadOnlyList<OnnxNode> Nodes, IReadOnlyDictionary<string, OnnxConstant> Constants, string Images, string Logits,
    int? Batch = null)
{
    private const long Float32 = 1;

    /// <summary>Adds the graph to another.</summary>
    /// <param name="graph">The graph that is written.</param>
    /// <param name="images">Name of the normalised images in it.</param>
    /// <param name="reserved">Names that the graph has for values of its own.</param>
    /// <param name="weights">What weights are now, by name.</param>
    /// <returns>Name of the logits in it.</returns>
    public string AddTo(OnnxGraph graph, string images, IReadOnlyCollection<string> reserved, IReadOnlyDictionary<string, Tensor> weights)
    {
        foreach (string name in Nodes.SelectMany(node => node.Inputs).Where(Constants.ContainsKey).Distinct())
        {
            OnnxConstant constant = Constants[name];
            if (weights.TryGetValue(name, out Tensor? weight))
                graph.Constant(Renamed(name), constant.Shape.Sizes, weight.ToArray());
            else if (constant.IsFloat)
                graph.Constant(Renamed(name), constant.Shape.Sizes, constant.Floats);
            else
                graph.Constant(Renamed(name), constant.Shape.Sizes, constant.Integers);
        }
        foreach (OnnxNode node in Nodes)
            graph.Add(node.Type, node.Name, [.. node.Inputs.Select(Renamed)], [.. node.Outputs.Select(Renamed)],
                [.. node.Attributes.Select(attribute => (attribute.Key, ValueOf(node, attribute.Key, attribute.Value)))]);
        return Renamed(Logits);

        string Renamed(string name)
        {
            if (name == Images)
                return images;
            while (reserved.Contains(name))
                name += "_";
            return name;
        }
    }

    private static object ValueOf(OnnxNode node, string name, OnnxAttribute value) => value.Kind switch
    {
        1 => value.Float,
        // All numbers are float32 here.
        2 => node.Type == "Cast" && name == "to" && value.Integer is 10 or 11 or 16 ? Float32 : value.Integer,
        3 => value.Text,
        4 => value.Constant!,
        6 => value.Floats!,
        _ => value.Integers!,
    };
}
