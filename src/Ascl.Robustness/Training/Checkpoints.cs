using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>
/// Saves checkpoints to a folder: the state every few steps and after each epoch, the last and the best weights, and the metrics of each
/// epoch. If the folder holds a state, training resumes from it, with bit-identical results.
/// </summary>
/// <param name="folder">The checkpoint folder; created if needed.</param>
/// <param name="saveEvery">Steps between two saves of the state inside an epoch; 0 saves at the end of each epoch only.</param>
public sealed class Checkpoints(CheckpointFolder folder, int saveEvery = 50) : TrainingCallback
{
    /// <summary>Saves checkpoints to the folder at a path.</summary>
    public Checkpoints(string folder, int saveEvery = 50)
        : this(new CheckpointFolder(folder), saveEvery)
    {
    }

    /// <summary>The checkpoint folder.</summary>
    public CheckpointFolder Folder => folder;

    /// <summary>Configuration stored with the state; by default the trainer's description.</summary>
    public JsonObject? Config { get; init; }

    /// <summary>Saves the state now.</summary>
    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public void SaveState(Trainer trainer)
    {
        RunState.Save(folder.StateFile, trainer, Config ?? trainer.Description);
        SetLastGoodCheckpoint(trainer);
    }

    /// <summary>Every rank reads the state; rank 0 writes.</summary>
    public override bool RunsOnEveryRank => true;

    /// <inheritdoc/>
    public override void Begin(Trainer trainer)
    {
        if (trainer.Communicator.IsMain)
            AtomicFile.CreateFolder(folder.Path);
        folder.CheckState();
        if (!File.Exists(folder.StateFile))
            return;
        if (Config is null)
            CheckDescription(trainer);
        RunState.Load(folder.StateFile, trainer);
        RunProgress progress = trainer.Progress;
        if (progress.DataHash is { } expected && expected != trainer.Data.ContentHash)
            throw new UserErrorException($"{folder.Path}: the images of {trainer.Data.Train.Name} are not those that the run began with, "
                + $"so it cannot be resumed; start a new run, optionally from its weights (from {folder.Path})");
        trainer.History.Clear();
        trainer.History.AddRange(folder.ReadMetrics(progress.Epoch));
        // A damaged file is reported now instead of after training.
        if (progress.Best.Epoch > 0)
            ClassifierFile.LoadInto(trainer.Model.Structure(), folder.BestFile);
        // Drops the metrics of epochs after the state, which will be repeated.
        if (trainer.Communicator.IsMain)
            folder.WriteMetrics(trainer.History);
        SetLastGoodCheckpoint(trainer);
    }

    /// <inheritdoc/>
    public override void EndStep(Trainer trainer, TrainedStep step)
    {
        int done = step.Step + 1;
        if (saveEvery > 0 && done % saveEvery == 0 && done < trainer.StepsPerEpoch && MayWrite(trainer))
            SaveState(trainer);
    }

    /// <inheritdoc/>
    public override void EndEpoch(Trainer trainer, TrainedEpoch epoch)
    {
        if (!MayWrite(trainer))
            return;
        SaveWeights(trainer.Model, trainer.Progress, trainer.Progress.Best, folder.LastFile, folder.BestFile);
        if (trainer.Average is { } average)
            SaveWeights(average.Model, trainer.Progress, trainer.Progress.BestAverage, folder.LastAverageFile, folder.BestAverageFile);
        folder.WriteMetrics(trainer.History);
        SaveState(trainer);
    }

    /// <inheritdoc/>
    public override void Stopped(Trainer trainer)
    {
        if (MayWrite(trainer))
            SaveState(trainer);
    }

    /// <summary>Whether this is the rank that writes, after checking that all ranks have the same weights. Collective.</summary>
    private static bool MayWrite(Trainer trainer)
    {
        RankChecks.RequireSameWeights(trainer);
        return trainer.Communicator.IsMain;
    }

    private void SetLastGoodCheckpoint(Trainer trainer) =>
        trainer.LastGoodCheckpoint = File.Exists(folder.BestFile) ? folder.BestFile : folder.StateFile;

    private static void SaveWeights(Classifier model, RunProgress progress, BestEpoch best, string last, string bestFile)
    {
        if (best.Epoch == progress.Epoch)
            ClassifierFile.Save(bestFile, model);
        ClassifierFile.Save(last, model);
    }

    private void CheckDescription(Trainer trainer)
    {
        if (RunState.Description(folder.StateFile) is not { } begun)
            return;
        JsonObject now = trainer.Description, defaults = SettingTree.Defaults(typeof(TrainingSettings));
        foreach (string key in begun.Select(pair => pair.Key).Union(now.Select(pair => pair.Key)))
            // A setting that is absent in the file is newer than it, and so is the schedule's name.
            if (!JsonNode.DeepEquals(begun[key] ?? defaults[key] ?? (key == "schedule" ? now[key] : null), now[key]))
                throw new UserErrorException($"{folder.Path}: training began there with {key} {begun[key]?.ToJsonString() ?? "not given"}, "
                    + $"not with {now[key]?.ToJsonString() ?? "none"}: it cannot be resumed with a different one; choose another folder");
    }
}
