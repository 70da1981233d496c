using Ascl.Autograd;

namespace Ascl.Models.Onnx.Import;

/// <summary>
/// The stages of a graph: the activations that a study of its representations looks at. They are chosen from the values of convolutions,
/// sums and concatenations: the sums of residual blocks and the last of each other size, or, where these are many, the last of each size.
/// </summary>
internal static class OnnxStages
{
    private const int Most = 12;

    /// <summary>Names that a study gives to what follows the stages.</summary>
    private static readonly string[] Taken = ["latent", "projection", "logits"];

    /// <summary>Whether a node's value may be a stage.</summary>
    public static bool MayBe(OnnxNode node, OnnxValue value) =>
        value.IsActivation && value.Shape[2] * value.Shape[3] > 1
        && node.Type is "ascl.Conv" or "Conv" or "ConvTranspose" or "Concat" or "Add";

    /// <summary>The stages among all values that may be one, in the order of the graph, with readable names that differ.</summary>
    public static IEnumerable<(string Name, Tensor Value)> Of(IReadOnlyList<(OnnxNode Node, Tensor Value)> values)
    {
        int[] sums = [.. Enumerable.Range(0, values.Count).Where(i => IsSum(values[i].Node))];
        int[][] choices =
        [
            [.. sums, .. LastOf(shape => (shape[1], shape[2], shape[3]), except: sums)],
            [.. sums, .. LastOf(shape => (shape[2], shape[3]), except: sums)],
            LastOf(shape => (shape[1], shape[2], shape[3]), except: []),
        ];
        int[] chosen = Array.Find(choices, choice => choice.Length <= Most) ?? LastOf(shape => (shape[2], shape[3]), except: []);
        HashSet<string> names = [.. Taken];
        foreach (int i in chosen.Order())
        {
            string name = NameOf(values[i].Node, i + 1), unique = name;
            for (int n = 2; !names.Add(unique); n++)
                unique = $"{name} ({n})";
            yield return (unique, values[i].Value);
        }

        // Of sizes that the excepted ones have, there is none.
        int[] LastOf<T>(Func<Shape, T> of, int[] except)
        {
            HashSet<T> known = [.. except.Select(i => of(values[i].Value.Shape))];
            return [.. Enumerable.Range(0, values.Count).Reverse().Where(i => known.Add(of(values[i].Value.Shape)))];
        }
    }

    /// <summary>
    /// "layer1.0.conv2" for PyTorch's "/layer1/layer1.0/conv2/Conv"; for the sum of a block, which is computed by its last convolution,
    /// that of the block. "conv 7" for a node without a name.
    /// </summary>
    /// <param name="node">The node that computes the value.</param>
    /// <param name="number">Number of the value, for nodes without a name.</param>
    internal static string NameOf(OnnxNode node, int number)
    {
        string type = node.Type[(node.Type.IndexOf('.', StringComparison.Ordinal) + 1)..];
        List<string> parts = [.. node.Name.Split('/', StringSplitOptions.RemoveEmptyEntries)];
        if (parts.Count > 1 && parts[^1].StartsWith(type, StringComparison.Ordinal))
            parts.RemoveAt(parts.Count - 1);
        // PyTorch repeats the name of a module before those of its parts: layer1/layer1.0.
        parts = [.. parts.Where((part, i) => i + 1 == parts.Count || !parts[i + 1].StartsWith($"{part}.", StringComparison.Ordinal))];
        if (node.Type == "ascl.Conv" && IsSum(node) && parts.Count > 1)
            parts.RemoveAt(parts.Count - 1);
        string name = string.Join('.', parts);
        bool isReadable = name.Any(char.IsAsciiLetter) && !name.Contains("::", StringComparison.Ordinal);
        return isReadable ? name : $"{type.ToLowerInvariant()} {number}";
    }

    private static bool IsSum(OnnxNode node) => node.Type == "Add" || (node.Type == "ascl.Conv" && node.Input(7).Length > 0);
}
