using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>A lock file that lets one process at a time write to a folder.</summary>
public static class FolderLock
{
    private const string Name = ".lock";

    /// <summary>Locks the folder until the result is disposed or the process ends, even if it is killed.</summary>
    /// <exception cref="UserErrorException">Another process holds the lock, or the folder is not writable.</exception>
    public static IDisposable Take(string folder)
    {
        string path = Path.Combine(folder, Name);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (File.Exists(path)
            && e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
        {
            throw new UserErrorException($"{folder}: another process is working on it", e);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("write", path, e);
        }
    }
}
