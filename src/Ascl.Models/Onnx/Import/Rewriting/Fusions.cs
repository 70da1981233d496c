namespace Ascl.Models.Onnx.Import.Rewriting;

/// <summary>Rules that replace several nodes by one that computes the same in one pass over memory.</summary>
internal static class Fusions
{
    private static readonly long[] ToChannelsLast = [0, 2, 3, 1], ToChannelsFirst = [0, 3, 1, 2];

    public static void Apply(EditedGraph graph)
    {
        graph.Exhaust(DropIdentity);
        graph.Exhaust(JoinTransposes);
        graph.Exhaust(LayerNorms.Find);
        graph.Exhaust(LayerNormOverChannels);
        graph.Exhaust(Gelu);
        graph.Exhaust(Gates);
        graph.Exhaust(ChannelShuffle);
        graph.Exhaust(Linear);
        graph.Exhaust(ConvolutionAndNorm);
        graph.Exhaust(Residual);
        graph.Exhaust(Rectified);
    }

    private static bool DropIdentity(EditedGraph graph, OnnxNode node)
    {
        bool isIdentity = node.Type == "Identity" || (node.Type == "Dropout" && node.Input(2).Length == 0);
        // An identity of the graph's input stays if it is also the output.
        if (!isIdentity || (node.Outputs[0] == graph.Output && graph.Producer(node.Inputs[0]) is null))
            return false;
        graph.Alias(node.Outputs[0], node.Inputs[0]);
        return true;
    }

    private static bool JoinTransposes(EditedGraph graph, OnnxNode node)
    {
        if (node.Type != "Transpose" || node.Integers("perm") is not { } outer)
            return false;
        if (outer.Index().All(axis => axis.Index == axis.Item))
        {
            graph.Alias(node.Outputs[0], node.Inputs[0]);
            return true;
        }
        if (graph.Producer(node.Inputs[0], "Transpose") is not { } before || before.Integers("perm") is not { } inner
            || inner.Length != outer.Length || !Array.TrueForAll(outer, axis => axis >= 0 && axis < inner.Length))
            return false;
        long[] joined = [.. outer.Select(axis => inner[axis])];
        graph.Replace([node], OnnxNode.InPlaceOf(node, "Transpose", [before.Inputs[0]], ("perm", joined)));
        return true;
    }

    private static bool LayerNormOverChannels(EditedGraph graph, OnnxNode node)
    {
        if (node.Type != "LayerNormalization" || node.Integer("axis", -1) is not (-1 or 3) || !IsTransposed(graph, node.Inputs[0])
            || graph.Next(node, "Transpose") is not { } after || after.Integers("perm")?.SequenceEqual(ToChannelsFirst) != true)
            return false;
        string x = graph.Producer(node.Inputs[0])!.Inputs[0];
        graph.Replace([node, after], OnnxNode.InPlaceOf(after, "ascl.LayerNormChannels", [x, .. node.Inputs[1..]],
            ("epsilon", node.Float("epsilon", 1e-5f))));
        return true;
    }

    private static bool IsTransposed(EditedGraph graph, string name) =>
        graph.Producer(name, "Transpose")?.Integers("perm")?.SequenceEqual(ToChannelsLast) == true;

    /// <summary>x·½·(1 + erf(x/√2)), in the orders that exporters write.</summary>
    private static bool Gelu(EditedGraph graph, OnnxNode erf)
    {
        if (erf.Type != "Erf" || graph.Producer(erf.Inputs[0], "Div", "Mul") is not { } scaled || graph.WithNumber(scaled) is not { } by
            || Math.Abs((scaled.Type == "Div" ? by.Number : 1 / by.Number) - MathF.Sqrt(2)) > 1e-5
            || graph.Next(erf, "Add") is not { } plusOne || graph.WithNumber(plusOne) is not { Number: 1 }
            || graph.Next(plusOne, "Mul") is not { } product)
            return false;
        string x = by.Value, other = EditedGraph.Other(product, plusOne.Outputs[0]);
        OnnxNode last;
        if (other == x && graph.Next(product, "Mul", "Div") is { } half && graph.WithNumber(half) is { } factor
            && factor.Number == (half.Type == "Mul" ? 0.5f : 2))
            last = half;
        else if (graph.Producer(other, "Mul") is { } halved && graph.WithNumber(halved) is { Number: 0.5f } own && own.Value == x)
            last = product;
        else if (other.Length > 0 && graph.Number(other) == 0.5f && graph.Next(product, "Mul") is { } times
            && EditedGraph.Other(times, product.Outputs[0]) == x)
            last = times;
        else
            return false;
        graph.Replace([erf, plusOne, product, last], OnnxNode.InPlaceOf(last, "Gelu", [x]));
        return true;
    }

    /// <summary>x·σ(x), and x·hardsigmoid(x) with hard-swish's constants.</summary>
    private static bool Gates(EditedGraph graph, OnnxNode node)
    {
        if (node.Type is not ("Sigmoid" or "HardSigmoid") || graph.Next(node, "Mul") is not { } product
            || EditedGraph.Other(product, node.Outputs[0]) != node.Inputs[0])
            return false;
        bool isHard = node.Type == "HardSigmoid";
        if (isHard && (Math.Abs(node.Float("alpha", 0.2f) - 1 / 6f) > 1e-6 || node.Float("beta", 0.5f) != 0.5f))
            return false;
        graph.Replace([node, product], OnnxNode.InPlaceOf(product, isHard ? "HardSwish" : "ascl.Silu", [node.Inputs[0]]));
        return true;
    }

    private static bool ChannelShuffle(EditedGraph graph, OnnxNode node)
    {
        if (node.Type != "Transpose" || node.Integers("perm")?.SequenceEqual([0L, 2, 1, 3, 4]) != true
            || graph.Producer(node.Inputs[0], "Reshape") is not { } apart || graph.OnlyConsumer(apart.Outputs[0]) != node
            || graph.Next(node, "Reshape") is not { } back || apart.Inputs.Length != 2 || back.Inputs.Length != 2)
            return false;
        graph.Replace([apart, node, back],
            OnnxNode.InPlaceOf(back, "ascl.ChannelShuffle", [apart.Inputs[0], apart.Inputs[1], back.Inputs[1]]));
        return true;
    }

    private static bool Linear(EditedGraph graph, OnnxNode node)
    {
        if (node.Type != "MatMul" || !graph.Constants.TryGetValue(node.Inputs[1], out OnnxConstant? weight) || weight.Shape.Rank != 2
            || graph.Next(node, "Add") is not { } add)
            return false;
        string bias = EditedGraph.Other(add, node.Outputs[0]);
        if (!graph.Constants.TryGetValue(bias, out OnnxConstant? values) || values.Shape.Rank != 1 || values.Length != weight.Shape[1])
            return false;
        graph.Replace([node, add], OnnxNode.InPlaceOf(add, "ascl.Linear", [node.Inputs[0], node.Inputs[1], bias]));
        return true;
    }

    private static bool ConvolutionAndNorm(EditedGraph graph, OnnxNode node)
    {
        if (node.Type != "Conv" || graph.Next(node, "BatchNormalization") is not { } norm || norm.Inputs[0] != node.Outputs[0]
            || norm.Integer("training_mode", 0) != 0 || norm.Inputs.Length != 5)
            return false;
        Dictionary<string, OnnxAttribute> attributes = new(node.Attributes) { ["epsilon"] = norm.Float("epsilon", 1e-5f) };
        graph.Replace([node, norm],
            new("ascl.Conv", node.Name, [node.Inputs[0], node.Inputs[1], node.Input(2), .. norm.Inputs[1..]], norm.Outputs, attributes));
        return true;
    }

    /// <summary>A convolution followed by the addition of another computed value.</summary>
    private static bool Residual(EditedGraph graph, OnnxNode node)
    {
        if (node.Type is not ("Conv" or "ascl.Conv") || node.Input(7).Length > 0 || graph.Next(node, "Add") is not { } add)
            return false;
        string other = EditedGraph.Other(add, node.Outputs[0]);
        if (other == node.Outputs[0] || graph.Producer(other) is null || graph.Constants.ContainsKey(other))
            return false;
        string[] inputs = [.. Enumerable.Range(0, 7).Select(node.Input), other];
        graph.Replace([node, add], new("ascl.Conv", node.Name, inputs, add.Outputs, node.Attributes));
        return true;
    }

    private static bool Rectified(EditedGraph graph, OnnxNode node)
    {
        if (node.Type is not ("Conv" or "ascl.Conv" or "BatchNormalization") || node.Integer("relu", 0) != 0
            || graph.Next(node, "Relu", "Clip") is not { } relu || Limit(graph, relu) is not { } limit
            || (node.Type == "BatchNormalization" && !float.IsPositiveInfinity(limit)))
            return false;
        Dictionary<string, OnnxAttribute> attributes = new(node.Attributes) { ["relu"] = 1, ["limit"] = limit };
        string type = node.Type == "Conv" ? "ascl.Conv" : node.Type;
        graph.Replace([node, relu], new(type, node.Name, node.Inputs, relu.Outputs, attributes));
        return true;
    }

    /// <summary>The upper bound of a ReLU, or of a Clip that is one; null for other Clips.</summary>
    private static float? Limit(EditedGraph graph, OnnxNode node)
    {
        if (node.Type == "Relu")
            return float.PositiveInfinity;
        // The bounds are attributes up to operator set 10, inputs after.
        float? low = node.Input(1).Length > 0 ? graph.Number(node.Input(1)) : node.Float("min", float.NegativeInfinity);
        float? high = node.Input(2).Length > 0 ? graph.Number(node.Input(2)) : node.Float("max", float.PositiveInfinity);
        return low == 0 && high > 0 ? high : null;
    }
}
