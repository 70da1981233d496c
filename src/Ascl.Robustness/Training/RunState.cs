using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>How far a run is.</summary>
public sealed class RunProgress
{
    /// <summary>Epochs done.</summary>
    public int Epoch { get; set; }

    /// <summary>Steps done of the epoch after them.</summary>
    public int Step { get; set; }

    /// <summary>What those steps summed up to.</summary>
    public EpochTotals Totals { get; set; } = new();

    /// <summary>What the run has cost so far.</summary>
    public RunCost Cost { get; set; } = new();

    /// <summary>The best epoch so far.</summary>
    public BestEpoch Best { get; set; } = new(0, -1);

    /// <summary>That of the averaged weights.</summary>
    public BestEpoch BestAverage { get; set; } = new(0, -1);

    /// <summary><see cref="Data.DataSet.ContentHash"/> of the images that the run began with; null in states of builds that did not keep
    /// it.</summary>
    public string? DataHash { get; set; }

    /// <summary><see cref="Provenance.Run"/> of the weights that the run makes; null in states of builds that did not keep it.</summary>
    public string? Id { get; set; }

    /// <summary>SHA-256 of the file of the weights that the run started from; null where it started anew.</summary>
    public string? FromSha256 { get; set; }

    /// <summary>Numbers of epochs that were asked for before it went on to more, under a schedule whose learning rates depend on them: such
    /// a run is not the same as one that was to be so long from its start.</summary>
    public List<int> EarlierEpochs { get; set; } = [];
}

/// <summary>An epoch, from 1, and its accuracy on the validation images; −1 before the first.</summary>
public sealed record BestEpoch(int Epoch, double Accuracy);

/// <summary>Saves and restores all that a run needs to go on as if never stopped: weights, running statistics, momenta, averages, progress.
/// Random numbers need no state: they are keyed by seed, epoch and image.</summary>
public static class RunState
{
    private const string Model = "model.", Average = "ema.", ProgressKey = "progress", ConfigKey = "config";

    /// <summary>Saves what a training needs to go on.</summary>
    /// <param name="config">What decides the result, by name.</param>
    public static void Save(string path, Trainer trainer, JsonObject config)
    {
        SafetensorsWriter writer = new();
        ClassifierFile.Describe(trainer.Model.Spec, writer);
        Provenance.Write(trainer.Model.Provenance, writer);
        WeightFile.Add(trainer.Model.Parameters, writer, Model);
        if (trainer.Average is { } average)
            WeightFile.Add(average.Model.Parameters, writer, Average);
        foreach (var (name, shape, values) in trainer.Optimizer.State)
            writer.Add(name, shape.Sizes, values.ToArray());
        foreach (TrainingCallback callback in trainer.Callbacks)
            callback.Save(writer);
        writer.Metadata[ProgressKey] = JsonSerializer.Serialize(trainer.Progress, TrainingJson.Default.RunProgress);
        writer.Metadata[ConfigKey] = config.ToJsonString();
        writer.Save(path);
    }

    /// <summary>What decided the result of the training that was saved, by name; null in states of versions that did not keep it.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static JsonObject? Description(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(ConfigKey, out string? text))
            return null;
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? throw new JsonException("not an object");
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{path}: the configuration in its metadata is damaged: {e.Message}", e);
        }
    }

    /// <summary>What the classifier of a saved state is made of; absent in older states.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static ClassifierSpec? Spec(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return ClassifierFile.Written(file.Metadata, path);
    }

    /// <summary>Brings a trainer to where it was when the state was saved.</summary>
    /// <exception cref="UserErrorException">The file is damaged or of another model or optimiser.</exception>
    public static void Load(string path, Trainer trainer)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        WeightFile.Load(trainer.Model.Parameters, file, Model);
        trainer.Model.Provenance = Provenance.Of(file.Metadata, path);
        if (trainer.Average is { } average)
            WeightFile.Load(average.Model.Parameters, file, Average);
        foreach (var (name, _, values) in trainer.Optimizer.State)
        {
            float[] saved = file.ReadFloats(name);
            if (saved.Length != values.Length)
                throw new UserErrorException($"{path}: '{name}' has {saved.Length} values, not {values.Length}");
            values.CopyFrom(saved);
        }
        foreach (TrainingCallback callback in trainer.Callbacks)
            callback.Load(file);
        trainer.Progress = ReadProgress(file);
    }

    /// <summary>How far the run of a saved state is.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static RunProgress Progress(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return ReadProgress(file);
    }

    private static RunProgress ReadProgress(SafetensorsFile file)
    {
        if (!file.Metadata.TryGetValue(ProgressKey, out string? text))
            throw new UserErrorException($"{file.Path}: not the state of a run: no progress in its metadata");
        try
        {
            if (JsonSerializer.Deserialize(text, TrainingJson.Default.RunProgress) is
                {
                    Epoch: >= 0, Step: >= 0, Totals: not null,
                    Cost: not null, Best: not null, BestAverage: not null
                } progress)
                return progress;
            throw new UserErrorException($"{file.Path}: the progress in its metadata is damaged");
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{file.Path}: the progress in its metadata is damaged: {e.Message}", e);
        }
    }
}
