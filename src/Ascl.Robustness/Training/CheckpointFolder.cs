using System.Text;
using System.Text.Json;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Robustness.Training;

/// <summary>
/// The checkpoint files of a training run: state.safetensors (everything needed to resume), last.safetensors and best.safetensors
/// (weights), with averaged weights last-ema.safetensors and best-ema.safetensors too, metrics.jsonl (one line per epoch). Each file is
/// replaced atomically.
/// </summary>
/// <param name="path">Path of the folder; it need not exist.</param>
public sealed class CheckpointFolder(string path)
{
    /// <summary>Path of the folder.</summary>
    public string Path => path;

    /// <summary>Training state: everything needed to resume.</summary>
    public string StateFile => File("state.safetensors");

    /// <summary>Weights after the last epoch.</summary>
    public string LastFile => File("last.safetensors");

    /// <summary>Weights of the best epoch.</summary>
    public string BestFile => File("best.safetensors");

    /// <summary>Averaged weights after the last epoch.</summary>
    public string LastAverageFile => File("last-ema.safetensors");

    /// <summary>Averaged weights of their best epoch.</summary>
    public string BestAverageFile => File("best-ema.safetensors");

    /// <summary>Metrics, one line per epoch.</summary>
    public string MetricsFile => File("metrics.jsonl");

    /// <summary>All weight files.</summary>
    public IReadOnlyList<string> WeightFiles => [LastFile, BestFile, LastAverageFile, BestAverageFile];

    /// <summary>Checks that a run that has begun can be resumed.</summary>
    /// <exception cref="UserErrorException">The state file of a run that has begun is missing.</exception>
    public void CheckState()
    {
        if (!System.IO.File.Exists(StateFile) && (System.IO.File.Exists(LastFile) || System.IO.File.Exists(MetricsFile)))
            throw new UserErrorException($"{Path}: cannot be resumed: state.safetensors, which holds momentum and progress, is missing; "
                + $"its weights can start a new run (from {Path})");
    }

    /// <summary>Writes the metrics of all epochs. The file is replaced atomically, not appended to, so it never ends in a partial
    /// line.</summary>
    public void WriteMetrics(IEnumerable<EpochMetrics> epochs) =>
        AtomicFile.WriteText(MetricsFile,
            string.Concat(epochs.Select(metrics => JsonSerializer.Serialize(metrics, TrainingJson.Default.EpochMetrics) + "\n")));

    /// <summary>The metrics of all epochs so far.</summary>
    /// <exception cref="UserErrorException">A line of metrics.jsonl is damaged.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics() =>
        System.IO.File.Exists(MetricsFile) ? [.. System.IO.File.ReadLines(MetricsFile, Encoding.UTF8).Select(Metrics)] : [];

    /// <summary>The metrics of the first <paramref name="epochs"/> epochs.</summary>
    /// <exception cref="UserErrorException">One of them is missing, or a line of metrics.jsonl is damaged.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics(int epochs)
    {
        EpochMetrics[] metrics = [.. ReadMetrics().Take(epochs)];
        return metrics.Select(m => m.Epoch).SequenceEqual(Enumerable.Range(1, epochs))
            ? metrics
            : throw new UserErrorException($"{MetricsFile}: must have one line for each of the {epochs} completed epochs, but has "
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
            // Reported below.
        }
        throw new UserErrorException($"{MetricsFile}: line {index + 1} is not what a run writes");
    }

    private string File(string name) => System.IO.Path.Combine(Path, name);
}
