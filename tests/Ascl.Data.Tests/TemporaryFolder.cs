using Ascl.Kernels.Diagnostics;

namespace Ascl.Data.Tests;

/// <summary>An empty directory of a test's own, removed afterwards.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("ascl-data-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] data)
    {
        string path = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, data);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

public static class UserError
{
    /// <summary>The message of the user error that <paramref name="action"/> must end in: one line that holds all of <paramref name="parts"/>.</summary>
    public static void Expect(Func<object?> action, params string[] parts)
    {
        string message = Assert.Throws<UserErrorException>(() => { action(); }).Message;
        Assert.DoesNotContain('\n', message);
        foreach (string part in parts)
            Assert.Contains(part, message);
    }
}
