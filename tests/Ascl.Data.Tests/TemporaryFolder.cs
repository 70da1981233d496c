using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

/// <summary>A temporary directory of one test, deleted afterwards.</summary>
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

    /// <summary>Writes a directory, .zip, .tar, .tar.gz or .tgz of these files under a new name; a name that ends in / is an empty
    /// directory.</summary>
    public string WriteAs(string form, (string Name, byte[] Data)[] files)
    {
        string name = Guid.NewGuid().ToString("N");
        switch (form)
        {
            case "zip":
                return Write(name + ".zip", Made.Zip(files));
            case "tar":
                return Write(name + ".tar", Made.Tar(files));
            case "directory":
                foreach (var (file, data) in files)
                {
                    if (file.EndsWith('/'))
                        Directory.CreateDirectory(this[$"{name}/{file}"]);
                    else
                        Write($"{name}/{file}", data);
                }
                return this[name];
            default:
                return Write($"{name}.{form}", Made.Gzip(Made.Tar(files)));
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

public static class UserError
{
    /// <summary>The message of the user error that <paramref name="action"/> must end in: one line that holds all of
    /// <paramref name="parts"/>.</summary>
    public static void Expect(Func<object?> action, params string[] parts)
    {
        string message = Assert.Throws<UserErrorException>(() => { action(); }).Message;
        Assert.DoesNotContain('\n', message);
        foreach (string part in parts)
            Assert.Contains(part, message);
    }
}
