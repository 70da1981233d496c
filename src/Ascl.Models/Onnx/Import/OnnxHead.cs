using Ascl.Models.Onnx.Import.Rewriting;

namespace Ascl.Models.Onnx.Import;

/// <summary>The last linear layer of a graph.</summary>
/// <param name="Logits">Name of its output.</param>
/// <param name="Latent">Name of its input; that of the logits where the graph does not end in a linear layer.</param>
/// <param name="Prefix">Name prefix of its weights; empty if they have no common one.</param>
internal sealed record OnnxHead(string Logits, string Latent, string Prefix)
{
    public static OnnxHead Of(EditedGraph graph)
    {
        if (graph.Producer(graph.Output, "Gemm", "ascl.Linear", "MatMul") is not { } linear
            || !graph.Constants.ContainsKey(linear.Inputs[1]))
            return new(graph.Output, graph.Output, "");
        int dot = linear.Inputs[1].LastIndexOf('.');
        string prefix = dot > 0 ? linear.Inputs[1][..(dot + 1)] : "";
        return new(graph.Output, linear.Inputs[0], linear.Input(2).StartsWith(prefix, StringComparison.Ordinal) ? prefix : "");
    }
}
