using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("train", HelpText = "Trains a classifier and reports its clean and robust accuracy.")]
[Example("ASCL (leaked selection) on the built-in images; a few minutes on two cores", "")]
[Example("The paper's baseline on CIFAR-10, read from its official files",
    "--method pgd-at --model resnet18 --data cifar10:data/cifar-10-batches-bin --epochs 110 --schedule piecewise --milestones 100,105")]
[Example("The settings of a paper with fewer epochs",
    "--preset ascl-cifar10-paper --data cifar10:data/cifar-10-batches-bin --epochs 30 --milestones 20,25")]
[Example("Your own images: a folder or archive with train/CLASS/IMAGE and test/CLASS/IMAGE",
    "--data folder:photos.tar.gz --model resnet20 --epsilon 8/255")]
[Example("Training by single steps, which ends if the network overfits to them", "--preset n-fgsm --model resnet18 --on-overfitting stop")]
[Example("Pre-train an encoder by supervised contrastive learning",
    "--method supcon --views 2 --strategy global --distance cosine --temperature 0.07 --out runs/encoder")]
[Example("Train a linear classifier on the frozen encoder", "--method linear --from runs/encoder")]
[Example("Generated images in 70 % of each batch, labelled by a trained network",
    "--data cifar10:data --extra-data file:generated.npz --extra-labels runs/natural-1")]
[Example("Helper-based training, with the predictions of a naturally trained network", "--method hat --natural runs/natural-1")]
[Example("Resume an interrupted run; the result is bit-identical to an uninterrupted one", "--resume runs/ascl-1")]
[Example("Resume a run and train it for 40 epochs in all", "--resume runs/ascl-1 --epochs 40")]
[Example("Repeat a run with another seed", "--config runs/ascl-1/config.json --seed 2 --out runs/ascl-2")]
[OptionsFor(typeof(RunConfig))]
public class TrainVerb : VerbArguments, IVerb
{
    /// <summary>The budget of a run on the built-in images without a number of epochs, so that a first try is short on any
    /// machine.</summary>
    private const string SampleBudget = "2min";

    /// <summary>What may be given with --resume: nothing that would have changed the epochs that are done.</summary>
    private static readonly string[] AllowedOnResume = ["resume", "threads", "epochs"];

    [Section("Settings of papers")]
    [Option("preset", MetaValue = "NAME",
        HelpText = $"Use the settings of a paper: {TrainPresets.Names}. Other options override them.")]
    public string? Preset { get; init; }

    [Option("list-presets", HelpText = "List the settings of each preset, and exit.")]
    public bool ListPresets { get; init; }

    [Option("budget", MetaValue = "TIME",
        HelpText = "Train for about this long, such as 30min or 2h, evaluation included: the first steps are timed, and the number of "
            + "epochs is chosen to fit. On the built-in images, unless --epochs is given, at most 10 epochs and about 2min.")]
    public string? Budget { get; init; }

    [Section("Device")]
    [Option("device", MetaValue = "NAME", HelpText = VerbTexts.Device)]
    public string Device { get; init; } = DeviceChoice.Auto;

    [Option("cuda-graphs", MetaValue = "on|off", HelpText = VerbTexts.CudaGraphs)]
    public string CudaGraphs { get; init; } = DeviceChoice.On;

    [Option("mpi", MetaValue = "LIBRARY|off", HelpText = VerbTexts.Mpi)]
    public string Mpi { get; init; } = "";

    [Option("mpi-timeout", MetaValue = "SECONDS", HelpText = VerbTexts.MpiTimeout)]
    public int MpiTimeout { get; init; } = ProcessGroup.DefaultTimeout;

    string? IVerb.InsteadOfProcesses => null;

    /// <summary>The values that the preset, the command line and --config give, by the names of <see cref="RunConfig"/>'s
    /// settings.</summary>
    public JsonObject Given() => Given(Preset);

    /// <summary>The run that the options describe.</summary>
    /// <exception cref="UserErrorException">A value is unknown or out of range.</exception>
    public RunConfig ToRunConfig() => RunConfig.Of(Given(), "train");

    public int Run(CancellationToken stop)
    {
        if (ListPresets)
        {
            Console.Write(TrainPresets.List());
            return 0;
        }
        return ProcessGroup.Run(this, Mpi, MpiTimeout, group => Train(group, stop));
    }

    private sealed record Prepared(RunConfig Config, RunFolder? Resumed, Device Device, DataSet Data, Classifier? Start);

    /// <summary>Everything that can fail before a folder is created for the run.</summary>
    private Prepared Prepare(ProcessGroup group, CancellationToken stop)
    {
        JsonObject given = Given();
        RunFolder? resumed = given["resume"] is { } path ? Resume($"{path}", given) : null;
        RunConfig config = resumed?.Config ?? ToRunConfig();
        // Only rank 0: network file systems remember for a while that there was no such folder.
        if (resumed is null && group.Communicator.IsMain)
            RunFolder.FreePath(config);
        Device device = group.OpenDevice(Device, given["threads"]?.GetValue<int>() ?? config.Run.Threads,
            (name, threads, cores) => DeviceChoice.Open(name, threads, CudaGraphs, cores: cores));
        foreach (Precision precision in config.UsedPrecisions())
            DeviceChoice.Prepare(device, precision);
        // An unknown network is an error before the data are opened.
        NetworkCatalog.Check(config.Model.Network);
        DataSet data = OpeningProgress.Open(config.Data.Source, config.Data.Reading, stop);
        if (resumed is null && !given.ContainsKey("model"))
            config = config with { Model = config.Model with { Network = StartingModel.DefaultNetwork(data.Train) } };
        data = ExtraData.AddTo(data, config, device, (source, reading) => OpeningProgress.Open(source, reading, stop), Message.Print);
        RunTraining.Check(config, data);
        if (BudgetOf(given, config, group.Communicator) is var (budget, most))
            config = Fitted(config, budget, most, data, device, stop);
        NaturalNetwork.Of(config, data, device, Message.Print);
        return new(config, resumed, device, data, resumed is null ? StartingModel.Of(config, data, device, Message.Print) : null);
    }

    /// <summary>The time to train for, and the largest number of epochs; null if the number of epochs is settled.</summary>
    private (TimeBudget Budget, int Most)? BudgetOf(JsonObject given, RunConfig config, Communicator ranks)
    {
        if (Budget is not { } text)
        {
            return !given.ContainsKey("epochs") && !given.ContainsKey("resume") && config.Data.Source == "sample" && ranks.Size == 1
                ? (TimeBudget.Parse(SampleBudget, "--budget"), config.Training.Epochs)
                : null;
        }
        TimeBudget budget = TimeBudget.Parse(text, "--budget");
        // A preset's number of epochs may be overridden.
        JsonObject own = Given(preset: null);
        if (new[] { "epochs", "resume" }.FirstOrDefault(own.ContainsKey) is { } settled)
            throw new UserErrorException($"--budget chooses the number of epochs: it cannot be given with --{settled}");
        return ranks.Size == 1
            ? (budget, int.MaxValue)
            : throw new UserErrorException("--budget times the steps of one process: with several, give --epochs");
    }

    private static RunConfig Fitted(RunConfig config, TimeBudget budget, int most, DataSet data, Device device, CancellationToken stop)
    {
        BudgetedEpochs fit = ProgressDisplay.Run("timing the first steps", _ => budget.Fit(config, data, device, most, stop));
        string time = TrainingProgress.Duration(TimeSpan.FromSeconds(fit.Seconds));
        if (fit.Epochs != config.Training.Epochs || most == int.MaxValue)
            Console.WriteLine($"{fit.Epochs} epoch{(fit.Epochs == 1 ? "" : "s")} of {fit.SecondsPerEpoch:F1} s instead of "
                + $"{config.Training.Epochs}, evaluation included about {time} on this machine; --epochs N trains for another number");
        return (config with { Training = config.Training with { Epochs = fit.Epochs } }).Checked("budget");
    }

    private int Train(ProcessGroup group, CancellationToken stop)
    {
        Communicator ranks = group.Communicator;
        var (config, resumed, device, data, start) = ranks.Together(() => Prepare(group, stop));
        using Device opened = device;
        RunFolder folder = resumed ?? RunFolder.Create(config, ranks);
        RunDisplay display = new(device, data, ranks, stop);
        if (Preset is not null)
            Console.WriteLine($"preset {Preset}: {string.Join(' ', TrainPresets.Options(Preset))} (other options override these)");
        display.Introduce(folder);
        if (resumed is null)
            WarnOfUnused(config);
        List<(string Name, EvaluationReport Report)> results = display.TrainAndEvaluate(folder, config.Method.Name, start);
        if (NaturalTwin.IsWanted(config))
            results.AddRange(display.TrainAndEvaluate(NaturalTwin.Open(folder, ranks), "natural twin"));
        if (!ranks.IsMain)
            return 0;
        if (results.Count > 0)
        {
            display.WriteReport(folder);
            display.PrintTable(results);
        }
        else
            Console.WriteLine($"trained an encoder: train a classifier on it with --method linear --from {folder.Path}, or fine-tune "
                + "all of it with another method");
        return 0;
    }

    private JsonObject Given(string? preset)
    {
        JsonObject given = preset is null ? [] : ArgumentReader.Read<TrainVerb>("train", TrainPresets.Options(preset)).Given();
        foreach (var (name, value) in Given(typeof(RunConfig)))
            given[name] = value?.DeepClone();
        return given;
    }

    private RunFolder Resume(string path, JsonObject given)
    {
        string? other = Preset is not null
            ? "preset"
            : given.Select(pair => pair.Key).FirstOrDefault(key => !AllowedOnResume.Contains(key));
        if (other is not null)
            throw new UserErrorException($"--resume keeps the settings of the run: --{other} cannot be given with it");
        RunFolder run = RunFolder.Open(path);
        run.Checkpoints.CheckState();
        if (given["epochs"]?.GetValue<int>() is not { } epochs || epochs == run.Config.Training.Epochs)
            return run;
        RunFolder longer = run.WithEpochs(epochs);
        Console.WriteLine($"{path}: {epochs} epochs instead of {run.Config.Training.Epochs}");
        if (run.Config.Schedule.DependsOnEpochs)
            Console.WriteLine($"the {run.Config.Schedule.Name} schedule now ends with epoch {epochs}: the learning rate jumps up to "
                + $"that of a run of {epochs} epochs");
        return longer;
    }

    /// <summary>Names the given options that belong to other methods. Those of a preset do not count.</summary>
    private void WarnOfUnused(RunConfig config)
    {
        string[] unused = [.. Given(preset: null).Select(pair => pair.Key).Where(key => !config.Uses(key)).Select(key => $"--{key}")];
        if (unused.Length > 0)
            Console.WriteLine($"warning: {string.Join(", ", unused)} {(unused.Length == 1 ? "has" : "have")} no effect in this run "
                + $"(method {config.Method.Name}, schedule {config.Schedule.Name})");
    }
}
