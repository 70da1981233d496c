using System.Globalization;

namespace Ascl.Cli.Arguments;

/// <summary>Whole numbers on the command line, with commas between them: 100,105.</summary>
public sealed class WholeNumbers
{
    /// <exception cref="FormatException">It is not such a list.</exception>
    public WholeNumbers(string text) => Values =
    [
        .. text.Split(',').Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : throw new FormatException($"'{text}' is not a list of whole numbers such as 100,105")),
    ];

    public IReadOnlyList<int> Values { get; }

    public override string ToString() => string.Join(',', Values);
}

/// <summary>Numbers on the command line, with commas between them: 4/255,8/255.</summary>
public sealed class Fractions
{
    /// <exception cref="FormatException">It is not such a list.</exception>
    public Fractions(string text)
    {
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        Values = parts.Length > 0
            ? [.. parts.Select(part => new Fraction(part).Value)]
            : throw new FormatException($"'{text}' names no number");
    }

    public IReadOnlyList<double> Values { get; }
}

/// <summary>Words on the command line, with commas between them: fgsm,pgd.</summary>
public sealed class Words
{
    /// <exception cref="FormatException">It holds no word.</exception>
    public Words(string text)
    {
        Values = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (Values.Count == 0)
            throw new FormatException($"'{text}' names nothing");
    }

    public IReadOnlyList<string> Values { get; }
}
