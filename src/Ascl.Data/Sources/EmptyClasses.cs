using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>Classes without images: refused, unless <see cref="DataOptions.AllowEmptyClasses"/> says that they are meant. They come of labels that count
/// from 1, of one label gone wrong, of a folder that was misnamed; and the network gets outputs that nothing trains.</summary>
internal static class EmptyClasses
{
    private const int NamesInList = 5;

    /// <summary>Looks for classes that none of the parts has, or the test part alone: test images, or few of them, may rightly lack some.</summary>
    /// <param name="path">What messages call the data.</param>
    /// <returns>What a user should know, a line each.</returns>
    /// <exception cref="UserErrorException">There are such classes, and they are not allowed.</exception>
    public static List<string> Check(string path, IReadOnlyList<ImageSet> parts, DataOptions options)
    {
        IReadOnlyList<string> names = parts[0].ClassNames;
        int[][] counts = [.. parts.Select(part => part.CountByClass())];
        int[] empty = Without(k => counts.All(part => part[k] == 0));
        if (empty.Length > 0 && !options.AllowEmptyClasses)
        {
            int[] found = Without(k => !empty.Contains(k));
            string advice = empty is [0] ? " (labels count from 0)" : "";
            throw new UserErrorException($"{path}: labels are {found[0]} to {found[^1]} of {names.Count} classes; "
                + $"{List(Names(empty))} {(empty.Length == 1 ? "has" : "have")} no images{advice}; --allow-empty-classes reads it all the same");
        }
        List<string> notes = [];
        if (empty.Length > 0)
            notes.Add($"without images: {List(Names(empty))}");
        for (int i = 0; i < parts.Count && parts.Count > 1; i++)
        {
            int[] missing = Without(k => counts[i][k] == 0 && !empty.Contains(k));
            // Test images of a class that training never sees: labels of one part that count from 1, or a class that was forgotten.
            if (i == 0 && missing.Length > 0 && !options.AllowEmptyClasses)
                throw Refusal(path, Names(missing), " in the training part, but in the test part");
            if (missing.Length > 0)
                notes.Add($"without {(i == 0 ? "training" : "test")} images: {List(Names(missing))}");
        }
        return notes;

        int[] Without(Predicate<int> isMeant) => [.. Enumerable.Range(0, names.Count).Where(k => isMeant(k))];
        string[] Names(int[] classes) => [.. classes.Select(k => names[k])];
    }

    /// <param name="where">Begins with a space, or is empty.</param>
    public static UserErrorException Refusal(string path, string[] names, string where) => new(
        $"{path}: {(names.Length == 1 ? $"class {names[0]} has" : $"classes {List(names)} have")} no images{where}; --allow-empty-classes reads it all the same");

    public static string List(string[] names) =>
        string.Join(", ", names.Take(NamesInList)) + (names.Length > NamesInList ? $" and {names.Length - NamesInList} more" : "");
}
