using System.IO.Hashing;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>Reads the files below a directory. Symbolic links to files and directories are followed.</summary>
internal static class DirectoryFiles
{
    /// <summary>Levels of directories that are read: more than any accepted layout has, so that misplaced images are found, too.</summary>
    private const int MaxDepth = 8;

    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    public static List<FileEntry> ReadAll(string path, Func<string, bool> wanted, long maxBytes) => Reading(path, () =>
    {
        var entries = new List<FileEntry>();
        foreach ((string name, FileSystemInfo info) in Walk(path))
        {
            byte[]? bytes = null;
            if (info is FileInfo file && wanted(name))
            {
                FileEntry.CheckSize(path, name, file.Length, maxBytes);
                bytes = Bytes(path, name, file);
            }
            entries.Add(new FileEntry(name, info is DirectoryInfo, bytes));
        }
        return entries;
    });

    /// <summary>Hash of all names, and of the contents of files whose name is <paramref name="wanted"/> (of links' targets, not the
    /// links).</summary>
    /// <exception cref="UserErrorException">A file cannot be read.</exception>
    public static UInt128 Hash(string path, Func<string, bool> wanted) => Reading(path, () =>
    {
        (string Name, FileSystemInfo Info)[] files = [.. Walk(path).OrderBy(file => file.Name, StringComparer.Ordinal)];
        var hashes = new UInt128[files.Length];
        try
        {
            Parallel.For(0, files.Length, i =>
            {
                if (files[i].Info is FileInfo file && wanted(files[i].Name))
                    hashes[i] = XxHash128.HashToUInt128(Bytes(path, files[i].Name, file));
            });
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        XxHash128 all = new();
        IEnumerable<string> names = files.Select(file => file.Info is DirectoryInfo ? $"{file.Name}/" : file.Name);
        all.Append(Encoding.UTF8.GetBytes(string.Join('\0', names)));
        all.Append(MemoryMarshal.AsBytes(hashes.AsSpan()));
        return all.GetCurrentHashAsUInt128();
    });

    /// <summary>All entries below a directory that are not hidden, as (name, entry). Links to a directory above them are skipped.</summary>
    private static IEnumerable<(string Name, FileSystemInfo Info)> Walk(string path) =>
        Walk(path, new DirectoryInfo(path), "", [Target(new DirectoryInfo(path))]);

    private static IEnumerable<(string Name, FileSystemInfo Info)> Walk(
        string path, DirectoryInfo directory, string prefix, List<string> above)
    {
        foreach (FileSystemInfo info in Reading(directory.FullName, () => directory.GetFileSystemInfos("*", Everything)))
        {
            string name = prefix + ComposedText.Of(info.Name);
            if (FileEntry.IsHidden(info.Name))
                continue;
            if (!info.Exists || (info.LinkTarget is not null && !Path.Exists(Target(info))))
                throw new UserErrorException($"{path}: {name} is a link to {info.LinkTarget}, where there is nothing");
            if (info is not DirectoryInfo child)
            {
                yield return (name, info);
                continue;
            }
            string target = Target(child);
            if (above.Any(directoryAbove => $"{directoryAbove}/".StartsWith($"{target}/", StringComparison.Ordinal)))
                continue;
            yield return (name, child);
            if (above.Count >= MaxDepth)
                continue;
            foreach (var below in Walk(path, child, $"{name}/", [.. above, target]))
                yield return below;
        }
    }

    private static string Target(FileSystemInfo info)
    {
        FileSystemInfo target = info.LinkTarget is null ? info : info.ResolveLinkTarget(returnFinalTarget: true) ?? info;
        return Path.TrimEndingDirectorySeparator(target.FullName).Replace(Path.DirectorySeparatorChar, '/');
    }

    private static byte[] Bytes(string path, string name, FileInfo file) => Reading(Path.Combine(path, name), () =>
        // Devices and pipes have no length; reading them might never end.
        FileProblem.HasNoLength(file) ? [] : File.ReadAllBytes(file.FullName));

    private static T Reading<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
    }
}
