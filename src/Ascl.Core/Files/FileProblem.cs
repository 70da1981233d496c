using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>One-line errors out of the exceptions that file operations throw.</summary>
public static class FileProblem
{
    /// <summary>True where the exception says something about the file system or a path and not about the program; meant for exception
    /// filters.</summary>
    public static bool Is(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException { ParamName: "path" } || IsTooLarge(e);

    /// <summary>.NET's form of EFBIG: a file that outgrows what its file system (4 GiB on FAT) or the process's limit allows.</summary>
    private static bool IsTooLarge(Exception e) => e is ArgumentOutOfRangeException { ParamName: "value", Source: "System.Private.CoreLib" };

    /// <param name="action">What was being done: "read", "write", "create", …</param>
    /// <param name="path">The file as the user named it.</param>
    /// <param name="cause">What the file operation threw.</param>
    /// <returns>"cannot write PATH: No space left on device".</returns>
    public static UserErrorException Of(string action, string path, Exception cause) =>
        new($"cannot {action} {path}: {Reason(path, cause)}", cause);

    /// <summary>Refuses a file without length before it is opened: it is empty, or a pipe or a device, which would be waited for or read for ever.</summary>
    /// <exception cref="UserErrorException">The file has no length.</exception>
    public static void RequireContent(string path)
    {
        if (HasNoLength(new FileInfo(path)))
            throw new UserErrorException($"{path}: is empty, or not a regular file");
    }

    /// <summary>Whether a file, or what a link to it leads to, is there and has no length.</summary>
    public static bool HasNoLength(FileInfo file) =>
        (file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true)) is FileInfo { Exists: true, Length: 0 };

    private static string Reason(string path, Exception cause) => cause switch
    {
        FileNotFoundException => "no such file",
        DirectoryNotFoundException => "no such directory",
        NotSupportedException => "it is not a regular file",
        _ when IsTooLarge(cause) => "file too large",
        ArgumentException => "not a path",
        UnauthorizedAccessException => Directory.Exists(path) ? "it is a directory" : "permission denied",
        // On Unix the message is the system's own, followed by " : '/full/path'", which is already in the line (or is the temporary's).
        _ => cause.Message.Split(" : '")[0],
    };
}
