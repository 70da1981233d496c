namespace Ascl.Architecture.Tests;

/// <summary>A text file of the project.</summary>
/// <param name="Path">From the project's root, with slashes.</param>
internal sealed record SourceFile(string Path, string[] Lines)
{
    public string Name => Path[(Path.LastIndexOf('/') + 1)..];
    public string Folder => Path[..Math.Max(0, Path.LastIndexOf('/'))];

    public bool IsIn(string folder) => Path.StartsWith(folder + "/", StringComparison.Ordinal);
}

/// <summary>A place where a rule is broken.</summary>
internal sealed record Violation(string Path, int Line, string Problem)
{
    public override string ToString() => $"{Path}:{Line}: {Problem}";
}

/// <summary>The project's own files, found from where the tests run upwards.</summary>
internal static class SourceTree
{
    private static readonly string[] Rooms = ["src", "tests", "bench", "scripts"];

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<SourceFile> Code { get; } = Read("*.cs", [.. Rooms, "samples"]);

    /// <summary>Those of the solution; samples are built from the packages.</summary>
    public static IReadOnlyList<SourceFile> Projects { get; } = Read("*.csproj", Rooms);

    private static string FindRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
            if (File.Exists(Path.Combine(folder, "AsclNative.sln")))
                return folder;
        throw new InvalidOperationException($"no AsclNative.sln above {AppContext.BaseDirectory}: the tests must run inside the project");
    }

    private static List<SourceFile> Read(string pattern, string[] rooms) =>
    [
        .. from room in rooms
           let folder = Path.Combine(Root, room)
           where Directory.Exists(folder)
           from file in Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories)
           let path = Path.GetRelativePath(Root, file).Replace('\\', '/')
           where !path.Contains("/bin/", StringComparison.Ordinal) && !path.Contains("/obj/", StringComparison.Ordinal)
           orderby path
           select new SourceFile(path, File.ReadAllLines(file)),
    ];
}
