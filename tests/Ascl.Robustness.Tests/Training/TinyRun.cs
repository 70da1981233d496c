using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>A run of a fraction of a second on 40 images of 8×8 pixels in 4 classes, in a folder of its own.</summary>
internal sealed class TinyRun : IDisposable
{
    public const string Network = "resnet: 1 block a stage, widths 4,8";
    private const int Side = 8, Classes = 4;

    private RunFolder? natural;
    private readonly string root = Directory.CreateTempSubdirectory("ascl-tiny-").FullName;

    /// <summary>Everything small, the rest as by default.</summary>
    public static RunConfig Config { get; } = new RunConfig().With(("model", Network), ("epochs", 2), ("batch", 16), ("validation", 8),
        ("attack-steps", 2), ("head", 5), ("tensorboard", false), ("save-every", 0), ("lr", 0.1));

    public static DataSet Data { get; } = DataOf(seed: 1);

    /// <summary>Images whose brightness goes with their class, and noise.</summary>
    public static DataSet DataOf(uint seed, int train = 40)
    {
        return new DataSet("tiny", Set("train", train, seed), Set("test", 16, seed + 100), Augmentation.None);

        static ImageSet Set(string name, int count, uint stream)
        {
            int[] labels = [.. Enumerable.Range(0, count).Select(i => i % Classes)];
            float[] pixels = Made.Uniform(count * 3 * Side * Side, 700 + stream, 0, 0.6f);
            for (int i = 0; i < pixels.Length; i++)
                pixels[i] += 0.1f * labels[i / (3 * Side * Side)];
            return new ImageSet(name, ["a", "b", "c", "d"], 3, Side, Side, labels, pixels);
        }
    }

    /// <summary>The weights after training, all tensors in one row, and the folder.</summary>
    public (float[] Weights, RunFolder Folder) Train(RunConfig config, DataSet? data = null)
    {
        RunFolder folder = Create(config);
        return (GoOn(folder, data), folder);
    }

    /// <summary>A run without attacks.</summary>
    public RunFolder Natural => natural ??= Train(Config.With(("method", "natural"))).Folder;

    /// <summary>Training with its predictions.</summary>
    public RunConfig Hat => Config.With(("method", "hat"), ("natural", Natural.Path));

    public RunFolder Create(RunConfig config) =>
        RunFolder.Create(config with { Run = config.Run with { Out = Path.Combine(root, Guid.NewGuid().ToString("N")) } });

    public static float[] GoOn(RunFolder folder, DataSet? data = null)
    {
        using CpuDevice device = new(threads: 1);
        return Train(device, folder, data ?? Data);
    }

    /// <summary>The weights that a run of this configuration begins with.</summary>
    public static float[] Start(RunConfig config)
    {
        using CpuDevice device = new(threads: 1);
        return All(StartingModel.Of(config, Data, device));
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    /// <summary>Adds the extra images of a configuration, which are 24 and named made:SEED.</summary>
    public static DataSet WithExtra(DataSet data, RunConfig config, Device device) =>
        ExtraData.AddTo(data, config, device,
            (source, _) => DataOf(uint.Parse(source["made:".Length..], CultureInfo.InvariantCulture), train: 24));

    private static float[] Train(CpuDevice device, RunFolder folder, DataSet data)
    {
        RunTraining training = new(device, folder, WithExtra(data, folder.Config, device));
        training.Fit(CancellationToken.None);
        return All(training.Trainer.Model);
    }

    private static float[] All(Classifier model) => [.. model.Parameters.All.SelectMany(p => p.Tensor.ToArray())];

    /// <summary>Where the tensors lie in the row that an optimiser trains.</summary>
    public static bool[] IsTrained(RunConfig config)
    {
        using CpuDevice device = new(threads: 1);
        return [.. StartingModel.Of(config, Data, device).Parameters.All.SelectMany(
            p => Enumerable.Repeat(p.Trained, p.Tensor.Shape.Length))];
    }
}

/// <summary>Stops training after so many steps.</summary>
internal sealed class StopsAfter(int steps, CancellationTokenSource stop) : TrainingCallback
{
    public override void EndStep(Trainer trainer, TrainedStep step)
    {
        if (trainer.StepsDone == steps)
            stop.Cancel();
    }
}

internal static class ConfigChanges
{
    /// <summary>The configuration with other values of some settings, by their names; what follows from them follows.</summary>
    public static RunConfig With(this RunConfig config, params ReadOnlySpan<(string Name, JsonNode? Value)> changes)
    {
        JsonObject given = [];
        foreach (var (name, value) in changes)
            given[name] = value?.DeepClone();
        return SettingTree.Read(config, given, "test");
    }
}
