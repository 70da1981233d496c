using System.Formats.Tar;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>Reads the files of a .tar, .tar.gz or .zip archive. Links to other files of the same archive are read as copies of
/// them.</summary>
/// <inheritdoc cref="FileEntry.ReadAll"/>
internal sealed class ArchiveFiles(string path, Func<string, bool> wanted, long maxBytes)
{
    private const int TarBlock = 512;

    /// <summary>Limits of the unpacked size in bytes, the larger of a constant and a multiple of the archive's length. Images hardly
    /// compress; an archive that claims more is a decompression bomb.</summary>
    private const long AlwaysAllowed = 1L << 30, AllowedRatio = 200;

    private readonly List<FileEntry> entries = [];

    /// <summary>Target of each link, both as names in the archive.</summary>
    private readonly Dictionary<string, string> links = [];

    /// <summary>Targets of wanted links that are not wanted by their own names; read in a second pass.</summary>
    private HashSet<string> linked = [];

    private readonly long allowed = Math.Max(AlwaysAllowed, InputFile.ReadStored(path, file => file.Length) * AllowedRatio);
    private long unpacked;

    public List<FileEntry> ReadAll()
    {
        Read();
        FileEntry[] own = [.. entries];
        HashSet<string> directories = [.. own.SelectMany(entry => Above(entry.IsDirectory ? $"{entry.Name}/" : entry.Name))];
        Dictionary<string, string> targets = links.ToDictionary(link => link.Key, link => Target(link.Key, directories));
        Dictionary<string, byte[]> found = [];
        AddFound();
        linked = [.. targets.Where(link => wanted(link.Key) && !found.ContainsKey(link.Value)).Select(link => link.Value)];
        if (linked.Count > 0)
        {
            entries.Clear();
            Read();
            AddFound();
        }
        return [.. own, .. targets.Select(link => new FileEntry(link.Key, false, wanted(link.Key) ? Found(link.Key, link.Value) : null))];

        void AddFound()
        {
            foreach (FileEntry entry in entries.Where(entry => entry.Bytes is not null))
                found[entry.Name] = entry.Bytes!;
        }

        byte[] Found(string link, string target) => found.TryGetValue(target, out byte[]? bytes) ? bytes : throw NotInside(link, target);
    }

    private void Read()
    {
        byte[][] otherKinds = [[.. "BZh"u8], [0xFD, .. "7zXZ"u8], [.. "7z"u8, 0xBC, 0xAF], [.. "Rar!"u8]];
        if (otherKinds.Any(magic => InputFile.StartsWith(path, magic)))
            throw new UserErrorException($"{path}: is packed by bzip2, xz, 7z or rar; .tar, .tar.gz and .zip are read");
        if (InputFile.StartsWith(path, [.. "PK"u8]))
            ReadZip();
        else
            InputFile.Read(path, ReadTar);
    }

    private bool IsLeftOut(string name) => name.Length == 0 || (FileEntry.IsHidden(name) && !linked.Contains(name));

    private bool IsWanted(string name) => linked.Count > 0 ? linked.Contains(name) : wanted(name);

    private int ReadTar(Stream stream)
    {
        var tail = new TailStream(stream);
        using var tar = new TarReader(tail, leaveOpen: true);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.EntryType is TarEntryType.GlobalExtendedAttributes)
                continue;
            string name = SafeName(entry.Name);
            if (IsLeftOut(name))
                continue;
            if (entry.EntryType is TarEntryType.Directory)
                entries.Add(new FileEntry(name, true, null));
            else if (entry.EntryType is TarEntryType.HardLink)
                links[name] = SafeName(entry.LinkName);
            else if (entry.EntryType is TarEntryType.SymbolicLink)
                links[name] = LinkedName(name, entry.LinkName);
            else if (!IsWanted(name))
                entries.Add(new FileEntry(name, false, null));
            else if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
                entries.Add(new FileEntry(name, false, Unpacked(name, entry.DataStream ?? Stream.Null, entry.Length)));
            else
                throw new UserErrorException($"{path}: entry {name} is a device or a file in pieces, not a plain file");
        }
        if (tail.TrailingZeros < TarBlock)
            throw new EndOfStreamException();
        return entries.Count;
    }

    private void ReadZip() => InputFile.ReadStored(path, stream =>
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            const int unixKind = 0xF000, unixLink = 0xA000;
            string name = SafeName(entry.FullName);
            if (IsLeftOut(name))
                continue;
            bool isLink = (entry.ExternalAttributes >> 16 & unixKind) == unixLink;
            if (entry.FullName[^1] is '/' or '\\')
                entries.Add(new FileEntry(name, true, null));
            else if (!isLink && !IsWanted(name))
                entries.Add(new FileEntry(name, false, null));
            else if (entry.IsEncrypted)
                throw new UserErrorException($"{path}: entry {name} is encrypted");
            else
            {
                using Stream data = entry.Open();
                byte[] bytes = Unpacked(name, data, entry.Length);
                if (Crc32.HashToUInt32(bytes) != entry.Crc32)
                    throw new UserErrorException($"{path}: entry {name} is corrupt: its checksum is wrong");
                if (isLink)
                    links[name] = LinkedName(name, Encoding.UTF8.GetString(bytes));
                else
                    entries.Add(new FileEntry(name, false, bytes));
            }
        }
        return entries.Count;
    });

    private byte[] Unpacked(string name, Stream data, long length)
    {
        FileEntry.CheckSize(path, name, length, maxBytes);
        unpacked += length;
        if (unpacked > allowed)
        {
            throw new UserErrorException(
                $"{path}: unpacks to more than {allowed} bytes, {AllowedRatio} times its own length: no archive of images does");
        }
        return InputFile.ReadBytes(data, length);
    }

    /// <summary>The entry's name without "." parts. Names that point outside the archive are refused, although nothing is unpacked to
    /// disk.</summary>
    private string SafeName(string name)
    {
        string[] parts = name.Replace('\\', '/').Split('/');
        bool isAbsolute = name.Length > 0 && (parts[0].Length == 0 || parts[0].EndsWith(':'));
        if (isAbsolute || parts.Contains(".."))
            throw new UserErrorException($"{path}: entry {name} points outside the archive");
        return ComposedText.Of(string.Join('/', parts.Where(part => part is not ("" or "."))));
    }

    /// <summary>The target of a symbolic link as a name in the archive; the link's text is relative to its directory.</summary>
    private string LinkedName(string name, string text)
    {
        string[] parts = [.. name.Split('/')[..^1], .. text.Split('/')];
        List<string> result = [];
        foreach (string part in parts.Where(part => part is not ("" or ".")))
        {
            if (part != "..")
                result.Add(part);
            else if (result.Count > 0)
                result.RemoveAt(result.Count - 1);
            else
                throw NotInside(name, text);
        }
        return text.StartsWith('/') ? throw NotInside(name, text) : ComposedText.Of(string.Join('/', result));
    }

    private string Target(string link, HashSet<string> directories)
    {
        string target = links[link];
        for (int i = 0; links.TryGetValue(target, out string? next); i++)
            target = i < links.Count ? next : throw NotInside(link, target);
        // Refused, because the images in the linked directory would be missing silently.
        if (directories.Contains(target))
            throw new UserErrorException($"{path}: entry {link} is a link to the directory {target}, which is not read");
        return target;
    }

    private static IEnumerable<string> Above(string name) =>
        Enumerable.Range(0, name.Length).Where(i => name[i] == '/').Select(i => name[..i]);

    private UserErrorException NotInside(string link, string target) =>
        new($"{path}: entry {link} is a link to {target}, which is not in the archive");
}
