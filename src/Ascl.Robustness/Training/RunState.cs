using System.Text.Json;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>Training progress: epoch, step, running totals, cost and the best epoch.</summary>
public sealed class RunProgress
{
    /// <summary>Completed epochs.</summary>
    public int Epoch { get; set; }

    /// <summary>Completed steps of the current epoch.</summary>
    public int Step { get; set; }

    /// <summary>Running totals of those steps.</summary>
    public EpochTotals Totals { get; set; } = new();

    /// <summary>The cost of the run so far.</summary>
    public RunCost Cost { get; set; } = new();

    /// <summary>The best epoch so far.</summary>
    public BestEpoch Best { get; set; } = new(0, -1);

    /// <summary>The best epoch of the averaged weights.</summary>
    public BestEpoch BestAverage { get; set; } = new(0, -1);

    /// <summary><see cref="Data.DataSet.ContentHash"/> of the run's images; absent in older states.</summary>
    public string? DataHash { get; set; }

    /// <summary><see cref="Provenance.Run"/> of the weights that the run produces; absent in older states.</summary>
    public string? Id { get; set; }

    /// <summary>SHA-256 of the file of the initial weights; null if they were random.</summary>
    public string? FromSha256 { get; set; }

    /// <summary><see cref="Classifier.WeightHash"/> of the natural network that labelled helper images; null without those.</summary>
    public string? NaturalHash { get; set; }

    /// <summary><see cref="Data.ImageSet.ContentHash"/> of the extra images with their labels; null without those.</summary>
    public string? ExtraHash { get; set; }

    /// <summary>Epoch, from 1, after which catastrophic overfitting changed the training; null if it has not
    /// (<see cref="TrainingSettings.OnOverfitting"/>).</summary>
    public int? OverfittingEpoch { get; set; }

    /// <summary>Former total numbers of epochs, if the run was extended under a schedule that depends on the total: such a run differs from
    /// one that was planned with the final number from the start.</summary>
    public List<int> EarlierEpochs { get; set; } = [];
}

/// <summary>An epoch, from 1, and its validation accuracy; −1 if there is none.</summary>
/// <param name="Epoch">Number of the epoch, from 1; 0 before the first.</param>
/// <param name="Accuracy">Validation accuracy; −1 if there is none.</param>
public sealed record BestEpoch(int Epoch, double Accuracy);

/// <summary>Saves and restores everything needed to resume a run as if it had never stopped: weights, running statistics, optimiser state,
/// averaged weights, class means, remembered perturbations, progress. Random numbers need no state, because they are keyed by seed, epoch
/// and image.</summary>
public static class RunState
{
    private const string Model = "model.", Average = "ema.", ProgressKey = "progress", ConfigKey = "config";

    /// <summary>Saves the state of a trainer.</summary>
    /// <param name="config">The settings that determine the result, by name.</param>
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
        trainer.ClassMeans?.Save(writer);
        trainer.Memory?.Save(writer);
        foreach (TrainingCallback callback in trainer.Callbacks)
            callback.Save(writer);
        writer.Metadata[ProgressKey] = JsonSerializer.Serialize(trainer.Progress, TrainingJson.Default.RunProgress);
        writer.Metadata[ConfigKey] = config.ToJsonString();
        writer.Save(path);
    }

    /// <summary>The settings that determine the result of the saved training, by name; absent in older states.</summary>
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

    /// <summary>The specification of the saved classifier; absent in older states.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static ClassifierSpec? Spec(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return ClassifierFile.Written(file.Metadata, path);
    }

    /// <summary>Restores a trainer to a saved state.</summary>
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
        trainer.ClassMeans?.Load(file);
        trainer.Memory?.Load(file);
        foreach (TrainingCallback callback in trainer.Callbacks)
            callback.Load(file);
        trainer.Progress = ReadProgress(file);
    }

    /// <summary>The progress of a saved state.</summary>
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
