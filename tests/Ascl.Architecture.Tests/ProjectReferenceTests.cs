using System.Text.RegularExpressions;

namespace Ascl.Architecture.Tests;

/// <summary>
/// Cli → (Robustness, OnnxRuntime) → (Models → Autograd → Kernels → ILGPU, Data, Distributed) → Core: a room refers only to those
/// right below it, and libraries stay in one room.
/// </summary>
public sealed partial class ProjectReferenceTests
{
    /// <summary>What each room of src/ may refer to.</summary>
    private static readonly Dictionary<string, string[]> Below = new()
    {
        ["Ascl.Core"] = [],
        ["Ascl.Kernels"] = ["Ascl.Core"],
        ["Ascl.Autograd"] = ["Ascl.Kernels"],
        ["Ascl.Models"] = ["Ascl.Autograd"],
        ["Ascl.OnnxRuntime"] = ["Ascl.Models"],
        ["Ascl.Data"] = ["Ascl.Core"],
        ["Ascl.Distributed"] = ["Ascl.Core"],
        ["Ascl.Robustness"] = ["Ascl.Models", "Ascl.Data", "Ascl.Distributed"],
        ["Ascl.Cli"] = ["Ascl.Robustness", "Ascl.OnnxRuntime"],
    };

    /// <summary>The only room of src/ that may use a library.</summary>
    private static readonly Dictionary<string, string> RoomOfPackage = new()
    {
        ["ILGPU"] = "Ascl.Kernels",
        ["ILGPU.Algorithms"] = "Ascl.Kernels",
        ["Google.Protobuf"] = "Ascl.Core",
        ["Razorvine.Pickle"] = "Ascl.Core",
        ["Microsoft.ML.OnnxRuntime.Managed"] = "Ascl.OnnxRuntime",
        ["ADRaffy.ENSNormalize"] = "Ascl.Data",
        ["JpegLibrary"] = "Ascl.Data",
        ["Parquet.Net"] = "Ascl.Data",
        ["StbImageSharp"] = "Ascl.Data",
        ["StbImageWriteSharp"] = "Ascl.Data",
        ["System.IO.Hashing"] = "Ascl.Data",
        ["System.Numerics.Tensors"] = "Ascl.Distributed",
        ["OxyPlot.Core"] = "Ascl.Robustness",
        ["MathNet.Numerics"] = "Ascl.Robustness",
        ["CommandLineParser"] = "Ascl.Cli",
        ["Microsoft.ML.OnnxRuntime"] = "Ascl.Cli",
        ["Spectre.Console"] = "Ascl.Cli",
    };

    [Fact]
    public void ProjectsReferenceOnlyProjectsBelowThem()
    {
        Assert.Equal(Below.Keys.Order(), SourceTree.Projects.Where(p => p.IsIn("src")).Select(Room).Order());
        NoViolations(SourceTree.Projects.SelectMany(ReferencesUpwards));
    }

    [Fact]
    public void PackagesAreReferencedOnlyWhereAllowed() => NoViolations(SourceTree.Projects.SelectMany(PackagesElsewhere));

    [Fact]
    public void EveryProjectIsInTheSolution()
    {
        string solution = File.ReadAllText(Path.Combine(SourceTree.Root, "AsclNative.sln")).Replace('\\', '/');
        NoViolations(from project in SourceTree.Projects
                     where !solution.Contains($"\"{project.Path}\"", StringComparison.Ordinal)
                     select new Violation(project.Path, 1, "is not in AsclNative.sln, so it is neither built nor tested"));
    }

    [Theory]
    [InlineData("src/Ascl.Kernels/Ascl.Kernels.csproj", "../Ascl.Autograd/Ascl.Autograd.csproj")]
    [InlineData("src/Ascl.Data/Ascl.Data.csproj", "../Ascl.Models/Ascl.Models.csproj")]
    [InlineData("src/Ascl.Models/Ascl.Models.csproj", "../../tests/Ascl.Testing/Ascl.Testing.csproj")]
    public void ReferencesUpwardsAreFound(string project, string reference) =>
        Assert.Single(ReferencesUpwards(new SourceFile(project, [$"    <ProjectReference Include=\"{reference}\" />"])));

    [Fact]
    public void MisplacedPackagesAreFound()
    {
        string[] lines = ["    <PackageReference Include=\"ILGPU\" />"];
        Assert.Single(PackagesElsewhere(new SourceFile("src/Ascl.Autograd/Ascl.Autograd.csproj", lines)));
        Assert.Empty(PackagesElsewhere(new SourceFile("src/Ascl.Kernels/Ascl.Kernels.csproj", lines)));
    }

    private static IEnumerable<Violation> ReferencesUpwards(SourceFile project) =>
        from line in project.Lines.Index()
        let reference = ProjectReference().Match(line.Item)
        where project.IsIn("src") && reference.Success && !Below.GetValueOrDefault(Room(project), []).Contains(reference.Groups[1].Value)
        select new Violation(project.Path, line.Index + 1, $"{Room(project)} must not refer to {reference.Groups[1]}");

    private static IEnumerable<Violation> PackagesElsewhere(SourceFile project) =>
        from line in project.Lines.Index()
        let package = PackageReference().Match(line.Item)
        where project.IsIn("src") && package.Success && RoomOfPackage.GetValueOrDefault(package.Groups[1].Value) != Room(project)
        select new Violation(project.Path, line.Index + 1, $"{package.Groups[1]} is not a library of {Room(project)}");

    private static string Room(SourceFile project) => Path.GetFileNameWithoutExtension(project.Name);

    private static void NoViolations(IEnumerable<Violation> violations)
    {
        string text = string.Join('\n', violations);
        Assert.True(text.Length == 0, text);
    }

    [GeneratedRegex(@"<ProjectReference\s+Include=""(?:[^""]*[/\\])?([^""/\\]+)\.csproj""")]
    private static partial Regex ProjectReference();

    [GeneratedRegex(@"<PackageReference\s+Include=""([^""]+)""")]
    private static partial Regex PackageReference();
}
