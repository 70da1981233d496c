namespace Ascl.Architecture.Tests;

/// <summary>Samples are short, are built from packages, and are what the README shows.</summary>
public sealed class SamplesTests
{
    private const int MostLines = 100;
    private static readonly string Folder = Path.Combine(SourceTree.Root, "samples");
    private static readonly string[] Programs = Directory.GetFiles(Folder, "Program.cs", SearchOption.AllDirectories);

    [Fact]
    public void SamplesAreShort()
    {
        Assert.True(Programs.Length >= 4);
        Assert.All(Programs, program => Assert.InRange(File.ReadAllLines(program).Length, 1, MostLines));
    }

    [Fact]
    public void SamplesReferenceNoProject()
    {
        string[] projects = Directory.GetFiles(Folder, "*.csproj", SearchOption.AllDirectories);
        Assert.Equal(Programs.Length, projects.Length);
        Assert.All(projects, project => Assert.DoesNotContain("ProjectReference", File.ReadAllText(project), StringComparison.Ordinal));
    }

    [Fact]
    public void ReadmeContainsTheOwnNetworkSampleInFull() => Assert.Contains(
        File.ReadAllText(Path.Combine(Folder, "OwnNetwork", "Program.cs")).Trim(),
        File.ReadAllText(Path.Combine(SourceTree.Root, "README.md")), StringComparison.Ordinal);
}
