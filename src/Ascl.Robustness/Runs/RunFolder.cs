using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>
/// The folder of a run: config.json (what it computes), the files of its <see cref="Checkpoints"/>, report.json and with averaged weights
/// report-ema.json (the final evaluation), summary.json (what training cost), report.html with its charts in plots/, tensorboard/ (an event
/// file an epoch). Each file is replaced whole or not at all.
/// </summary>
public sealed class RunFolder
{
    private RunFolder(string path, RunConfig config) => (Path, Config, Checkpoints) = (path, config, new(path));

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>What the run computes.</summary>
    public RunConfig Config { get; }

    /// <summary>State, weights and metrics.</summary>
    public CheckpointFolder Checkpoints { get; }

    /// <summary>What the run computes, as JSON.</summary>
    public string ConfigFile => File("config.json");

    /// <summary>What training cost.</summary>
    public string SummaryFile => File("summary.json");

    /// <summary>Final evaluation of the best weights.</summary>
    public string ReportFile => File("report.json");

    /// <summary>Final evaluation of the best averaged weights.</summary>
    public string AverageReportFile => File("report-ema.json");

    /// <summary>Everything on a page.</summary>
    public string PageFile => File("report.html");

    /// <summary>The page's charts as files.</summary>
    public string PlotsFolder => File("plots");

    /// <summary>Event files.</summary>
    public string TensorBoardFolder => File("tensorboard");

    /// <summary>Where the naturally trained twin of a run is, if it has one.</summary>
    public static string TwinPath(string run) => System.IO.Path.Combine(run, "natural-twin");

    /// <summary>Where a new run goes: <see cref="RunOptions.Out"/>, or the first free one of runs/METHOD-1, runs/METHOD-2, ….</summary>
    /// <exception cref="UserErrorException">That place holds something already.</exception>
    public static string FreePath(RunConfig config)
    {
        string path = config.Run.Out
            ?? Enumerable.Range(1, int.MaxValue).Select(i => System.IO.Path.Combine("runs", $"{config.Method.Name}-{i}"))
            .First(p => !Directory.Exists(p));
        if (System.IO.File.Exists(path))
            throw new UserErrorException($"{path}: is a file, not a folder for a run");
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
        {
            bool isRun = System.IO.File.Exists(System.IO.Path.Combine(path, "config.json"));
            throw new UserErrorException(
                $"{path}: {(isRun ? $"holds a run already: go on with it by --resume {path}, or" : "is not empty:")} choose another folder "
                    + "with --out");
        }
        return path;
    }

    /// <summary>A folder for a new run at <see cref="FreePath"/>.</summary>
    /// <exception cref="UserErrorException">The place is taken, or the folder cannot be made.</exception>
    public static RunFolder Create(RunConfig config)
    {
        config.Checked("configuration");
        string path = FreePath(config);
        AtomicFile.CreateFolder(path);
        RunFolder folder = new(path, config with { Run = config.Run with { Out = null, Resume = null } });
        folder.Config.Save(folder.ConfigFile);
        return folder;
    }

    /// <summary>A folder for a new run that several processes work on, at a place that all their hosts see: rank 0 makes it.
    /// Collective.</summary>
    /// <exception cref="UserErrorException">The place is taken, the folder cannot be made, or another host does not see it.</exception>
    public static RunFolder Create(RunConfig config, Communicator communicator)
    {
        if (communicator.Size == 1)
            return Create(config);
        string own = communicator.Together(() => communicator.IsMain ? Create(config).Path : "");
        string path = Encoding.UTF8.GetString(communicator.Broadcast(Encoding.UTF8.GetBytes(own)));
        return communicator.Together(() => Open(path));
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
        string file = WeightPath.Parse(weights).File, folder = System.IO.Path.GetDirectoryName(file) is { Length: > 0 } parent
            ? parent
            : ".";
        bool isWeights = new CheckpointFolder(folder).WeightFiles.Any(known =>
            System.IO.Path.GetFileName(known) == System.IO.Path.GetFileName(file));
        return isWeights && System.IO.File.Exists(System.IO.Path.Combine(folder, "config.json")) ? Open(folder) : null;
    }

    /// <summary>The run with another number of epochs; its files change when it goes on, <see cref="KeepConfig"/>.</summary>
    /// <exception cref="UserErrorException">It has done more epochs already, or its other settings do not go with that number.</exception>
    public RunFolder WithEpochs(int epochs)
    {
        int done = System.IO.File.Exists(Checkpoints.StateFile) ? RunState.Progress(Checkpoints.StateFile).Epoch : 0;
        if (epochs < done)
            throw new UserErrorException($"{Path}: has done {done} epochs already: epochs must be at least as many, not {epochs}");
        RunConfig more = Config with { Training = Config.Training with { Epochs = epochs } };
        return new(Path, more.Checked(ConfigFile));
    }

    /// <summary>What the run's configuration on file says, before <see cref="KeepConfig"/>.</summary>
    public int EpochsOnFile => RunConfig.OfRun(ConfigFile).Training.Epochs;

    /// <summary>Writes the configuration where it has another number of epochs than the file. What was reported of the run so far is of
    /// fewer epochs, and is removed.</summary>
    public void KeepConfig()
    {
        if (EpochsOnFile == Config.Training.Epochs)
            return;
        foreach (string file in new[] { ReportFile, AverageReportFile, SummaryFile, PageFile })
            System.IO.File.Delete(file);
        Config.Save(ConfigFile);
    }

    /// <exception cref="UserErrorException">The run makes an encoder only: its logits are those of a layer that was never
    /// trained.</exception>
    public RunFolder RequireClassifier() => Config.Method.TrainsLogits
        ? this
        : throw new UserErrorException($"{Path}: an encoder without a classifier (method {Config.Method.Name}): train a last layer on it "
            + $"with method linear, or fine-tune it, from {Path}");

    /// <summary><see cref="RunProgress.DataHash"/>, as far as the run's state or its summary tells.</summary>
    public string? DataHash => Identity(RunSummary.Read(SummaryFile)).DataHash;

    /// <exception cref="UserErrorException">The weights are those of an encoder, wherever their file is now.</exception>
    public static Classifier RequireClassifier(Classifier model, string file) => model.Provenance is { IsEncoder: true }
        ? throw new UserErrorException($"{file}: an encoder without a classifier, from pre-training: train a last layer on it with method "
            + $"linear, or fine-tune it, from {file}")
        : model;

    /// <summary>Keeps the folder for the caller until it is disposed of or the process ends.</summary>
    /// <exception cref="UserErrorException">Another process works on the run.</exception>
    public IDisposable Lock() => FolderLock.Take(Path);

    /// <summary>Whether these are the images that the run was trained and tested on, as far as its state or its summary tells.</summary>
    public bool KnowsImages(DataSet data) => DataHash is not { } hash || hash == data.ContentHash;

    /// <summary>Refuses to measure the run on changed images where its test images may then have been trained on.</summary>
    /// <returns>What to say of images that have changed otherwise; null where they have not.</returns>
    /// <exception cref="UserErrorException">They have changed, and the test part is split off the data by the run itself.</exception>
    public string? ChangedImages(DataSet data)
    {
        if (KnowsImages(data))
            return null;
        string changed = $"{Path}: the images of {Config.Data.Source} have changed since the run";
        return Config.Data.Reading.TestShare is null
            ? changed
            : throw new UserErrorException($"{changed}: test images split off now may have been trained on");
    }

    /// <summary>The weights that a user names: a file itself, or the best checkpoint of a run's folder.</summary>
    /// <exception cref="UserErrorException">The folder holds no run, or one that has no best checkpoint yet.</exception>
    public static string Weights(string fileOrRun)
    {
        if (!Directory.Exists(fileOrRun))
            return System.IO.File.Exists(WeightPath.Parse(fileOrRun).File)
                ? fileOrRun
                : throw new UserErrorException($"{fileOrRun}: there is no such file or run");
        string best = Open(fileOrRun).Checkpoints.BestFile;
        return System.IO.File.Exists(best) ? best : throw new UserErrorException($"{fileOrRun}: the run has no best checkpoint yet");
    }

    /// <summary>Writes what training cost.</summary>
    public void WriteSummary(RunSummary summary) => summary.Save(SummaryFile);

    /// <exception cref="UserErrorException">The configuration was changed since the run began, or a file of weights is of another
    /// run.</exception>
    private void CheckWhole()
    {
        RunSummary? summary = RunSummary.Read(SummaryFile);
        RunConfig? known = System.IO.File.Exists(Checkpoints.StateFile) && RunState.Description(Checkpoints.StateFile) is { } described
            ? RunConfig.OfRun(described, $"{Checkpoints.StateFile}: its configuration")
            : summary?.Config is { } written ? RunConfig.OfRun(written, SummaryFile) : null;
        if (known?.Difference(Config, except: "epochs") is var (name, began, now))
            throw new UserErrorException($"{ConfigFile}: {name} is {now}, but the run began with {began}: its weights and reports are of "
                + "that, and it cannot go on with another; "
                + $"put it back, or begin a new run, from its weights if you like (from {Path})");
        if (Identity(summary).Id is not { } id)
            return;
        if (summary?.Id is { } told && told != id)
            throw new UserErrorException($"{SummaryFile}: is not of the run in {Path}, but of one with other settings or images");
        foreach (string file in Checkpoints.WeightFiles.Where(System.IO.File.Exists))
        {
            if (Provenance.Read(file)?.Run is { } other && other != id)
                throw new UserErrorException(
                    $"{file}: these weights are not of the run in {Path}, but of one with other settings or images");
        }
    }

    private (string? DataHash, string? Id) Identity(RunSummary? summary)
    {
        RunProgress? progress = System.IO.File.Exists(Checkpoints.StateFile) ? RunState.Progress(Checkpoints.StateFile) : null;
        return progress is null ? (summary?.DataHash, summary?.Id) : (progress.DataHash, progress.Id);
    }

    private string File(string name) => System.IO.Path.Combine(Path, name);
}
