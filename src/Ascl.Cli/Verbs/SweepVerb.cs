using System.Diagnostics;
using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("sweep", HelpText = "Trains many configurations one after another; what is done is skipped, what was interrupted goes on.")]
[Example("Train what the file says, or go on after a stop or a kill", "sweep.json")]
[Example("See the runs and how far they are", "sweep.json --list")]
internal sealed class SweepVerb : VerbArguments, IVerb
{
    [Value(0, MetaName = "FILE.json", Required = true,
        HelpText = "{\"out\": \"runs/sweep\", \"base\": {options of train}, \"runs\": [{\"name\": \"a\", options}], \"grid\": {\"seed\": "
            + "[1, 2]}}: every entry of runs is trained at every point of the grid.")]
    public string Plan { get; init; } = "";

    [Option("out", MetaValue = "DIR", HelpText = "Folder for the runs' folders, instead of the file's \"out\".")]
    public string? Out { get; init; }

    [Option("list", HelpText = "Tell the runs and how far they are, and do nothing else.")]
    public bool List { get; init; }

    [Option("device", MetaValue = "NAME", HelpText = VerbTexts.Device)]
    public string Device { get; init; } = DeviceChoice.Auto;

    [Option("cuda-graphs", MetaValue = "on|off", HelpText = VerbTexts.CudaGraphs)]
    public string CudaGraphs { get; init; } = DeviceChoice.On;

    [Option("threads", MetaValue = "N", HelpText = SettingTexts.Threads)]
    public int Threads { get; init; }

    public int Run(CancellationToken stop)
    {
        SweepPlan plan = SweepPlan.Read(Plan, Configuration);
        string folder = Out ?? plan.Out ?? throw new UserErrorException($"{Plan}: names no \"out\" folder for its runs, nor does --out");
        SweepState[] states = [.. plan.Runs.Select(run => StateOf(run, PathOf(run)))];
        if (List)
        {
            PrintList(plan, states);
            return 0;
        }
        using Device device = DeviceChoice.Open(Device, Threads, CudaGraphs);
        foreach (Precision precision in plan.Runs.SelectMany(run => run.Config.UsedPrecisions()).Distinct())
            DeviceChoice.Prepare(device, precision);
        Dictionary<DataKey, DataSet> data = OpenData(plan, states, folder, device, stop);
        List<string> failures = [];
        long began = Stopwatch.GetTimestamp();
        int trained = 0, waiting = states.Count(state => state != SweepState.Done);
        foreach (var (i, run) in plan.Runs.Index())
        {
            Console.WriteLine($"[{i + 1}/{plan.Runs.Count}] "
                + $"{run.Name}{(states[i] == SweepState.Done ? ": done" : states[i] == SweepState.Begun ? ": goes on" : "")}");
            if (states[i] == SweepState.Done)
                continue;
            try
            {
                RunFolder own = states[i] == SweepState.Begun
                    ? RunFolder.Open(PathOf(run))
                    : RunFolder.Create(run.Config with { Run = run.Config.Run with { Out = PathOf(run) } });
                if (RunDisplay.TrainAndReport(device, own, data[DataKey.Of(run)], run.Name, stop).Count > 0)
                    RunDisplay.WriteReport(device, own, data[DataKey.Of(run)], stop);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Message.Print($"{run.Name}: {Program.Failure(e).Message}");
                failures.Add(run.Name);
            }
            trained++;
            if (trained < waiting)
                Console.WriteLine($"{waiting - trained} to go, about "
                    + $"{TrainingProgress.Duration(Stopwatch.GetElapsedTime(began) / trained * (waiting - trained))}");
        }
        CompareVerb.Print(new RunComparison([.. plan.Runs.Where(run => Directory.Exists(PathOf(run)))
            .Select(run => RunRecord.Read(PathOf(run)))]));
        if (failures.Count > 0)
            Message.Print($"{failures.Count} of {plan.Runs.Count} runs failed: {string.Join(", ", failures)}");
        return failures.Count > 0 ? 1 : 0;

        string PathOf(SweepRun run) => Path.Combine(folder, run.Name);
    }

    /// <summary>Runs that read the same images in the same way share them.</summary>
    private sealed record DataKey(string Specification, DataOptions Options)
    {
        public static DataKey Of(SweepRun run) => new(run.Config.Data.Source, run.Config.Data.Reading);
    }

    private enum SweepState
    {
        New,
        Begun,
        Done,
    }

    private static RunConfig Configuration(JsonObject options, string where)
    {
        try
        {
            string[] arguments = [.. ConfigFile.Arguments(options, where, VerbOption.Of(typeof(TrainVerb)), new HashSet<string>())];
            return ArgumentReader.Read<TrainVerb>("train", arguments).ToRunConfig();
        }
        catch (UserErrorException e) when (!e.Message.StartsWith(where, StringComparison.Ordinal))
        {
            throw new UserErrorException($"{where}: {e.Message}", e);
        }
    }

    /// <exception cref="UserErrorException">The folder holds something else than this run.</exception>
    private static SweepState StateOf(SweepRun run, string path)
    {
        if (!File.Exists(Path.Combine(path, "config.json")))
            return SweepState.New;
        RunFolder folder = RunFolder.Open(path);
        if (folder.Config.Difference(run.Config) is var (key, found, wanted))
            throw new UserErrorException($"{path}: holds a run with {key} {found}, the sweep asks for {wanted}: choose another name or "
                + $"folder");
        return File.Exists(run.Config.Method.TrainsLogits ? folder.PageFile : folder.SummaryFile) ? SweepState.Done : SweepState.Begun;
    }

    private void PrintList(SweepPlan plan, SweepState[] states)
    {
        var table = new ResultTable("run", "state", "epochs") { Title = $"{plan.Runs.Count} runs of {Plan}" };
        foreach (var (run, state) in plan.Runs.Zip(states))
            table.Add(run.Name, state.ToString().ToLowerInvariant(), $"{run.Config.Training.Epochs}");
        table.Print();
    }

    /// <summary>Opens each data set once and checks every run against it, so that nothing is trained before all can be.</summary>
    private static Dictionary<DataKey, DataSet> OpenData(SweepPlan plan, SweepState[] states, string folder, Device device,
        CancellationToken stop)
    {
        HashSet<string> toCome = [];
        Dictionary<DataKey, DataSet> data = [];
        foreach (var (run, state) in plan.Runs.Zip(states))
        {
            string path = Path.Combine(folder, run.Name);
            try
            {
                NetworkCatalog.Check(run.Config.Model.Network);
                if (!data.TryGetValue(DataKey.Of(run), out DataSet? set))
                    data[DataKey.Of(run)] = set = ProgressDisplay.Run($"opening {run.Config.Data.Source}",
                        display =>
                            DataSource.Open(run.Config.Data.Source, run.Config.Data.Reading, progress: new OpeningProgress(display, stop)));
                if (state != SweepState.New && !RunFolder.Open(path).HasSameImages(set))
                    throw new UserErrorException($"{path}: the images of {run.Config.Data.Source} have changed since it was trained: runs "
                        + $"of a sweep are compared with each other; choose another folder with --out");
                if (state == SweepState.Done && run.Config.Model.From is { } start
                    && StartsAnew(start, RunSummary.Read(RunFolder.Open(path).SummaryFile)?.FromSha256))
                    throw new UserErrorException($"{path}: the weights of {start}, which it started from, have changed since it was "
                        + $"trained, or are about to: choose another folder with --out, or remove the run");
                if (state == SweepState.Done)
                    continue;
                RunTraining.Check(run.Config, set);
                // A run may start from one that the sweep trains before it.
                if (run.Config.Model.From is { } from && !toCome.Contains(Path.GetFullPath(from)))
                    StartingModel.Of(run.Config, set, device);
            }
            catch (UserErrorException e)
            {
                throw new UserErrorException($"{run.Name}: {e.Message}", e);
            }
            toCome.Add(Path.GetFullPath(path));
        }
        return data;

        bool StartsAnew(string start, string? known) => toCome.Contains(Path.GetFullPath(start))
            || (known is not null && (Directory.Exists(start) || File.Exists(WeightPath.Parse(start).File))
                && WeightPath.Sha256(RunFolder.WeightsFile(start)) != known);
    }
}
