using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>Refuses classes without images unless <see cref="DataOptions.AllowEmptyClasses"/> is set: mostly labels count from 1, one label
/// is wrong or a folder is misnamed, and the network would have outputs that are never trained.</summary>
internal static class EmptyClasses
{
    private const int NamesInList = 5;

    /// <summary>Refuses classes without any images or without training images, and notes classes without test images.</summary>
    /// <param name="path">Name of the data in messages.</param>
    /// <param name="parts">The only part, or training and test part.</param>
    /// <param name="options">Says whether empty classes are allowed.</param>
    /// <returns>Notes for the user, one line each.</returns>
    /// <exception cref="UserErrorException">A class has no images, or test images but no training images, and empty classes are not
    /// allowed.</exception>
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
                + $"{List(Names(empty))} {(empty.Length == 1 ? "has" : "have")} no images{advice}; "
                + "allow-empty-classes reads it all the same");
        }
        List<string> notes = [];
        if (empty.Length > 0)
            notes.Add($"without images: {List(Names(empty))}");
        for (int i = 0; i < parts.Count && parts.Count > 1; i++)
        {
            int[] missing = Without(k => counts[i][k] == 0 && !empty.Contains(k));
            // A class with test images only: the labels of one part count from 1, or the class was forgotten in the training part.
            if (i == 0 && missing.Length > 0 && !options.AllowEmptyClasses)
                throw Refusal(path, Names(missing), " in the training part, but in the test part");
            if (missing.Length > 0)
                notes.Add($"without {(i == 0 ? "training" : "test")} images: {List(Names(missing))}");
        }
        return notes;

        int[] Without(Predicate<int> isMeant) => [.. Enumerable.Range(0, names.Count).Where(k => isMeant(k))];
        string[] Names(int[] classes) => [.. classes.Select(k => names[k])];
    }

    /// <summary>The error for classes without images.</summary>
    /// <param name="path">Name of the data.</param>
    /// <param name="names">The classes.</param>
    /// <param name="where">The part they are missing in; begins with a space, or is empty.</param>
    public static UserErrorException Refusal(string path, string[] names, string where) => new(
        $"{path}: {(names.Length == 1 ? $"class {names[0]} has" : $"classes {List(names)} have")} no images{where}; "
        + "allow-empty-classes reads it all the same");

    public static string List(string[] names) =>
        string.Join(", ", names.Take(NamesInList)) + (names.Length > NamesInList ? $" and {names.Length - NamesInList} more" : "");
}
