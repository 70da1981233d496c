using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;

namespace Ascl.Cli.Verbs;

public partial class TrainVerb
{
    /// <summary>What may be given when a run goes on: nothing that changes the results of the epochs it has done.</summary>
    private static readonly string[] FreeOnResume = ["resume", "threads", "epochs"];

    public int Run(CancellationToken stop)
    {
        if (ListPresets)
        {
            Console.Write(TrainPresets.List());
            return 0;
        }
        JsonObject given = Given();
        RunFolder? earlier = given["resume"] is { } resume ? OpenForResume($"{resume}", given) : null;
        RunConfig config = earlier?.Config ?? ToRunConfig();
        if (earlier is null)
            RunFolder.FreePath(config);
        using Device device = DeviceChoice.Open(Device, given["threads"]?.GetValue<int>() ?? config.Run.Threads, CudaGraphs);
        foreach (Precision precision in config.UsedPrecisions())
            DeviceChoice.Prepare(device, precision);
        // What does not exist or fit is an error before a folder is made for the run, and names before the data are opened.
        NetworkCatalog.Check(config.Model.Network);
        DataSet data = ProgressDisplay.Run($"opening {config.Data.Source}",
            display => DataSource.Open(config.Data.Source, config.Data.Reading, progress: new OpeningProgress(display, stop)));
        // The network by default is for the images built in.
        if (earlier is null && !given.ContainsKey("model") && !StartingModel.Accepts(config.Model.Network, data.Train))
            config = config with { Model = config.Model with { Network = "resnet20" } };
        RunTraining.Check(config, data);
        Classifier? start = earlier is null ? StartingModel.Of(config, data, device, Message.Print) : null;
        RunFolder folder = earlier ?? RunFolder.Create(config);
        if (Preset is not null)
            Console.WriteLine($"preset {Preset}: {string.Join(' ', TrainPresets.Options(Preset))}; what is given beside it wins");
        Console.WriteLine($"{config.Method.Name} on {data.Name} ({data.ClassNames.Count} classes), {config.Model.Network}, epsilon "
            + $"{NumberText.Of(config.Attack.Epsilon)} {NameText.Of(config.Attack.Norm)} (training step "
            + $"{NumberText.Short(config.Attack.StepSize)}), seed {config.Training.Seed}, {device.Name}");
        Console.WriteLine($"run folder {folder.Path}");
        foreach (string remark in Remarks(config, data).Concat(Unused(config, earlier is not null)))
            Console.WriteLine(remark);

        List<(string Name, EvaluationReport Report)> results = RunDisplay.TrainAndReport(device, folder, data, config.Method.Name, stop,
            start);
        if (config.Method is { Attack: not null, Trains: TrainedLayers.All } && (config.Run.Twin ?? config.Data.Source == "sample"))
        {
            string path = RunFolder.TwinPath(folder.Path);
            RunFolder twin = File.Exists(Path.Combine(path, "config.json"))
                ? RunFolder.Open(path).WithEpochs(config.Training.Epochs)
                : RunFolder.Create(Twin(config, path));
            results.AddRange(RunDisplay.TrainAndReport(device, twin, data, "natural twin", stop));
        }
        if (results.Count > 0)
        {
            RunDisplay.WriteReport(device, folder, data, stop);
            RunDisplay.PrintTable(data, results);
        }
        else
            Console.WriteLine($"an encoder without a classifier: go on with --method linear --from {folder.Path}, or fine-tune it with "
                + $"another method");
        return 0;
    }

    /// <summary>The same network, data, seed and schedule without attacks. Label smoothing stays.</summary>
    private static RunConfig Twin(RunConfig config, string path)
    {
        JsonObject given = config.ToJson();
        given["method"] = "natural";
        given["out"] = path;
        return RunConfig.Of(given, "natural twin");
    }

    private RunFolder OpenForResume(string path, JsonObject given)
    {
        string? other = Preset is not null ? "preset" : given.Select(pair => pair.Key).FirstOrDefault(key => !FreeOnResume.Contains(key));
        if (other is not null)
            throw new UserErrorException($"--resume goes on with the run's own settings: --{other} cannot be given with it");
        RunFolder run = RunFolder.Open(path);
        run.Checkpoints.CheckState();
        if (given["epochs"]?.GetValue<int>() is not { } epochs || epochs == run.Config.Training.Epochs)
            return run;
        RunFolder more = run.WithEpochs(epochs);
        Console.WriteLine($"{path}: {epochs} epochs instead of {run.Config.Training.Epochs}");
        if (run.Config.Schedule.DependsOnEpochs)
            Console.WriteLine($"the {run.Config.Schedule.Name} schedule now ends with epoch {epochs}: the learning rate of epochs to come "
                + $"is that of a run of {epochs} epochs, higher than where this one had come to");
        return more;
    }

    /// <summary>Options that change nothing in this run: those of other methods. A preset's own are not the user's.</summary>
    private IEnumerable<string> Unused(RunConfig config, bool isResumed)
    {
        string[] unused = isResumed
            ? []
            : [.. Given(preset: null).Select(pair => pair.Key).Where(key => !config.Uses(key)).Select(key => $"--{key}")];
        if (unused.Length > 0)
            yield return $"warning: {string.Join(", ", unused)} {(unused.Length == 1 ? "changes" : "change")} nothing in this run: other "
                + $"settings, such as method {config.Method.Name}, leave {(unused.Length == 1 ? "it" : "them")} unused";
    }

    /// <summary>What a user should know before a long training.</summary>
    private static IEnumerable<string> Remarks(RunConfig config, DataSet data)
    {
        foreach (string note in data.Notes)
            yield return $"{data.Name}: {note}";
        if (config.Attack.Threat.Caveat is { } doubt)
            yield return $"warning: {doubt}";
        if (config.Method.Attack is not null
            && PgdSettings.StepProblem(config.Attack.Epsilon, config.Attack.StepSize, config.Attack.Steps) is { } problem)
            yield return $"warning: training's attack: {problem}: look at --step-size and --attack-steps";
    }
}
