using Ascl.Core.Diagnostics;

namespace Ascl.Data;

/// <summary>Names of classes, which say whether logits and labels mean the same.</summary>
public static class ClassNames
{
    private const int NamedDifferences = 3;

    /// <summary>Where the names that a classifier was trained with and those of the images that it is shown differ, as far as both go; null where
    /// they do not. Case, white space, underscores for spaces and Unicode's two ways to write an accent are no differences. Names that are all
    /// numbers say nothing, unless the other side has the same numbers in another order.</summary>
    /// <param name="ofWeights">By logit; null where they are not known.</param>
    /// <param name="data">The images, for the text.</param>
    /// <param name="ofData">By label.</param>
    public static string? Difference(IReadOnlyList<string>? ofWeights, string data, IReadOnlyList<string> ofData)
    {
        if (ofWeights is null)
            return null;
        string[] weights = [.. ofWeights.Select(Plain)], images = [.. ofData.Select(Plain)];
        int[] different = [.. Enumerable.Range(0, Math.Min(weights.Length, images.Length)).Where(c => weights[c] != images[c])];
        bool areTheSame = weights.Order(StringComparer.Ordinal).SequenceEqual(images.Order(StringComparer.Ordinal));
        if (different.Length == 0 || (!areTheSame && (AreNumbers(weights) || AreNumbers(images))))
            return null;
        string first = string.Join(", ", different.Take(NamedDifferences)
            .Select(c => $"class {c} is '{ofWeights[c]}' in the weights, '{ofData[c]}' in the data"));
        string more = different.Length > NamedDifferences ? $", and {different.Length - NamedDifferences} more differ" : "";
        string kind = areTheSame ? $"has the classes of {data} in another order" : $"has other classes than {data}";
        return $"{kind}: {first}{more}";
    }

    /// <summary>Refuses weights whose classes differ from those of the images.</summary>
    /// <param name="file">The weights, for the message.</param>
    /// <inheritdoc cref="Difference"/>
    /// <exception cref="UserErrorException">They differ: the line says where, and how to go on all the same.</exception>
    public static void Check(string file, IReadOnlyList<string>? ofWeights, string data, IReadOnlyList<string> ofData)
    {
        if (Difference(ofWeights, data, ofData) is { } difference)
            throw new UserErrorException($"{file}: {difference}; --ignore-class-names takes them as they are");
    }

    private static bool AreNumbers(string[] names) => names.All(name => name.Length > 0 && name.All(char.IsAsciiDigit));

    private static string Plain(string name) =>
        ComposedText.Of(string.Join(' ', name.Replace('_', ' ').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)).ToLowerInvariant());
}
