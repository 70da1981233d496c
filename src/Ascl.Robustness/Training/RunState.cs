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

    public RunCost Cost { get; set; } = new();

    /// <summary>The best epoch so far.</summary>
    public BestEpoch Best { get; set; } = new(0, -1);

    /// <summary>That of the averaged weights.</summary>
    public BestEpoch BestAverage { get; set; } = new(0, -1);

    /// <summary><see cref="Data.DataSet.ContentHash"/> of the images that the run began with; null in states of builds that did not keep it.</summary>
    public string? DataHash { get; set; }

    /// <summary><see cref="Provenance.Run"/> of the weights that the run makes; null in states of builds that did not keep it.</summary>
    public string? Id { get; set; }

    /// <summary>SHA-256 of the file of the weights that the run started from; null where it started anew.</summary>
    public string? FromSha256 { get; set; }

    /// <summary>Numbers of epochs that were asked for before it went on to more, under a schedule whose learning rates depend on them: such a run is not the same as one that was
    /// to be so long from its start.</summary>
    public List<int> EarlierEpochs { get; set; } = [];
}

/// <summary>An epoch, from 1, and its accuracy on the validation images; −1 before the first.</summary>
public sealed record BestEpoch(int Epoch, double Accuracy);

/// <summary>Saves and restores all that a run needs to go on as if never stopped: weights, running statistics, momenta, averages, progress. Random numbers
/// need no state: they are keyed by seed, epoch and image.</summary>
public static class RunState
{
    private const string Model = "model.", Average = "ema.", Momentum = "momentum.", ProgressKey = "progress", ConfigKey = "config";

    public static void Save(string path, Classifier model, SgdOptimizer optimizer, WeightAverage? average, RunProgress progress, RunConfig config)
    {
        SafetensorsWriter writer = new();
        ClassifierFile.Describe(model.Spec, writer);
        Provenance.Write(model.Provenance, writer);
        WeightFile.Add(model.Parameters, writer, Model);
        if (average is not null)
            WeightFile.Add(average.Model.Parameters, writer, Average);
        for (int i = 0; i < optimizer.Targets.Count; i++)
            writer.Add(Momentum + optimizer.Targets[i].Name, optimizer.Targets[i].Tensor.Shape.Sizes, optimizer.Momenta[i].ToArray());
        writer.Metadata[ProgressKey] = JsonSerializer.Serialize(progress, RunJson.Default.RunProgress);
        writer.Metadata[ConfigKey] = config.ToJson().ToJsonString();
        writer.Save(path);
    }

    /// <summary>The configuration that a saved state was trained with; null in states of builds that did not keep it.</summary>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public static RunConfig? Config(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue(ConfigKey, out string? text))
            return null;
        try
        {
            return RunConfig.OfRun(JsonNode.Parse(text) as JsonObject ?? throw new JsonException("not an object"), $"{path}: its configuration");
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

    /// <exception cref="UserErrorException">The file is damaged or of another model.</exception>
    public static RunProgress Load(string path, Classifier model, SgdOptimizer optimizer, WeightAverage? average)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        WeightFile.Load(model.Parameters, file, Model);
        if (average is not null)
            WeightFile.Load(average.Model.Parameters, file, Average);
        for (int i = 0; i < optimizer.Targets.Count; i++)
        {
            float[] momentum = file.ReadFloats(Momentum + optimizer.Targets[i].Name);
            if (momentum.Length != optimizer.Momenta[i].Length)
                throw new UserErrorException($"{path}: the momentum of {optimizer.Targets[i].Name} has {momentum.Length} values, not {optimizer.Momenta[i].Length}");
            optimizer.Momenta[i].CopyFrom(momentum);
        }
        return ReadProgress(file);
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
            if (JsonSerializer.Deserialize(text, RunJson.Default.RunProgress) is { Epoch: >= 0, Step: >= 0, Totals: not null, Cost: not null, Best: not null, BestAverage: not null } progress)
                return progress;
            throw new UserErrorException($"{file.Path}: the progress in its metadata is damaged");
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{file.Path}: the progress in its metadata is damaged: {e.Message}", e);
        }
    }
}
