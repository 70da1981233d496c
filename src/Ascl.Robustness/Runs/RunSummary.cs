using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Ascl.Core.Files;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>The summary of a run and its cost: summary.json.</summary>
/// <param name="Method">Name of the objective.</param>
/// <param name="Model">Name of the network.</param>
/// <param name="Data">Name of the data set.</param>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Epochs">Completed epochs.</param>
/// <param name="TrainingImages">Images of the training part, without extra ones.</param>
/// <param name="Device">The device and how it was used.</param>
/// <param name="TrainSeconds">Wall time of training and validation, without the final evaluation.</param>
/// <param name="CpuSeconds">CPU time of the same over all threads.</param>
/// <param name="ImagesPerSecond">Training images with extra ones, mean over the run.</param>
/// <param name="ForwardPasses">Forward passes, each of one image, including attacks and validation.</param>
/// <param name="BackwardPasses">Backward passes, each of one image.</param>
/// <param name="Gflop">10⁹ floating-point operations, counted by the textbook definitions of the ops.</param>
/// <param name="PeakMemoryBytes">Largest memory of the process.</param>
/// <param name="BestEpoch">Epoch of the best weights, from 1.</param>
/// <param name="BestValidationAccuracy">Validation accuracy of that epoch; null without validation.</param>
/// <param name="Warnings">Number of epochs with each warning.</param>
/// <param name="DataHash">As <see cref="RunProgress.DataHash"/>.</param>
/// <param name="Id">As <see cref="RunProgress.Id"/>.</param>
/// <param name="FromSha256">As <see cref="RunProgress.FromSha256"/>.</param>
/// <param name="NaturalHash">As <see cref="RunProgress.NaturalHash"/>.</param>
/// <param name="ExtraHash">As <see cref="RunProgress.ExtraHash"/>.</param>
/// <param name="EarlierEpochs">As <see cref="RunProgress.EarlierEpochs"/>.</param>
/// <param name="OverfittingEpoch">As <see cref="RunProgress.OverfittingEpoch"/>.</param>
/// <param name="Config">The configuration of the run.</param>
public sealed record RunSummary(
    string Method, string Model, string Data, ulong Seed, int Epochs, int TrainingImages, string Device, double TrainSeconds,
    double CpuSeconds, double ImagesPerSecond,
    long ForwardPasses, long BackwardPasses, double Gflop, long PeakMemoryBytes, int BestEpoch, double? BestValidationAccuracy,
    IReadOnlyDictionary<string, int> Warnings,
    string? DataHash = null, string? Id = null,
    string? FromSha256 = null, string? NaturalHash = null, string? ExtraHash = null, IReadOnlyList<int>? EarlierEpochs = null,
    int? OverfittingEpoch = null, JsonObject? Config = null)
{
    /// <summary>The summary of a finished training.</summary>
    public static RunSummary Of(RunConfig config, Trainer trainer)
    {
        RunProgress progress = trainer.Progress;
        RunCost cost = progress.Cost;
        int images = trainer.Data.Train.Count, epochs = progress.Epoch;
        double? chosenBy = progress.Best.Accuracy < 0 ? null : progress.Best.Accuracy;
        Dictionary<string, int> warnings = trainer.History.SelectMany(m => m.Warnings ?? []).CountBy(w => w.Name)
            .ToDictionary(e => e.Key, e => e.Value);
        return new(config.Method.Name, config.Model.Network, config.Data.Source, config.Training.Seed, epochs, images,
            trainer.Model.Device.Name, cost.Seconds,
            cost.CpuSeconds, (double)trainer.ImagesPerEpoch * epochs / cost.Seconds, cost.ForwardPasses, cost.BackwardPasses,
            cost.Flop / 1e9,
            cost.PeakMemoryBytes,
            progress.Best.Epoch, chosenBy, warnings, progress.DataHash, progress.Id, progress.FromSha256, progress.NaturalHash,
            progress.ExtraHash, progress.EarlierEpochs, progress.OverfittingEpoch, config.ToJson());
    }

    /// <summary>Writes the summary as JSON.</summary>
    public void Save(string path) => AtomicFile.WriteText(path, JsonFile.Text(this, RunSummaryJson.Default.RunSummary));

    /// <summary>Reads a summary; null if there is no such file.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file is damaged.</exception>
    public static RunSummary? Read(string path) =>
        JsonFile.ReadRecord(path, RunSummaryJson.Default.RunSummary, summary => summary.Method is not null);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DictionaryKeyPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RunSummary))]
internal sealed partial class RunSummaryJson : JsonSerializerContext;
