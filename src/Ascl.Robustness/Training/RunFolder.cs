using System.Text;
using System.Text.Json;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Models;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>
/// The files of a run: config.json (what it computes), metrics.jsonl (a line an epoch), state.safetensors (all that is needed to go on),
/// last.safetensors and best.safetensors (weights), report.json (the final evaluation), summary.json (what training cost), report.html with its charts in plots/, tensorboard/ (an event file an epoch); with averaged weights last-ema.safetensors,
/// best-ema.safetensors and report-ema.json too. Each is replaced whole or not at all.
/// </summary>
public sealed class RunFolder
{
    private static readonly string[] WeightFiles = ["last.safetensors", "best.safetensors", "last-ema.safetensors", "best-ema.safetensors"];

    private RunFolder(string path, RunConfig config) => (Path, Config) = (path, config);

    public string Path { get; }
    public RunConfig Config { get; }
    public string ConfigFile => File("config.json");
    public string MetricsFile => File("metrics.jsonl");
    public string StateFile => File("state.safetensors");
    public string LastFile => File("last.safetensors");
    public string BestFile => File("best.safetensors");
    public string SummaryFile => File("summary.json");
    public string ReportFile => File("report.json");
    public string PageFile => File("report.html");
    public string PlotsFolder => File("plots");
    public string TensorBoardFolder => File("tensorboard");
    public string LastAverageFile => File("last-ema.safetensors");
    public string BestAverageFile => File("best-ema.safetensors");
    public string AverageReportFile => File("report-ema.json");

    /// <summary>Where the naturally trained twin of a run is, if it has one.</summary>
    public static string TwinPath(string run) => System.IO.Path.Combine(run, "natural-twin");

    /// <summary>Where a new run goes: <see cref="RunConfig.Out"/>, or the first free one of runs/METHOD-1, runs/METHOD-2, ….</summary>
    /// <exception cref="UserErrorException">That place holds something already.</exception>
    public static string FreePath(RunConfig config)
    {
        string path = config.Out ?? Enumerable.Range(1, int.MaxValue).Select(i => System.IO.Path.Combine("runs", $"{config.Method}-{i}")).First(p => !Directory.Exists(p));
        if (System.IO.File.Exists(path))
            throw new UserErrorException($"{path}: is a file, not a folder for a run");
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
        {
            bool isRun = System.IO.File.Exists(System.IO.Path.Combine(path, "config.json"));
            throw new UserErrorException($"{path}: {(isRun ? $"holds a run already: go on with it by --resume {path}, or" : "is not empty:")} choose another folder with --out");
        }
        return path;
    }

    /// <summary>A folder for a new run at <see cref="FreePath"/>.</summary>
    /// <exception cref="UserErrorException">The place is taken, or the folder cannot be made.</exception>
    public static RunFolder Create(RunConfig config)
    {
        config.Checked();
        string path = FreePath(config);
        AtomicFile.CreateFolder(path);
        RunFolder folder = new(path, config with { Out = null, Resume = null });
        folder.Config.Save(folder.ConfigFile);
        return folder;
    }

    /// <summary>The folder of an earlier run.</summary>
    /// <exception cref="UserErrorException">It holds no run.</exception>
    public static RunFolder Open(string path)
    {
        string config = System.IO.Path.Combine(path, "config.json");
        if (!System.IO.File.Exists(config))
            throw new UserErrorException($"{path}: holds no run: there is no config.json");
        RunFolder folder = new(path, RunConfig.OfRun(config));
        folder.CheckWhole();
        return folder;
    }

    /// <summary>The run whose folder holds a file of weights; null where that is no run's folder.</summary>
    /// <param name="weights">A run's folder, or the file.</param>
    /// <exception cref="UserErrorException">The folder is no run's, or of a run whose files do not belong together.</exception>
    public static RunFolder? Of(string weights)
    {
        if (Directory.Exists(weights))
            return Open(weights);
        string file = WeightPath.Parse(weights).File, folder = System.IO.Path.GetDirectoryName(file) is { Length: > 0 } parent ? parent : ".";
        return WeightFiles.Contains(System.IO.Path.GetFileName(file)) && System.IO.File.Exists(System.IO.Path.Combine(folder, "config.json")) ? Open(folder) : null;
    }

    /// <exception cref="UserErrorException">The configuration was changed since the run began, or a file of weights is of another run.</exception>
    private void CheckWhole()
    {
        RunSummary? summary = RunSummary.Read(SummaryFile);
        RunConfig? known = (System.IO.File.Exists(StateFile) ? RunState.Config(StateFile) : null) ?? (summary?.Config is { } written ? RunConfig.OfRun(written, SummaryFile) : null);
        if (known?.Difference(Config, except: "epochs") is var (key, began, now))
            throw new UserErrorException($"{ConfigFile}: {key} is {now}, but the run began with {began}: its weights and reports are of that, and it cannot go on with another; put it back, or begin a new run, from its weights if you like (from {Path})");
        if (Identity(summary).Id is not { } id)
            return;
        if (summary?.Id is { } told && told != id)
            throw new UserErrorException($"{SummaryFile}: is not of the run in {Path}, but of one with other settings or images");
        foreach (string file in WeightFiles.Select(File).Where(System.IO.File.Exists))
        {
            if (Provenance.Read(file)?.Run is { } other && other != id)
                throw new UserErrorException($"{file}: these weights are not of the run in {Path}, but of one with other settings or images");
        }
    }

    /// <summary>The run with another number of epochs; its files change when it goes on, <see cref="KeepConfig"/>.</summary>
    /// <exception cref="UserErrorException">It has done more epochs already, or its other settings do not go with that number.</exception>
    public RunFolder WithEpochs(int epochs)
    {
        int done = System.IO.File.Exists(StateFile) ? RunState.Progress(StateFile).Epoch : 0;
        if (epochs < done)
            throw new UserErrorException($"{Path}: has done {done} epochs already: epochs must be at least as many, not {epochs}");
        return new(Path, (Config with { Epochs = epochs }).Checked(ConfigFile));
    }

    /// <summary>What the run's configuration on file says, before <see cref="KeepConfig"/>.</summary>
    public int EpochsOnFile => RunConfig.OfRun(ConfigFile).Epochs;

    /// <summary>Writes the configuration where it has another number of epochs than the file. What was reported of the run so far is of fewer epochs, and is
    /// removed.</summary>
    public void KeepConfig()
    {
        if (EpochsOnFile == Config.Epochs)
            return;
        foreach (string file in new[] { ReportFile, AverageReportFile, SummaryFile, PageFile })
            System.IO.File.Delete(file);
        Config.Save(ConfigFile);
    }

    /// <exception cref="UserErrorException">The run makes an encoder only: its logits are those of a layer that was never trained.</exception>
    public RunFolder RequireClassifier() => RunParts.TrainsLogits(Config)
        ? this
        : throw new UserErrorException($"{Path}: an encoder without a classifier (method {Config.Method}): train a last layer on it with method linear, or fine-tune it, from {Path}");

    /// <summary><see cref="RunProgress.DataHash"/>, as far as the run's state or its summary tells.</summary>
    public string? DataHash => Identity(RunSummary.Read(SummaryFile)).DataHash;

    /// <exception cref="UserErrorException">The weights are those of an encoder, wherever their file is now.</exception>
    public static Classifier RequireClassifier(Classifier model, string file) => model.Provenance is { IsEncoder: true }
        ? throw new UserErrorException($"{file}: an encoder without a classifier, from pre-training: train a last layer on it with method linear, or fine-tune it, from {file}")
        : model;

    /// <summary>Keeps the folder for the caller until it is disposed of or the process ends.</summary>
    /// <exception cref="UserErrorException">Another process works on the run.</exception>
    public IDisposable Lock() => FolderLock.Take(Path);

    private (string? DataHash, string? Id) Identity(RunSummary? summary)
    {
        RunProgress? progress = System.IO.File.Exists(StateFile) ? RunState.Progress(StateFile) : null;
        return progress is null ? (summary?.DataHash, summary?.Id) : (progress.DataHash, progress.Id);
    }

    /// <summary>Whether these are the images that the run was trained and tested on, as far as its state or its summary tells.</summary>
    public bool KnowsImages(DataSet data) => DataHash is not { } hash || hash == data.ContentHash;

    /// <summary>Refuses to measure the run on changed images where its test images may then have been trained on.</summary>
    /// <returns>What to say of images that have changed otherwise; null where they have not.</returns>
    /// <exception cref="UserErrorException">They have changed, and the test part is split off the data by the run itself.</exception>
    public string? ChangedImages(DataSet data)
    {
        if (KnowsImages(data))
            return null;
        string changed = $"{Path}: the images of {Config.Data} have changed since the run";
        return Config.TestShare is null ? changed : throw new UserErrorException($"{changed}: test images split off now may have been trained on");
    }

    /// <exception cref="UserErrorException">The run has begun, but what it would go on from is gone: it would start over.</exception>
    public void CheckState()
    {
        if (!System.IO.File.Exists(StateFile) && (System.IO.File.Exists(LastFile) || System.IO.File.Exists(MetricsFile)))
            throw new UserErrorException($"{Path}: cannot go on: state.safetensors, which holds the momentum and the progress, is missing; its weights can begin a new run (from {Path})");
    }

    /// <summary>The weights that a user names: a file itself, or the best checkpoint of a run's folder.</summary>
    /// <exception cref="UserErrorException">The folder holds no run, or one that has no best checkpoint yet.</exception>
    public static string Weights(string fileOrRun)
    {
        if (!Directory.Exists(fileOrRun))
            return System.IO.File.Exists(WeightPath.Parse(fileOrRun).File) ? fileOrRun : throw new UserErrorException($"{fileOrRun}: there is no such file or run");
        string best = Open(fileOrRun).BestFile;
        return System.IO.File.Exists(best) ? best : throw new UserErrorException($"{fileOrRun}: the run has no best checkpoint yet");
    }

    /// <summary>Adds an epoch's line. The file ends with a whole line whenever the process is stopped: it is replaced, not appended to.</summary>
    public void AddMetrics(EpochMetrics metrics) => WriteMetrics([.. MetricsLines(metrics.Epoch - 1), JsonSerializer.Serialize(metrics, RunJson.Default.EpochMetrics)]);

    /// <summary>Forgets the lines of epochs after <paramref name="epochs"/>: those that a resumed run will do again.</summary>
    public void KeepMetrics(int epochs)
    {
        if (System.IO.File.Exists(MetricsFile))
            WriteMetrics([.. MetricsLines(epochs)]);
    }

    public void WriteSummary(RunSummary summary) => AtomicFile.WriteText(SummaryFile, JsonFile.Text(summary, RunJson.Default.RunSummary));

    /// <summary>The epochs so far.</summary>
    /// <exception cref="UserErrorException">A line of metrics.jsonl is damaged.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics() => [.. MetricsLines(int.MaxValue).Select(Metrics)];

    /// <summary>The first epochs.</summary>
    /// <exception cref="UserErrorException">One of them is missing, or a line of metrics.jsonl is damaged.</exception>
    public IReadOnlyList<EpochMetrics> ReadMetrics(int epochs)
    {
        EpochMetrics[] metrics = [.. ReadMetrics().Take(epochs)];
        return metrics.Select(m => m.Epoch).SequenceEqual(Enumerable.Range(1, epochs))
            ? metrics
            : throw new UserErrorException($"{MetricsFile}: is to hold a line for each of the {epochs} epochs that the run has done, and holds {(metrics.Length == 0 ? "none" : string.Join(", ", metrics.Select(m => m.Epoch)))}");
    }

    private EpochMetrics Metrics(string line, int index)
    {
        try
        {
            if (JsonSerializer.Deserialize(line, RunJson.Default.EpochMetrics) is { Terms: not null, Selection: not null } metrics)
                return metrics;
        }
        catch (JsonException)
        {
            // Told below.
        }
        throw new UserErrorException($"{MetricsFile}: line {index + 1} is not what a run writes");
    }

    private void WriteMetrics(IReadOnlyCollection<string> lines) => AtomicFile.WriteText(MetricsFile, string.Concat(lines.Select(line => line + "\n")));

    private IEnumerable<string> MetricsLines(int epochs) =>
        System.IO.File.Exists(MetricsFile) ? System.IO.File.ReadLines(MetricsFile, Encoding.UTF8).Take(epochs) : [];

    private string File(string name) => System.IO.Path.Combine(Path, name);
}
