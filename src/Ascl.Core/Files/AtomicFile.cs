using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>
/// Writes files atomically: after a crash or an error the file is either the old one or the complete new one. The bytes go to a temporary
/// file in the same directory, are flushed to disk, and the temporary is then renamed over the target.
/// </summary>
public static class AtomicFile
{
    private const int BufferBytes = 1 << 16;
    private const string TemporarySuffix = ".tmp";

    /// <summary>
    /// Replaces the file at <paramref name="path"/> by what <paramref name="write"/> writes. If that throws, the old file is unchanged and
    /// the temporary is removed. The next write to the same path removes the temporary of a process that was killed. Devices (/dev/stdout,
    /// /dev/null) are written directly, because they hold nothing to lose.
    /// </summary>
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

    /// <summary>Whether the path is a device such as /dev/stdout, so that writing to it overwrites nothing.</summary>
    public static bool IsDevice(string path) => Path.GetFullPath(path).StartsWith("/dev/", StringComparison.Ordinal) && File.Exists(path);

    /// <summary>As <see cref="Write"/>, with <paramref name="text"/> in UTF-8 as the content.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>
    /// Checks that <see cref="Write"/> can write the file, by creating an empty file beside it. To be called before long work, not after
    /// it.
    /// </summary>
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
                $"{target}.{Guid.NewGuid():N}{TemporarySuffix}", FileMode.CreateNew, FileAccess.Write, FileShare.None, 1,
                FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("write", path, e);
        }
    }

    /// <summary>Creates a folder and its parents, and checks that files can be written there.</summary>
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
        // FileShare.None locks the file while its writer lives: RemoveAbandoned cannot open a file that is still being written.
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
                // Another process is still writing the file, or has just renamed it.
            }
        }
    }

    private static bool IsTemporaryOf(string name, string candidate) =>
        candidate.Length > name.Length + TemporarySuffix.Length
        && candidate.StartsWith($"{name}.", StringComparison.Ordinal) && candidate.EndsWith(TemporarySuffix, StringComparison.Ordinal)
        && Guid.TryParseExact(candidate[(name.Length + 1)..^TemporarySuffix.Length], "N", out _);
}
