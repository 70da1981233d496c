using Ascl.Autograd;

namespace Ascl.Models.Onnx.Import.Rewriting;

/// <summary>What a model has before the network and after the logits: input normalisation and softmax.</summary>
internal static class Ends
{
    /// <summary>Takes a softmax off the output, so that attacks work on logits.</summary>
    /// <returns>What was found; null for nothing.</returns>
    public static string? WithoutSoftmax(EditedGraph graph)
    {
        string? found = null;
        // Over another axis than that of the classes it is part of the model. Up to operator set 12, axis 1 is what is not given.
        while (graph.Producer(graph.Output, "Softmax", "LogSoftmax", "Identity") is { } node && node.Integer("axis", -1) is 1 or -1)
        {
            if (node.Type != "Identity")
                found = node.Type == "Softmax" ? "softmax" : "log-softmax";
            graph.Alias(node.Outputs[0], node.Inputs[0]);
        }
        return found;
    }

    /// <summary>Takes off dropout that a constant says is not in training mode, or has ratio 0.</summary>
    public static bool DropIdleDropout(EditedGraph graph, OnnxNode node)
    {
        bool isIdle = node.Type == "Dropout" && node.Input(2).Length > 0
            && (graph.Number(node.Input(2)) == 0 || graph.Number(node.Input(1)) == 0);
        if (isIdle)
            graph.Alias(node.Outputs[0], node.Inputs[0]);
        return isIdle;
    }

    /// <summary>Takes the input normalisation off the images: factors and terms of each channel, one after another.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="input">Name of the images [N, C, H, W].</param>
    /// <param name="channels">Their channels.</param>
    /// <returns>Mean and standard deviation of each channel; null if there is none.</returns>
    public static (float[] Mean, float[] Std)? Normalization(EditedGraph graph, string input, int channels)
    {
        double[] factor = [.. Enumerable.Repeat(1.0, channels)], term = new double[channels];
        (input, bool isChannelsLast) = AfterCasts(graph, input);
        string at = input;
        while (graph.OnlyConsumer(at) is { Type: "Sub" or "Div" or "Mul" or "Add" } node
            && Applied(graph, node, at, isChannelsLast, factor, term) is var (nextFactor, nextTerm))
            (factor, term, at) = (nextFactor, nextTerm, node.Outputs[0]);
        if (at == input)
            return null;
        graph.Alias(at, input);
        return ([.. term.Select((b, c) => (float)(-b / factor[c]))], [.. factor.Select(f => (float)(1 / f))]);
    }

    /// <summary>The value that is normalised, if any is: the images, after casts between types of floats, which are taken off, and a
    /// transposition to channels last.</summary>
    private static (string Name, bool IsChannelsLast) AfterCasts(EditedGraph graph, string images)
    {
        string name = images;
        bool isChannelsLast = false;
        while (graph.OnlyConsumer(name) is { } node)
        {
            if (node.Type == "Cast" && node.Integer("to", 1) is 1 or 10 or 11 or 16)
                graph.Alias(node.Outputs[0], name);
            else if (node.Type == "Transpose" && !isChannelsLast && node.Integers("perm") is [0, 2, 3, 1])
                (name, isChannelsLast) = (node.Outputs[0], true);
            else if (node.Type == "Transpose" && isChannelsLast && node.Integers("perm") is [0, 3, 1, 2])
            {
                graph.Alias(node.Outputs[0], images);
                (name, isChannelsLast) = (images, false);
            }
            else
                break;
        }
        return (name, isChannelsLast);
    }

    /// <summary>factor·x + term after a node; null if it is no such thing, or a factor would not be positive.</summary>
    private static (double[] Factor, double[] Term)? Applied(
        EditedGraph graph, OnnxNode node, string x, bool isChannelsLast, double[] factor, double[] term)
    {
        if (node.Inputs.Length != 2 || (node.Type is "Sub" or "Div" && node.Inputs[0] != x)
            || !graph.Constants.TryGetValue(EditedGraph.Other(node, x), out OnnxConstant? constant)
            || OfChannels(constant, factor.Length, isChannelsLast) is not { } values)
            return null;
        var (factors, terms) = node.Type switch
        {
            "Sub" => (factor, [.. term.Zip(values, (b, v) => b - v)]),
            "Add" => (factor, [.. term.Zip(values, (b, v) => b + v)]),
            "Mul" => ([.. factor.Zip(values, (a, v) => a * v)], [.. term.Zip(values, (b, v) => b * v)]),
            _ => ((double[])[.. factor.Zip(values, (a, v) => a / v)], (double[])[.. term.Zip(values, (b, v) => b / v)]),
        };
        return Array.TrueForAll(factors, f => f > 0 && double.IsFinite(f)) ? (factors, terms) : null;
    }

    /// <summary>A constant that broadcasts along [N, C, H, W], or [N, H, W, C], with one value a channel; null if it is none.</summary>
    private static float[]? OfChannels(OnnxConstant constant, int channels, bool isChannelsLast)
    {
        Shape shape = constant.Shape;
        if (constant.Length == 1)
            return [.. Enumerable.Repeat(constant.Float, channels)];
        int axis = shape.Rank - (isChannelsLast ? 1 : 3);
        return constant.Length == channels && shape.Rank <= 4 && axis >= 0 && shape[axis] == channels ? constant.Floats : null;
    }
}
