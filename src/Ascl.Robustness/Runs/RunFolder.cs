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
/// The folder of a run: config.json (the configuration), the files of its <see cref="Checkpoints"/>, report.json and with averaged weights
/// report-ema.json (the final evaluation), summary.json (the cost of training), report.html with its charts in plots/, tensorboard/ (an
/// event file per epoch). Each file is replaced atomically.
/// </summary>
public sealed class RunFolder
{
    private RunFolder(string path, RunConfig config) => (Path, Config, Checkpoints) = (path, config, new(path));

    /// <summary>Path of the folder.</summary>
    public string Path { get; }

    /// <summary>The configuration of the run.</summary>
    public RunConfig Config { get; }

    /// <summary>State, weights and metrics.</summary>
    public CheckpointFolder Checkpoints { get; }

    /// <summary>Path of the configuration.</summary>
    public string ConfigFile => File("config.json");

    /// <summary>Path of the summary with the cost of training.</summary>
    public string SummaryFile => File("summary.json");

    /// <summary>Final evaluation of the best weights.</summary>
    public string ReportFile => File("report.json");

    /// <summary>Final evaluation of the best averaged weights.</summary>
    public string AverageReportFile => File("report-ema.json");

    /// <summary>Path of the HTML report.</summary>
    public string PageFile => File("report.html");

    /// <summary>Folder of the report's charts as SVG files.</summary>
    public string PlotsFolder => File("plots");

    /// <summary>Folder of the event files for TensorBoard.</summary>
    public string TensorBoardFolder => File("tensorboard");

    /// <summary>Folder of a run's naturally trained twin, if it has one.</summary>
    public static string TwinPath(string run) => System.IO.Path.Combine(run, "natural-twin");

    /// <summary>The folder for a new run: <see cref="RunOptions.Out"/>, or the first free one of runs/METHOD-1, runs/METHOD-2, ….</summary>
    /// <exception cref="UserErrorException">The folder is not empty.</exception>
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
                $"{path}: {(isRun ? $"holds a run already: resume it, or" : "is not empty:")} choose another folder");
        }
        return path;
    }

    /// <summary>Creates the folder for a new run at <see cref="FreePath"/>.</summary>
    /// <exception cref="UserErrorException">The folder is not empty, or cannot be created.</exception>
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
        config.Training.CheckProcesses(communicator.Size);
        string own = communicator.Together(() => communicator.IsMain ? Create(config).Path : "");
        string path = Encoding.UTF8.GetString(communicator.Broadcast(Encoding.UTF8.GetBytes(own)));
        try
        {
            return communicator.Together(() => System.IO.File.Exists(System.IO.Path.Combine(path, "config.json"))
                ? Open(path)
                : throw new UserErrorException($"{System.IO.Path.GetFullPath(path)}: does not see the run's folder, which rank 0 has just "
                    + "made: all ranks need the same working folder (or a full path) on a file system that all hosts share"));
        }
        catch (CollectiveErrorException) when (communicator.IsMain)
        {
            // An empty folder is free for the next start.
            System.IO.File.Delete(System.IO.Path.Combine(path, "config.json"));
            throw;
        }
    }

    /// <summary>Opens the folder of an existing run.</summary>
    /// <exception cref="UserErrorException">It holds no run.</exception>
    public static RunFolder Open(string path)
    {
        string config = System.IO.Path.Combine(path, "config.json");
        if (!System.IO.File.Exists(config))
        {
            CheckpointFolder saved = new(path);
            string? weights = new[] { saved.BestFile, saved.LastFile }.FirstOrDefault(System.IO.File.Exists);
            throw new UserErrorException($"{path}: holds no run: there is no config.json" + (weights is null ? ""
                : $"; for the weights that a program saved there, name the file, such as {weights}, and the images (data)"));
        }
        RunFolder folder = new(path, RunConfig.OfRun(config));
        folder.CheckConsistency();
        return folder;
    }

    /// <summary>The run whose folder contains a weight file; null if the file is not in a run's folder.</summary>
    /// <param name="weights">The weight file, or a run's folder.</param>
    /// <exception cref="UserErrorException">The folder holds no run, or its files do not belong together.</exception>
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

    /// <summary>The run with another number of epochs; its files are unchanged until <see cref="SaveConfig"/>.</summary>
    /// <exception cref="UserErrorException">The run has completed more epochs already, or its other settings do not allow that
    /// number.</exception>
    public RunFolder WithEpochs(int epochs)
    {
        int done = System.IO.File.Exists(Checkpoints.StateFile) ? RunState.Progress(Checkpoints.StateFile).Epoch : 0;
        if (epochs < done)
            throw new UserErrorException($"{Path}: has completed {done} epochs already: epochs must be at least as many, not {epochs}");
        RunConfig more = Config with { Training = Config.Training with { Epochs = epochs } };
        return new(Path, more.Checked(ConfigFile));
    }

    /// <summary>The number of epochs in the configuration file.</summary>
    public int SavedEpochs => RunConfig.OfRun(ConfigFile).Training.Epochs;

    /// <summary>Writes the configuration if its number of epochs differs from that in the file, and deletes the reports, which are of the
    /// former number.</summary>
    public void SaveConfig()
    {
        if (SavedEpochs == Config.Training.Epochs)
            return;
        foreach (string file in new[] { ReportFile, AverageReportFile, SummaryFile, PageFile })
            System.IO.File.Delete(file);
        Config.Save(ConfigFile);
    }

    /// <summary>Checks that the run trains a classifier, and returns it.</summary>
    /// <exception cref="UserErrorException">The run trains an encoder only, so its logits are untrained.</exception>
    public RunFolder RequireClassifier() => Config.Method.TrainsLogits
        ? this
        : throw new UserErrorException($"{Path}: an encoder without a classifier (method {Config.Method.Name}): train a last layer on it "
            + $"with method linear, or fine-tune it, from {Path}");

    /// <summary><see cref="RunProgress.DataHash"/>, from the run's state or its summary; null if unknown.</summary>
    public string? DataHash => Identity(RunSummary.Read(SummaryFile)).DataHash;

    /// <summary>Checks that weights are those of a classifier, and returns it.</summary>
    /// <exception cref="UserErrorException">The weights are those of an encoder, according to their provenance.</exception>
    public static Classifier RequireClassifier(Classifier model, string file) => model.Provenance is { IsEncoder: true }
        ? throw new UserErrorException($"{file}: an encoder without a classifier, from pre-training: train a last layer on it with method "
            + $"linear, or fine-tune it, from {file}")
        : model;

    /// <summary>Locks the folder until the result is disposed or the process ends.</summary>
    /// <exception cref="UserErrorException">Another process is working on the run.</exception>
    public IDisposable Lock() => FolderLock.Take(Path);

    /// <summary>Whether these are, as far as known, the images that the run was trained and tested on.</summary>
    public bool HasSameImages(DataSet data) => DataHash is not { } hash || hash == data.ContentHash;

    /// <summary>Checks for images that have changed since the run, and refuses them if test images may then have been trained on.</summary>
    /// <returns>A note that the images have changed; null if they have not.</returns>
    /// <exception cref="UserErrorException">The images have changed, and the run itself splits the test part off.</exception>
    public string? ImageChangeNote(DataSet data)
    {
        if (HasSameImages(data))
            return null;
        string changed = $"{Path}: the images of {Config.Data.Source} have changed since the run";
        return Config.Data.Reading.TestShare is null
            ? changed
            : throw new UserErrorException($"{changed}: test images split off now may have been trained on");
    }

    /// <summary>The weight file that a user names: the file itself, or the best checkpoint of a run's folder.</summary>
    /// <exception cref="UserErrorException">There is no such file, or the folder holds no run or one without a best checkpoint.</exception>
    public static string WeightsFile(string fileOrRun)
    {
        if (!Directory.Exists(fileOrRun))
            return System.IO.File.Exists(WeightPath.Parse(fileOrRun).File)
                ? fileOrRun
                : throw new UserErrorException($"{fileOrRun}: there is no such file or run");
        string best = Open(fileOrRun).Checkpoints.BestFile;
        return System.IO.File.Exists(best) ? best : throw new UserErrorException($"{fileOrRun}: the run has no best checkpoint yet");
    }

    /// <summary>Writes the summary.</summary>
    public void WriteSummary(RunSummary summary) => summary.Save(SummaryFile);

    /// <exception cref="UserErrorException">The configuration was changed after the run began, or a weight file belongs to another
    /// run.</exception>
    private void CheckConsistency()
    {
        RunSummary? summary = RunSummary.Read(SummaryFile);
        RunConfig? known = System.IO.File.Exists(Checkpoints.StateFile) && RunState.Description(Checkpoints.StateFile) is { } described
            ? RunConfig.OfRun(described, $"{Checkpoints.StateFile}: its configuration")
            : summary?.Config is { } written ? RunConfig.OfRun(written, SummaryFile) : null;
        if (known?.Difference(Config, except: "epochs") is var (name, began, now))
            throw new UserErrorException($"{ConfigFile}: {name} is {now}, but the run began with {began}: its weights and reports are of "
                + "that, and it cannot be resumed with a different one; restore it, or start a new run, optionally from its weights (from "
                + $"{Path})");
        if (Identity(summary).Id is not { } id)
            return;
        if (summary?.Id is { } recorded && recorded != id)
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
