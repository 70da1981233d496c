using System.Formats.Tar;
using System.IO.Compression;
using System.IO.Hashing;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;

namespace Ascl.Data.Sources;

/// <summary>A file or directory inside a directory or archive. Names have '/' between their parts and no leading one.</summary>
internal readonly record struct FileEntry(string Name, bool IsDirectory, byte[] Bytes)
{
    private const int TarBlock = 512;

    /// <summary>
    /// Every directory, and every file whose name is <paramref name="wanted"/>, below the directory or in the .tar, .tar.gz or .zip archive
    /// at <paramref name="path"/>, sorted by name (ordinal). Hidden files and a Mac's <c>__MACOSX</c> shadow are left out. Nothing is
    /// unpacked to disk.
    /// </summary>
    /// <param name="maxBytes">The largest file accepted.</param>
    /// <exception cref="UserErrorException">Missing, unreadable, truncated or corrupt; an entry named outside the archive, twice, or that
    /// is a link.</exception>
    public static List<FileEntry> ReadAll(string path, Func<string, bool> wanted, long maxBytes)
    {
        List<FileEntry> entries = Directory.Exists(path)
            ? ReadDirectory(path, wanted, maxBytes)
            : InputFile.StartsWith(path, [.. "PK"u8]) ? ReadZip(path, wanted, maxBytes)
            : InputFile.Read(path, stream => ReadTar(path, stream, wanted, maxBytes));
        entries.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        for (int i = 1; i < entries.Count; i++)
        {
            if (entries[i].Name == entries[i - 1].Name && !(entries[i].IsDirectory && entries[i - 1].IsDirectory))
                throw new UserErrorException($"{path}: has two entries named {entries[i].Name}");
        }
        return entries;
    }

    /// <summary>All entries below a directory that are not hidden, as (name, entry).</summary>
    public static IEnumerable<(string Name, FileSystemInfo Info)> Walk(string directory)
    {
        // Deep enough for top/part/class/image and what may wrongly lie below; ends loops of links.
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 5, AttributesToSkip = 0 };
        foreach (FileSystemInfo info in new DirectoryInfo(directory).EnumerateFileSystemInfos("*", options))
        {
            string name = Path.GetRelativePath(directory, info.FullName).Replace(Path.DirectorySeparatorChar, '/');
            if (!IsHidden(name))
                yield return (name, info);
        }
    }

    private static List<FileEntry> ReadDirectory(string path, Func<string, bool> wanted, long maxBytes)
    {
        var entries = new List<FileEntry>();
        try
        {
            foreach ((string name, FileSystemInfo info) in Walk(path))
            {
                if (info is DirectoryInfo)
                    entries.Add(new FileEntry(name, true, []));
                else if (wanted(name))
                {
                    CheckSize(path, name, ((FileInfo)info).Length, maxBytes);
                    entries.Add(new FileEntry(name, false, File.ReadAllBytes(info.FullName)));
                }
            }
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
        return entries;
    }

    private static List<FileEntry> ReadTar(string path, Stream stream, Func<string, bool> wanted, long maxBytes)
    {
        var entries = new List<FileEntry>();
        var tail = new TailStream(stream);
        using var tar = new TarReader(tail, leaveOpen: true);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.EntryType is TarEntryType.GlobalExtendedAttributes)
                continue;
            string name = SafeName(path, entry.Name);
            if (name.Length == 0 || IsHidden(name))
                continue;
            if (entry.EntryType is TarEntryType.Directory)
                entries.Add(new FileEntry(name, true, []));
            else if (wanted(name))
            {
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile))
                    throw new UserErrorException($"{path}: entry {name} is a link or a device, not a file");
                CheckSize(path, name, entry.Length, maxBytes);
                byte[] bytes = entry.DataStream is null ? [] : InputFile.ReadBytes(entry.DataStream, entry.Length);
                entries.Add(new FileEntry(name, false, bytes));
            }
        }
        if (tail.TrailingZeros < TarBlock)
            throw new EndOfStreamException();
        return entries;
    }

    private static List<FileEntry> ReadZip(string path, Func<string, bool> wanted, long maxBytes) => InputFile.ReadStored(path, stream =>
    {
        var entries = new List<FileEntry>();
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            string name = SafeName(path, entry.FullName);
            if (name.Length == 0 || IsHidden(name))
                continue;
            if (entry.FullName[^1] is '/' or '\\')
                entries.Add(new FileEntry(name, true, []));
            else if (wanted(name))
            {
                CheckSize(path, name, entry.Length, maxBytes);
                using Stream data = entry.Open();
                byte[] bytes = InputFile.ReadBytes(data, entry.Length);
                if (Crc32.HashToUInt32(bytes) != entry.Crc32)
                    throw new UserErrorException($"{path}: entry {name} is corrupt: its checksum is wrong");
                entries.Add(new FileEntry(name, false, bytes));
            }
        }
        return entries;
    });

    /// <summary>The entry's name without "." parts. An archive that points outside itself is broken or worse, even though nothing is
    /// unpacked.</summary>
    private static string SafeName(string path, string name)
    {
        string[] parts = name.Replace('\\', '/').Split('/');
        bool isAbsolute = name.Length > 0 && (parts[0].Length == 0 || parts[0].EndsWith(':'));
        if (isAbsolute || parts.Contains(".."))
            throw new UserErrorException($"{path}: entry {name} points outside the archive");
        return string.Join('/', parts.Where(part => part is not ("" or ".")));
    }

    private static bool IsHidden(string name) => name.Split('/').Any(part => part.StartsWith('.') || part == "__MACOSX");

    private static void CheckSize(string path, string name, long bytes, long maxBytes)
    {
        if (bytes > maxBytes)
            throw new UserErrorException($"{path}: {name} has {bytes} bytes; more than {maxBytes} is not expected of such a file");
    }
}
