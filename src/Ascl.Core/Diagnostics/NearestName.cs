namespace Ascl.Core.Diagnostics;

/// <summary>Suggestions for misspelled names.</summary>
public static class NearestName
{
    /// <summary>The valid name with the smallest edit distance, null if none is close enough to be a typo.</summary>
    public static string? Of(string given, IEnumerable<string> valid)
    {
        string wanted = given.ToLowerInvariant();
        int allowed = Math.Max(2, given.Length / 3);
        return valid.Select(name => (Name: name, Distance: EditDistance(wanted, name.ToLowerInvariant())))
            .Where(candidate => candidate.Distance <= allowed && candidate.Distance < candidate.Name.Length)
            .OrderBy(candidate => candidate.Distance)
            .Select(candidate => candidate.Name)
            .FirstOrDefault();
    }

    /// <summary>A hint for an error message.</summary>
    /// <returns>"did you mean resnet18? (valid: resnet18, resnet20)", or "valid: resnet18, resnet20" if no name is close.</returns>
    public static string Suggest(string given, IEnumerable<string> valid)
    {
        string[] names = [.. valid];
        string all = $"valid: {string.Join(", ", names)}";
        return Of(given, names) is { } nearest ? $"did you mean {nearest}? ({all})" : all;
    }

    /// <summary>The error for a name that does not exist.</summary>
    /// <param name="kind">What is named: "model", "attack", …</param>
    /// <param name="given">The name the user gave.</param>
    /// <param name="valid">All valid names.</param>
    /// <returns>"unknown model 'resnet81': did you mean resnet18? (valid: resnet18, resnet20)".</returns>
    public static UserErrorException Unknown(string kind, string given, IEnumerable<string> valid) =>
        new($"unknown {kind} '{given}': {Suggest(given, valid)}");

    /// <summary>
    /// Optimal string alignment: the fewest insertions, deletions, substitutions and swaps of neighbours that turn a into b.
    /// </summary>
    private static int EditDistance(string a, string b)
    {
        int[,] d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
            d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++)
            d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int substituted = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(substituted, Math.Min(d[i - 1, j], d[i, j - 1]) + 1);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
