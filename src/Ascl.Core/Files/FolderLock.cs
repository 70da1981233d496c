using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>A folder that one process at a time writes to.</summary>
public static class FolderLock
{
    private const string Name = ".lock";

    /// <summary>Keeps the folder until the result is disposed of or the process ends, however it ends.</summary>
    /// <exception cref="UserErrorException">Another process has it, or nothing can be written there.</exception>
    public static IDisposable Take(string folder)
    {
        string path = Path.Combine(folder, Name);
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e) when (File.Exists(path) && e is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
        {
            throw new UserErrorException($"{folder}: another process is working on it", e);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("write", path, e);
        }
    }
}
