using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>The results of a run, read from its folder. Results that do not exist yet, or that an older version did not write, are
/// null.</summary>
/// <param name="Path">The run's folder.</param>
/// <param name="Config">The configuration.</param>
/// <param name="Report">Final evaluation of the best weights.</param>
/// <param name="AverageReport">Final evaluation of the averaged weights.</param>
/// <param name="Summary">Summary and cost of the training.</param>
/// <param name="LastEpoch">Metrics of the last epoch.</param>
/// <param name="DataHash">Hash of the images it was trained and tested on.</param>
public sealed record RunRecord(string Path, RunConfig Config, EvaluationReport? Report, EvaluationReport? AverageReport,
    RunSummary? Summary, EpochMetrics? LastEpoch, string? DataHash = null)
{
    /// <summary>Reads a run.</summary>
    /// <exception cref="UserErrorException">The folder holds no run, or one of its files is damaged.</exception>
    public static RunRecord Read(string path)
    {
        RunFolder folder = RunFolder.Open(path);
        return new(path, folder.Config, ReportOf(folder.Config, folder.ReportFile, folder.Checkpoints.BestFile),
            ReportOf(folder.Config, folder.AverageReportFile, folder.Checkpoints.BestAverageFile),
            RunSummary.Read(folder.SummaryFile), folder.Checkpoints.ReadMetrics().LastOrDefault(), folder.DataHash);
    }

    /// <summary>Reads a report and checks that it is of these weights.</summary>
    private static EvaluationReport? ReportOf(RunConfig config, string file, string weights)
    {
        EvaluationReport? report = EvaluationReport.Read(file);
        string norm = NameText.Of(config.Attack.Norm);
        if (report?.WeightsSha256 is { } reported && File.Exists(weights) && FileHash.Of(weights) != reported)
            throw new UserErrorException($"{file}: is not of the weights in {weights}: one of the two is of another run or was changed "
                + "(resuming the run evaluates it again)");
        if (report?.Attacks.FirstOrDefault(attack => attack.Norm != norm
            || Math.Abs(attack.Epsilon - config.Attack.Epsilon) > 1e-9) is { } other)
            throw new UserErrorException($"{file}: is of attacks within {other.Norm} {NumberText.Of(other.Epsilon)}, the run within {norm} "
                + $"{NumberText.Of(config.Attack.Epsilon)}: it is not of this run (resuming the run evaluates it again)");
        return report;
    }

    /// <summary>The run in a folder, or the runs in its subfolders, ordered by name.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static IReadOnlyList<RunRecord> ReadAll(string path)
    {
        if (!Directory.Exists(path))
            throw new UserErrorException($"{path}: there is no such folder");
        if (IsRun(path))
            return [Read(path)];
        RunRecord[] inside = [.. Directory.EnumerateDirectories(path).Where(IsRun).Order(StringComparer.Ordinal).Select(Read)];
        return inside.Length > 0 ? inside : throw new UserErrorException($"{path}: neither it nor its subfolders hold a run");
    }

    private static bool IsRun(string path) => File.Exists(System.IO.Path.Combine(path, "config.json"));
}
