using Ascl.Models.Onnx.Import.Rewriting;

namespace Ascl.Models.Onnx.Import;

/// <summary>What in a graph weakens attacks.</summary>
internal static class OnnxFindings
{
    private const string TooHigh = "which masks gradients: accuracies under attacks by gradients are too high";

    /// <summary>A sentence for each kind of node that has no gradient or is random.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="images">Name of the images.</param>
    /// <param name="isStraightThrough">Whether nodes without a gradient pass it on.</param>
    public static IEnumerable<string> Of(EditedGraph graph, string images, bool isStraightThrough)
    {
        HashSet<string> ofImages = [images];
        foreach (OnnxNode node in graph.Nodes.Where(node => node.Type is not ("Shape" or "Size") && node.Inputs.Any(ofImages.Contains)))
            ofImages.UnionWith(node.Outputs);
        OnnxNode[] ofImage = [.. graph.Nodes.Where(node => ofImages.Contains(node.Outputs[0]))];
        OnnxNode[] steps = [.. ofImage.Where(IsStep)], choices = [.. ofImage.Where(node => IsChoice(graph, node))];
        if (steps.Length > 0)
        {
            yield return isStraightThrough
                ? $"{Names(steps)} without a gradient passes it on unchanged, as asked for"
                : $"{Names(steps)} has no gradient, {TooHigh}; pass gradients through (option straight-through), and look at attacks "
                    + "without gradients (square, noise)";
        }
        if (choices.Length > 0)
        {
            yield return $"{Names(choices)} has no gradient that could be passed on, {TooHigh}; look at attacks without gradients "
                + "(square, noise)";
        }
        OnnxNode[] random = [.. graph.Nodes.Where(IsRandom)];
        if (random.Length > 0)
            yield return $"{Names(random)} is random: accuracies vary between passes; attack autoattack-rand averages over several";
    }

    /// <summary>Whether a node draws random numbers.</summary>
    public static bool IsRandom(OnnxNode node) =>
        OnnxOperators.IsRandom(node.Type) || (node.Type == "Dropout" && node.Input(2).Length > 0);

    private static bool IsStep(OnnxNode node) => node.Type is "Round" or "Floor" or "Ceil" or "Sign"
        || (node.Type == "Cast" && node.Integer("to", 1) is not (1 or 9 or 10 or 11 or 16));

    /// <summary>Whether a node yields positions or truth values that are computed with as numbers. The condition of a Where only chooses
    /// between values that have gradients.</summary>
    private static bool IsChoice(EditedGraph graph, OnnxNode node) => node.Type == "ArgMax"
        || (node.Type == "Cast" && (node.Integer("to", 1) == 9
            ? node.Outputs[0] == graph.Output
            : graph.Producer(node.Inputs[0], "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Not", "And", "Or", "Cast")
                is { } of && (of.Type != "Cast" || of.Integer("to", 1) == 9)));

    private static string Names(OnnxNode[] nodes) => nodes.Length == 1 ? $"{nodes[0]}" : $"{nodes[0]} (and {nodes.Length - 1} more such)";
}
