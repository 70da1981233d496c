using System.Globalization;

namespace Ascl.Cli.Arguments;

/// <summary>A comma-separated list of whole numbers: 100,105.</summary>
public sealed class WholeNumbers
{
    /// <exception cref="FormatException">The text is not such a list.</exception>
    public WholeNumbers(string text) => Values =
    [
        .. text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException($"'{text}' is not a list of whole numbers such as 100,105")),
    ];

    public IReadOnlyList<int> Values { get; }

    public override string ToString() => string.Join(',', Values);
}

/// <summary>A comma-separated list of numbers: 4/255,8/255.</summary>
public sealed class Fractions
{
    /// <exception cref="FormatException">The text is not such a list.</exception>
    public Fractions(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        Values = parts.Length > 0
            ? [.. parts.Select(part => new Fraction(part).Value)]
            : throw new FormatException($"'{text}' is an empty list: give at least one number");
    }

    public IReadOnlyList<double> Values { get; }
}

/// <summary>A comma-separated list of words: fgsm,pgd.</summary>
public sealed class Words
{
    /// <exception cref="FormatException">The list is empty.</exception>
    public Words(string text)
    {
        Values = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Values.Count == 0)
            throw new FormatException($"'{text}' is an empty list: give at least one name");
    }

    public IReadOnlyList<string> Values { get; }
}
