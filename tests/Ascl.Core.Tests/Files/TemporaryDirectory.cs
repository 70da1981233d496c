namespace Ascl.Core.Tests.Files;

/// <summary>A directory of its own for one test, gone when the test ends.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");

    public string[] FileNames => [.. directory.GetFiles().Select(file => file.Name).Order()];

    public string File(string name) => Path.Combine(directory.FullName, name);

    public void Dispose() => directory.Delete(recursive: true);
}
