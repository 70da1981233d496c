using System.Text;
using System.Text.Json;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Robustness.Training;

/// <summary>
/// The files that training keeps in a folder: state.safetensors (all that is needed to go on), last.safetensors and best.safetensors
/// (weights), with averaged weights last-ema.safetensors and best-ema.safetensors too, metrics.jsonl (a line an epoch). Each is replaced
/// whole or not at all.
/// </summary>
public sealed class CheckpointFolder(string path)
{
    /// <summary>Where it is.</summary>
    public string Path => path;

    /// <summary>All that is needed to go on.</summary>
    public string StateFile => File("state.safetensors");

    /// <summary>Weights after the last epoch.</summary>
    public string LastFile => File("last.safetensors");

    /// <summary>Weights of the best epoch.</summary>
    public string BestFile => File("best.safetensors");

    /// <summary>Averaged weights after the last epoch.</summary>
    public string LastAverageFile => File("last-ema.safetensors");

    /// <summary>Averaged weights of their best epoch.</summary>
    public string BestAverageFile => File("best-ema.safetensors");

    /// <summary>A line an epoch.</summary>
    public string MetricsFile => File("metrics.jsonl");

    /// <summary>The files of weights.</summary>
    public IReadOnlyList<string> WeightFiles => [LastFile, BestFile, LastAverageFile, BestAverageFile];

    /// <exception cref="UserErrorException">The run has begun, but what it would go on from is gone: it would start over.</exception>
    public void CheckState()
    {
        if (!System.IO.File.Exists(StateFile) && (System.IO.File.Exists(LastFile) || System.IO.File.Exists(MetricsFile)))
            throw new UserErrorException($"{Path}: cannot go on: state.safetensors, which holds the momentum and the progress, is missing; "
                + "its weights can begin a new "
                + $"run (from {Path})");
    }

    /// <summary>Writes the lines of all epochs. The file ends with a whole line whenever the process is stopped: it is replaced, not
    /// appended to.</summary>
    public void WriteMetrics(IEnumerable<EpochMetrics> epochs) =>
        AtomicFile.WriteText(MetricsFile,
            string.Concat(epochs.Select(metrics => JsonSerializer.Serialize(metrics, TrainingJson.Default.EpochMetrics) + "\n")));

    /// <summary>The epochs so far.</summary>
    /// <exception cref="UserErrorException">A line of metrics.jsonl is damaged.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics() =>
        System.IO.File.Exists(MetricsFile) ? [.. System.IO.File.ReadLines(MetricsFile, Encoding.UTF8).Select(Metrics)] : [];

    /// <summary>The first epochs.</summary>
    /// <exception cref="UserErrorException">One of them is missing, or a line of metrics.jsonl is damaged.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics(int epochs)
    {
        EpochMetrics[] metrics = [.. ReadMetrics().Take(epochs)];
        return metrics.Select(m => m.Epoch).SequenceEqual(Enumerable.Range(1, epochs))
            ? metrics
            : throw new UserErrorException($"{MetricsFile}: is to hold a line for each of the {epochs} epochs that the run has done, and "
                + "holds "
                + (metrics.Length == 0 ? "none" : string.Join(", ", metrics.Select(m => m.Epoch))));
    }

    private EpochMetrics Metrics(string line, int index)
    {
        try
        {
            if (JsonSerializer.Deserialize(line, TrainingJson.Default.EpochMetrics) is { Terms: not null, Selection: not null } metrics)
                return metrics;
        }
        catch (JsonException)
        {
            // Told below.
        }
        throw new UserErrorException($"{MetricsFile}: line {index + 1} is not what a run writes");
    }

    private string File(string name) => System.IO.Path.Combine(Path, name);
}
