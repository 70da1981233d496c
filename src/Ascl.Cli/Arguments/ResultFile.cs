using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Cli.Arguments;

/// <summary>Checks the files that options name for results, before any work is done for them: they must be writable, and a typing mistake
/// must not overwrite something else.</summary>
internal static class ResultFile
{
    /// <param name="option">The option that names the file.</param>
    /// <param name="path">The file; null if the option is not given.</param>
    /// <param name="ending">How the name of a file that may be overwritten ends.</param>
    /// <exception cref="UserErrorException">The file cannot be written or should not be overwritten.</exception>
    public static void CheckTable(string option, string? path, string ending)
    {
        if (path is null)
            return;
        if (File.Exists(path) && !AtomicFile.IsDevice(path) && !path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
            throw new UserErrorException($"option {option}: {path} exists and does not end in {ending}: it is not overwritten");
        AtomicFile.CheckWritable(path);
    }

    /// <param name="path">The file that --json names; null if it is not given.</param>
    /// <exception cref="UserErrorException">The file cannot be written or should not be overwritten.</exception>
    public static void CheckEvaluation(string? path)
    {
        if (path is null)
            return;
        AtomicFile.CheckWritable(path);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (File.Exists(Path.Combine(folder, "config.json")) || File.Exists(Path.Combine(folder, "evaluation.json")))
            throw new UserErrorException($"option --json: {folder} is the folder of a run or an evaluation, which keeps its own reports: "
                + "choose another folder");
        if (File.Exists(path) && !AtomicFile.IsDevice(path) && !JsonFile.ReadObject(path).ContainsKey("clean_accuracy"))
            throw new UserErrorException($"option --json: {path} exists and does not hold the results of an evaluation: it is not "
                + "overwritten");
    }
}
