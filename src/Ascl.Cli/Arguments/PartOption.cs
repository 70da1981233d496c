using System.Globalization;
using Ascl.Core.Diagnostics;

namespace Ascl.Cli.Arguments;

/// <summary>The option --part K/N: the K-th of N parts of some work, for job arrays.</summary>
internal static class PartOption
{
    /// <summary>The part, from 0, and the number of parts.</summary>
    /// <exception cref="UserErrorException">It is not K/N with 1 ≤ K ≤ N.</exception>
    public static (int Part, int Parts) Read(string text) =>
        text.Split('/') is [var k, var n] && int.TryParse(k, NumberStyles.None, CultureInfo.InvariantCulture, out int part)
            && int.TryParse(n, NumberStyles.None, CultureInfo.InvariantCulture, out int parts) && part >= 1 && part <= parts
            ? (part - 1, parts)
            : throw new UserErrorException($"--part {text}: must be K/N with K from 1 to N, such as 3/16");
}
