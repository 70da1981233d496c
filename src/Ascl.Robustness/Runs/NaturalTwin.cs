using System.Text.Json.Nodes;
using Ascl.Distributed;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Runs;

/// <summary>The naturally trained twin of a run, for comparison: same network, data, seed and schedule, but without attack.</summary>
public static class NaturalTwin
{
    /// <summary>Whether a configuration asks for a twin: a run without attack, or of a part of the network only, has none.</summary>
    public static bool IsWanted(RunConfig config) =>
        config.Method is { Attack: not null, Trains: TrainedLayers.All } && (config.Run.Twin ?? config.Data.Source == "sample");

    /// <summary>The twin's folder inside the run's: opened if it exists, created otherwise.</summary>
    /// <param name="run">The run.</param>
    /// <param name="communicator">The processes that work on it. Collective.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">The folder cannot be read or created.</exception>
    public static RunFolder Open(RunFolder run, Communicator communicator)
    {
        string path = RunFolder.TwinPath(run.Path);
        // One answer for all ranks, given before rank 0 makes the folder.
        return communicator.Any(File.Exists(Path.Combine(path, "config.json")))
            ? communicator.Together(() => RunFolder.Open(path).WithEpochs(run.Config.Training.Epochs))
            : RunFolder.Create(Of(run.Config, path), communicator);
    }

    /// <summary>The configuration of the twin of a run: label smoothing and other settings that are not of the attack stay.</summary>
    internal static RunConfig Of(RunConfig config, string path)
    {
        JsonObject given = config.ToJson();
        given["method"] = "natural";
        given["out"] = path;
        return RunConfig.Of(given, "natural twin");
    }
}
