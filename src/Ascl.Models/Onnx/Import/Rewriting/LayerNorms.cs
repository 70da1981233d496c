namespace Ascl.Models.Onnx.Import.Rewriting;

/// <summary>Finds LayerNorm over the last axis where it is written out as means, differences and a root.</summary>
internal static class LayerNorms
{
    /// <summary>(x − mean) / √(mean((x − mean)²) + ε), then · scale and + bias where they follow.</summary>
    public static bool Find(EditedGraph graph, OnnxNode div)
    {
        if (div.Type != "Div" || graph.Producer(div.Inputs[0], "Sub") is not { } centred
            || graph.Producer(div.Inputs[1], "Sqrt") is not { } root || graph.Producer(root.Inputs[0], "Add") is not { } plus
            || graph.WithNumber(plus) is not { } epsilon || !IsMeanOfLast(graph, epsilon.Value, out string square)
            || SquareRoot(graph, square) is not { } difference || graph.Producer(difference, "Sub") is not { } again
            || !again.Inputs.SequenceEqual(centred.Inputs) || !IsMeanOfLast(graph, centred.Inputs[1], out string x)
            || x != centred.Inputs[0])
            return false;
        List<OnnxNode> nodes = [div];
        OnnxNode last = div;
        string scale = "", bias = "";
        if (graph.Next(last, "Mul") is { } times && Vector(graph, times, last) is { } factor)
        {
            (scale, last) = (factor, times);
            nodes.Add(times);
        }
        if (graph.Next(last, "Add") is { } add && Vector(graph, add, last) is { } term)
        {
            (bias, last) = (term, add);
            nodes.Add(add);
        }
        graph.Replace(nodes, OnnxNode.InPlaceOf(last, "LayerNormalization", [x, scale, bias], ("epsilon", epsilon.Number), ("axis", -1L)));
        return true;
    }

    private static bool IsMeanOfLast(EditedGraph graph, string name, out string of)
    {
        OnnxNode? mean = graph.Producer(name, "ReduceMean");
        of = mean?.Inputs[0] ?? "";
        long[]? axes = mean?.Integers("axes") ?? (mean is { Inputs.Length: 2 }
            ? graph.Constants.GetValueOrDefault(mean.Inputs[1])?.Integers : null);
        return mean is not null && axes is [-1] && mean.Integer("keepdims", 1) != 0;
    }

    /// <summary>The value whose square this is; null if it is none.</summary>
    private static string? SquareRoot(EditedGraph graph, string name) =>
        graph.Producer(name, "Pow") is { } power && graph.Number(power.Inputs[1]) == 2 ? power.Inputs[0]
        : graph.Producer(name, "Mul") is { } product && product.Inputs[0] == product.Inputs[1] ? product.Inputs[0]
        : null;

    /// <summary>The other operand if it is a constant vector.</summary>
    private static string? Vector(EditedGraph graph, OnnxNode node, OnnxNode before)
    {
        string other = EditedGraph.Other(node, before.Outputs[0]);
        return graph.Constants.TryGetValue(other, out OnnxConstant? vector) && vector.Shape.Rank == 1 ? other : null;
    }
}
