using System.Text.Json;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>Class names in a file's metadata.</summary>
internal static class NamesInJson
{
    /// <summary>The names of an array of strings.</summary>
    /// <param name="array">The array.</param>
    /// <param name="what">File and place, for messages.</param>
    /// <param name="count">Number of classes that the labels need.</param>
    /// <exception cref="UserErrorException">It is no array of strings, or a name is empty, missing, given twice or on several
    /// lines.</exception>
    public static string[] Read(JsonElement array, string what, int count)
    {
        if (array.ValueKind != JsonValueKind.Array || array.EnumerateArray().Any(name => name.ValueKind != JsonValueKind.String))
            throw new UserErrorException($"{what} is not a JSON array of strings");
        string[] names = [.. array.EnumerateArray().Select(name => name.GetString()!)];
        if (names.Any(string.IsNullOrWhiteSpace))
            throw Wrong("an empty name");
        if (names.Any(name => name.Any(char.IsControl)))
            throw Wrong("a name with control characters");
        if (names.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1) is { Key: { } twice })
            throw Wrong($"'{twice}' twice");
        return names.Length >= count ? names : throw Wrong($"{names.Length} names, the labels are of {count} classes");

        UserErrorException Wrong(string problem) => new($"{what} has {problem}");
    }
}
