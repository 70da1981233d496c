using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>A file or directory inside a directory or archive.</summary>
/// <param name="Name">Relative path with '/' between its parts, in Unicode NFC, so that names written by macOS and other systems
/// agree.</param>
/// <param name="IsDirectory">Whether it is a directory.</param>
/// <param name="Bytes">Contents of a wanted file; null for others and for directories.</param>
internal readonly record struct FileEntry(string Name, bool IsDirectory, byte[]? Bytes)
{
    /// <summary>Folders that operating systems and NAS devices create.</summary>
    private static readonly HashSet<string> SystemFolders =
        ["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"];

    /// <summary>
    /// All directories and files below a directory or in a .tar, .tar.gz or .zip archive, sorted by name (ordinal). Hidden files and
    /// folders of operating systems are left out. Nothing is unpacked to disk.
    /// </summary>
    /// <param name="path">Directory or archive.</param>
    /// <param name="wanted">Selects by name the files whose bytes are read.</param>
    /// <param name="maxBytes">Upper bound of a wanted file's length.</param>
    /// <exception cref="UserErrorException">The source is missing, unreadable, truncated or corrupt; or two entries have one name; or a
    /// name or link points outside the archive.</exception>
    public static List<FileEntry> ReadAll(string path, Func<string, bool> wanted, long maxBytes)
    {
        List<FileEntry> entries = Directory.Exists(path)
            ? DirectoryFiles.ReadAll(path, wanted, maxBytes)
            : new ArchiveFiles(path, wanted, maxBytes).ReadAll();
        entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        for (int i = 1; i < entries.Count; i++)
        {
            if (entries[i].Name == entries[i - 1].Name && !(entries[i].IsDirectory && entries[i - 1].IsDirectory))
                throw new UserErrorException($"{path}: has two entries named {entries[i].Name}");
        }
        return entries;
    }

    public static bool IsHidden(string name) => name.Split('/').Any(part => part.StartsWith('.') || SystemFolders.Contains(part));

    public static void CheckSize(string path, string name, long bytes, long maxBytes)
    {
        if (bytes > maxBytes)
            throw new UserErrorException($"{path}: {name} has {bytes} bytes; more than {maxBytes} is not expected of such a file");
    }
}
