using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>A file or directory inside a directory or archive. Names have '/' between their parts and no leading one, and are composed (Unicode's form NFC):
/// a Mac writes é as two characters, other systems as one, and both are the same name.</summary>
/// <param name="Bytes">What a file that was wanted holds; null for others.</param>
internal readonly record struct FileEntry(string Name, bool IsDirectory, byte[]? Bytes)
{
    /// <summary>Left by systems beside the user's own files.</summary>
    private static readonly HashSet<string> SystemFolders = ["__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information"];

    /// <summary>
    /// Every directory and every file below the directory or in the .tar, .tar.gz or .zip archive at <paramref name="path"/>, sorted by name (ordinal), with the
    /// bytes of the files whose name is <paramref name="wanted"/>. Hidden files and the shadows that systems leave are left out. Nothing is unpacked to
    /// disk.
    /// </summary>
    /// <param name="maxBytes">The largest file accepted.</param>
    /// <exception cref="UserErrorException">Missing, unreadable, truncated or corrupt; an entry named outside the archive, twice, or that
    /// is a link to what is not in it.</exception>
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
