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
