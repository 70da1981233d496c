using System.Text.RegularExpressions;

namespace Ascl.Architecture.Tests;

/// <summary>The folders of a project in src/ use each other in one direction only.</summary>
public sealed partial class FolderOrderTests
{
    [Fact]
    public void FoldersFormNoCycles()
    {
        string[] projects = [.. SourceTree.Code.Where(file => file.IsIn("src")).Select(file => file.Path.Split('/')[1]).Distinct()];
        SourceFile[] Files(string project) => [.. SourceTree.Code.Where(file => file.IsIn($"src/{project}"))];
        string[] cycles = [.. projects.SelectMany(project => Cycles(Dependencies(project, Files(project))))];
        Assert.True(cycles.Length == 0, string.Join('\n', cycles));
    }

    /// <summary>Robustness reads from the bottom up; what is left of another may not use it.</summary>
    [Fact]
    public void RobustnessFoldersUseOnlyFoldersBelowThem()
    {
        string[] order = ["Attacks", "Objectives", "Evaluation", "Training", "Runs", "Reporting"];
        SourceFile[] files = [.. SourceTree.Code.Where(file => file.IsIn("src/Ascl.Robustness"))];
        ILookup<string, string> uses = Dependencies("Ascl.Robustness", files);
        IEnumerable<string> upwards = order.SelectMany(
            (lower, i) => order[(i + 1)..].Where(upper => Reached(uses, lower).Contains(upper)).Select(upper => $"{lower} uses {upper}"));
        Assert.Empty(upwards);
    }

    [Fact]
    public void CyclesAreFound()
    {
        SourceFile[] files =
        [
            new("src/Ascl.A/One/X.cs", ["using Ascl.A.Two;", "namespace Ascl.A.One;", "class X;"]),
            new("src/Ascl.A/Two/Y.cs", ["using Ascl.A.Three;", "namespace Ascl.A.Two;", "class Y;"]),
            new("src/Ascl.A/Three/Z.cs", ["namespace Ascl.A.Three;", "class Z { One.X? x; }"]),
        ];
        Assert.Equal(["Ascl.A.One, Ascl.A.Three, Ascl.A.Two use each other"],
            Cycles(Dependencies("Ascl.A", files)).Select(cycle => cycle.Split(':')[0]));
        Assert.Empty(Cycles(Dependencies("Ascl.A", files[..2])));
    }

    private static IEnumerable<string> Cycles(ILookup<string, string> uses)
    {
        foreach (string folder in uses.Select(use => use.Key).Order(StringComparer.Ordinal))
        {
            string[] together =
                [.. Reached(uses, folder).Where(other => Reached(uses, other).Contains(folder)).Order(StringComparer.Ordinal)];
            IEnumerable<string> which = together.Select(one => $"{one} uses {string.Join(", ", uses[one].Intersect(together))}");
            if (together.Length > 1 && together[0] == folder)
                yield return $"{string.Join(", ", together)} use each other: {string.Join("; ", which)}";
        }
    }

    private static HashSet<string> Reached(ILookup<string, string> uses, string from)
    {
        HashSet<string> reached = [];
        Stack<string> left = new([from]);
        while (left.TryPop(out string? folder))
            foreach (string next in uses[folder].Where(reached.Add))
                left.Push(next);
        return reached;
    }

    /// <summary>Folder → folders of the same project that it uses, by its using directives and by names with a folder in front.</summary>
    private static ILookup<string, string> Dependencies(string project, IReadOnlyList<SourceFile> files)
    {
        string[] folders = [.. files.Select(NameOf).Distinct()];
        return (from file in files
                from line in file.Lines
                where !line.TrimStart().StartsWith("//", StringComparison.Ordinal)
                from used in Used(line)
                where used != NameOf(file)
                select (From: Short(NameOf(file)), To: Short(used))).Distinct().ToLookup(use => use.From, use => use.To);

        string NameOf(SourceFile file) => string.Join('.', file.Folder.Split('/').Skip(1));

        // Messages call the folders of a real project by their own names.
        string Short(string folder) => project == "Ascl.Robustness" ? folder[(project.Length + 1)..] : folder;

        IEnumerable<string> Used(string line)
        {
            if (UsingDirective().Match(line) is { Success: true } directive)
                return folders.Where(folder => folder == directive.Groups[1].Value && folder != project);
            return QualifiedName().Matches(line).SelectMany(name => folders.Where(folder => folder == $"{project}.{name.Groups[1].Value}"));
        }
    }

    [GeneratedRegex(@"^using (Ascl[\w.]+);")]
    private static partial Regex UsingDirective();

    [GeneratedRegex(@"(?<![\w.])([A-Z]\w+)\.[A-Z]\w*")]
    private static partial Regex QualifiedName();
}
