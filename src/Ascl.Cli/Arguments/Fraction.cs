using System.Globalization;

namespace Ascl.Cli.Arguments;

/// <summary>A non-negative number on the command line: 0.031, 1e-2 or 8/255. Remembers how it was written.</summary>
public sealed class Fraction
{
    private readonly string text;

    /// <exception cref="FormatException">The text is not such a number.</exception>
    public Fraction(string text)
    {
        this.text = text;
        string[] parts = text.Split('/');
        Value = parts.Length switch
        {
            1 => Number(parts[0]),
            2 => Number(parts[0]) / Number(parts[1]),
            _ => double.NaN,
        };
        if (Value < 0)
            throw new FormatException($"'{text}' is negative");
        if (!double.IsFinite(Value))
            throw new FormatException($"'{text}' is not a number such as 0.031, 1e-2 or 8/255");
    }

    public double Value { get; }

    public override string ToString() => text;

    private static double Number(string part) =>
        double.TryParse(part, NumberStyles.Float & ~NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out double number)
            ? number
            : double.NaN;
}
