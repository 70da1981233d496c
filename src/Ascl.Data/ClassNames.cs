using Ascl.Core.Diagnostics;

namespace Ascl.Data;

/// <summary>Compares class names of weights and data, to detect that logits and labels number the classes differently.</summary>
public static class ClassNames
{
    private const int NamedDifferences = 3;

    /// <summary>Describes where the class names of a classifier and of images differ, up to the shorter list; null where they do not. Case,
    /// white space, underscores for spaces and Unicode normalisation are ignored. Names that are all numbers match any names, unless both
    /// sides have the same numbers in another order.</summary>
    /// <param name="ofWeights">The classifier's names by logit; null where they are not known.</param>
    /// <param name="data">Name of the images in the text.</param>
    /// <param name="ofData">The images' class names by label.</param>
    /// <param name="weights">What the text calls the classifier.</param>
    public static string? Difference(
        IReadOnlyList<string>? ofWeights, string data, IReadOnlyList<string> ofData, string weights = "the weights")
    {
        if (ofWeights is null)
            return null;
        string[] names = [.. ofWeights.Select(Plain)], images = [.. ofData.Select(Plain)];
        int[] different = [.. Enumerable.Range(0, Math.Min(names.Length, images.Length)).Where(c => names[c] != images[c])];
        bool areTheSame = names.Order(StringComparer.Ordinal).SequenceEqual(images.Order(StringComparer.Ordinal));
        if (different.Length == 0 || (!areTheSame && (AreNumbers(names) || AreNumbers(images))))
            return null;
        string first = string.Join(", ", different.Take(NamedDifferences)
            .Select(c => $"class {c} is '{ofWeights[c]}' in {weights}, '{ofData[c]}' in the data"));
        string more = different.Length > NamedDifferences ? $", and {different.Length - NamedDifferences} more differ" : "";
        string kind = areTheSame ? $"has the classes of {data} in another order" : $"has other classes than {data}";
        return $"{kind}: {first}{more}";
    }

    /// <summary>Refuses weights whose class names differ from those of the images, as by <see cref="Difference"/>.</summary>
    /// <param name="file">Name of the weights in the message.</param>
    /// <param name="ofWeights">The classifier's names by logit; null where they are not known.</param>
    /// <param name="data">Name of the images in the message.</param>
    /// <param name="ofData">The images' class names by label.</param>
    /// <exception cref="UserErrorException">They differ; the message says where.</exception>
    public static void Check(string file, IReadOnlyList<string>? ofWeights, string data, IReadOnlyList<string> ofData)
    {
        if (Difference(ofWeights, data, ofData) is { } difference)
            throw new UserErrorException($"{file}: {difference}; set ignore-class-names to use the class numbers as they are");
    }

    private static bool AreNumbers(string[] names) => names.All(name => name.Length > 0 && name.All(char.IsAsciiDigit));

    private static string Plain(string name)
    {
        string[] words = name.Replace('_', ' ').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return ComposedText.Of(string.Join(' ', words).ToLowerInvariant());
    }
}
