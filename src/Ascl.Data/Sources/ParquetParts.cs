using System.Globalization;
using System.Text.RegularExpressions;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// The Parquet files of each part of a data set, by their names: a word of the file's name, or of the folder it is in, such as train, test
/// or validation. Files that are called <c>…-00001-of-00005</c>, or by a number, belong together in the order of their numbers.
/// </summary>
/// <param name="Train">The training files, as relative paths; empty if there are none.</param>
/// <param name="Test">The test files.</param>
/// <param name="Notes">Notes for the user, one line each.</param>
internal sealed partial record ParquetParts(string[] Train, string[] Test, IReadOnlyList<string> Notes)
{
    private const string Extension = ".parquet";

    /// <summary>The file of a part.</summary>
    /// <param name="Path">Its path, relative to the directory.</param>
    /// <param name="Together">What files that belong together have in common.</param>
    /// <param name="Index">Its number; −1 where it has none.</param>
    /// <param name="Count">Number of files in all; 0 where the name does not say so.</param>
    private sealed record Shard(string Path, string Together, int Index, int Count)
    {
        /// <summary>The name with another number, without what follows the number of files.</summary>
        public string Named(int index) => $"{Together}{index:D5}-of-{Count:D5}{Extension}";
    }

    /// <summary>Whether a file is one of Parquet by its name.</summary>
    public static bool IsWanted(string name) => name.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    /// <summary>The parts of a file, which is the training part if its name does not tell another, or of a directory.</summary>
    /// <param name="path">File or directory.</param>
    /// <exception cref="UserErrorException">There are no files of a part, some are missing, or a part is there twice.</exception>
    public static ParquetParts Of(string path)
    {
        if (!Directory.Exists(path))
        {
            Shard file = ShardOf(Path.GetFileName(path));
            string[] notes = file.Count > 1 ? [$"{file.Path} is one of {file.Count} files: the directory is read with all of them"] : [];
            return PartOf(file.Path) is null or "train" ? new([path], [], notes) : new([], [path], notes);
        }
        string[] files =
        [
            .. FileEntry.ReadAll(path, _ => false, 0).Where(file => !file.IsDirectory && IsWanted(file.Name)).Select(file => file.Name),
        ];
        if (files.Length == 0)
            throw new UserErrorException($"{path}: has no {Extension} files");
        ILookup<string?, Shard> shards = files.ToLookup(PartOf, ShardOf);
        Dictionary<string, string[]> parts =
            PartNames.All.Where(shards.Contains).ToDictionary(part => part, part => InOrder(path, shards[part]));
        if (parts.Count == 0)
        {
            return files.Length == 1 ? new([Path.Combine(path, files[0])], [], []) : throw new UserErrorException(
                $"{path}: no file is of a part by its name, such as train-00000-of-00001{Extension}; there are {EmptyClasses.List(files)}");
        }
        List<string> remarks = [];
        if (shards[null].Any())
            remarks.Add($"left out, because of no part by name: {EmptyClasses.List([.. shards[null].Select(file => file.Path)])}");
        string[]? test = parts.GetValueOrDefault("test");
        if (parts.TryGetValue("val", out string[]? validation))
        {
            remarks.Add(test is null
                ? $"the validation part ({EmptyClasses.List(validation)}) is read as the test part"
                : $"the validation part ({EmptyClasses.List(validation)}) is left out: there is a test part");
            test ??= validation;
        }
        return new(Paths(parts.GetValueOrDefault("train")), Paths(test), remarks);

        string[] Paths(string[]? names) => [.. (names ?? []).Select(name => Path.Combine(path, name))];
    }

    /// <summary>The part that the last such word in the file's name stands for, or else one in the folder's name; null for none.</summary>
    private static string? PartOf(string file) =>
        file.Split('/').TakeLast(2).Reverse().SelectMany(name => Words().Split(name).Reverse())
            .Select(PartNames.Of).FirstOrDefault(part => part is not null);

    private static Shard ShardOf(string file)
    {
        Match match = Numbered().Match(file);
        return match.Success && int.TryParse(match.Groups["index"].Value, NumberStyles.None, null, out int index)
            && int.TryParse(match.Groups["count"].Success ? match.Groups["count"].Value : "0", NumberStyles.None, null, out int count)
            ? new(file, match.Groups["together"].Value, index, count)
            : new(file, file, -1, 0);
    }

    /// <summary>The files of a part in their order.</summary>
    private static string[] InOrder(string path, IEnumerable<Shard> files)
    {
        Shard[] sorted = [.. files.OrderBy(file => file.Index)];
        if (sorted.FirstOrDefault(file => file.Together != sorted[0].Together || file.Count != sorted[0].Count) is { } other)
        {
            throw new UserErrorException($"{path}: has both {sorted[0].Path} and {other.Path}, which are not files of one series: "
                + "give the directory or file of one of them");
        }
        for (int i = 0; i < sorted.Length; i++)
        {
            if (i > 0 && sorted[i].Index == sorted[i - 1].Index)
                throw new UserErrorException($"{path}: has both {sorted[i - 1].Path} and {sorted[i].Path}: one of them is enough");
            // Numbers without a total may begin with any, but gaps are files that were forgotten.
            int expected = sorted[i].Count > 0 ? i : sorted[0].Index + i;
            if (sorted[i].Index != expected)
                throw Missing(expected);
        }
        return sorted[0].Count <= sorted.Length ? [.. sorted.Select(file => file.Path)] : throw Missing(sorted.Length);

        UserErrorException Missing(int index) => new(sorted[0].Count > 0
            ? $"{path}: {sorted[0].Named(index)} is missing"
            : $"{path}: the file with number {index} between {sorted[0].Path} and {sorted[^1].Path} is missing");
    }

    [GeneratedRegex(
        @"^(?<together>(?:.*?[-_./])?)(?<index>\d{1,9})(?:-of-(?<count>\d{1,9})(?:-[0-9a-f]+)?)?\.parquet$", RegexOptions.IgnoreCase)]
    private static partial Regex Numbered();

    [GeneratedRegex("[^a-zA-Z]+")]
    private static partial Regex Words();
}
