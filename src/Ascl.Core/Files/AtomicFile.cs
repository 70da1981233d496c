using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>
/// Files that are either the old one or the whole new one, whatever happens while they are written: the bytes go to a temporary file in the
/// same directory, are flushed to the disk, and the temporary is then renamed over the target.
/// </summary>
public static class AtomicFile
{
    private const int BufferBytes = 1 << 16;
    private const string TemporarySuffix = ".tmp";

    /// <summary>Replaces the file at <paramref name="path"/> by what <paramref name="write"/> writes. Where that fails or throws, the old file
    /// stays as it was and the temporary is removed; the temporary of a process that was killed is removed by the next write to the same path.
    /// A device (/dev/stdout, /dev/null) is written directly: it holds nothing that could be lost.</summary>
    /// <exception cref="UserErrorException">The file cannot be written: full disk, no permission, no such directory.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        try
        {
            string target = Path.GetFullPath(path);
            if (IsDevice(target))
                WriteAndFlush(target, FileMode.Open, write);
            else
                WriteBeside(Linked(target), write);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("write", path, e);
        }
    }

    /// <summary>Whether a path is that of a device, such as /dev/stdout, which holds nothing that could be overwritten.</summary>
    public static bool IsDevice(string path) => Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal) && File.Exists(path);

    /// <summary>Replaces the file by <paramref name="text"/> in UTF-8; otherwise as <see cref="Write"/>.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Whether <see cref="Write"/> could write the file, tried by an empty file beside it: to be asked before long work, not after it.</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public static void CheckWritable(string path)
    {
        try
        {
            string target = Path.GetFullPath(path);
            if (IsDevice(target))
                return;
            target = Linked(target);
            if (Directory.Exists(target))
                throw new UserErrorException($"cannot write {path}: it is a directory");
            using var probe = new FileStream(
                $"{target}.{Guid.NewGuid():N}{TemporarySuffix}", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("write", path, e);
        }
    }

    /// <summary>Creates a folder for files to come, with those above it, and checks that files can be written there.</summary>
    /// <exception cref="UserErrorException">The folder cannot be created or written to.</exception>
    public static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("create", path, e);
        }
        CheckWritable(Path.Combine(path, "report"));
    }

    private static string Linked(string path) =>
        new FileInfo(path) is { LinkTarget: not null } link ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : path;

    private static void WriteBeside(string target, Action<Stream> write)
    {
        string directory = Path.GetDirectoryName(target) ?? throw new UnauthorizedAccessException();
        RemoveAbandoned(directory, Path.GetFileName(target));
        string temporary = $"{target}.{Guid.NewGuid():N}{TemporarySuffix}";
        try
        {
            WriteAndFlush(temporary, FileMode.CreateNew, write);
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void WriteAndFlush(string path, FileMode mode, Action<Stream> write)
    {
        // FileShare.None holds a lock for as long as the writer lives: RemoveAbandoned tells by it who is still writing.
        using var stream = new FileStream(path, mode, FileAccess.Write, FileShare.None, BufferBytes);
        write(stream);
        stream.Flush(flushToDisk: true);
    }

    private static void RemoveAbandoned(string directory, string name)
    {
        foreach (string left in Directory.EnumerateFiles(directory).Where(file => IsTemporaryOf(name, Path.GetFileName(file))))
        {
            try
            {
                using (new FileStream(left, FileMode.Open, FileAccess.Write, FileShare.None))
                    File.Delete(left);
            }
            catch (Exception e) when (FileProblem.Is(e))
            {
                // Another process is writing it, or has just finished.
            }
        }
    }

    private static bool IsTemporaryOf(string name, string candidate) =>
        candidate.Length > name.Length + TemporarySuffix.Length
        && candidate.StartsWith($"{name}.", StringComparison.Ordinal) && candidate.EndsWith(TemporarySuffix, StringComparison.Ordinal)
        && Guid.TryParseExact(candidate[(name.Length + 1)..^TemporarySuffix.Length], "N", out _);
}
