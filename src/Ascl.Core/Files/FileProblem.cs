using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>Turns exceptions of file operations into one-line user errors.</summary>
public static class FileProblem
{
    /// <summary>Whether an exception is about the file system or a path rather than a bug; meant for exception filters.</summary>
    public static bool Is(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException { ParamName: "path" }
            || IsTooLarge(e);

    /// <summary>How .NET reports EFBIG: the file is larger than its file system (4 GiB on FAT) or the process's limit allows.</summary>
    private static bool IsTooLarge(Exception e) =>
        e is ArgumentOutOfRangeException { ParamName: "value", Source: "System.Private.CoreLib" };

    /// <summary>The user error for a failed file operation.</summary>
    /// <param name="action">What was being done: "read", "write", "create", …</param>
    /// <param name="path">The file as the user named it.</param>
    /// <param name="cause">What the file operation threw.</param>
    /// <returns>"cannot write PATH: No space left on device".</returns>
    public static UserErrorException Of(string action, string path, Exception cause) =>
        new($"cannot {action} {path}: {Reason(path, cause)}", cause);

    /// <summary>
    /// Rejects a file of length 0 before it is opened: it is empty, or a pipe or device, whose reading could block or never end.
    /// </summary>
    /// <exception cref="UserErrorException">The file's length is 0.</exception>
    public static void RequireContent(string path)
    {
        if (HasNoLength(new FileInfo(path)))
            throw new UserErrorException($"{path}: is empty, or not a regular file");
    }

    /// <summary>Whether the file, or the target of the link, exists and has length 0.</summary>
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
        // On Unix the message is the system's, followed by " : '/full/path'": a path that our message names already, or that of the
        // temporary.
        _ => cause.Message.Split(" : '")[0],
    };
}
