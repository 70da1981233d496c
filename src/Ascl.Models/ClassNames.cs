using Ascl.Kernels.Diagnostics;

namespace Ascl.Models;

/// <summary>Names of classes, which say whether logits and labels mean the same.</summary>
public static class ClassNames
{
    private const int NamedDifferences = 3;

    /// <summary>Compares the names that a classifier was trained with to those of the images that it is shown, as far as both go. Case, white
    /// space, underscores for spaces and Unicode's two ways to write an accent are no differences. Names that are all numbers say nothing,
    /// unless the other side has the same numbers in another order.</summary>
    /// <param name="file">The weights, for messages.</param>
    /// <param name="ofWeights">By logit; null where they are not known.</param>
    /// <param name="data">The images, for messages.</param>
    /// <param name="ofData">By label.</param>
    /// <exception cref="UserErrorException">They differ: the line says where, and how to go on all the same.</exception>
    public static void Check(string file, IReadOnlyList<string>? ofWeights, string data, IReadOnlyList<string> ofData)
    {
        if (ofWeights is null)
            return;
        string[] weights = [.. ofWeights.Select(Plain)], images = [.. ofData.Select(Plain)];
        int[] different = [.. Enumerable.Range(0, Math.Min(weights.Length, images.Length)).Where(c => weights[c] != images[c])];
        bool areTheSame = weights.Order(StringComparer.Ordinal).SequenceEqual(images.Order(StringComparer.Ordinal));
        if (different.Length == 0 || (!areTheSame && (AreNumbers(weights) || AreNumbers(images))))
            return;
        string first = string.Join(", ", different.Take(NamedDifferences)
            .Select(c => $"class {c} is '{ofWeights[c]}' in the weights, '{ofData[c]}' in the data"));
        string more = different.Length > NamedDifferences ? $", and {different.Length - NamedDifferences} more differ" : "";
        string kind = areTheSame ? $"has the classes of {data} in another order" : $"has other classes than {data}";
        throw new UserErrorException($"{file}: {kind}: {first}{more}; --ignore-class-names takes them as they are");
    }

    private static bool AreNumbers(string[] names) => names.All(name => name.Length > 0 && name.All(char.IsAsciiDigit));

    private static string Plain(string name) =>
        ComposedText.Of(string.Join(' ', name.Replace('_', ' ').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).ToLowerInvariant());
}
