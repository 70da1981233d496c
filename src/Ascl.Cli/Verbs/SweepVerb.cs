using System.Diagnostics;
using System.Text.Json.Nodes;
using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("sweep", HelpText = "Trains many configurations one after another. Skips finished runs and resumes interrupted ones.")]
[Example("Train every run of the file; the same command resumes after an interruption", "sweep.json")]
[Example("List the runs and their state", "sweep.json --list")]
internal sealed class SweepVerb : VerbArguments, IVerb
{
    [Value(0, MetaName = "FILE.json", Required = true,
        HelpText = "{\"out\": \"runs/sweep\", \"base\": {OPTIONS}, \"runs\": [{\"name\": \"a\", OPTIONS}], \"grid\": {\"seed\": "
            + "[1, 2]}}. OPTIONS are those of train, such as \"epochs\": 5. Each entry of runs is trained at each point of the grid, "
            + "starting from the options of base.")]
    public string Plan { get; init; } = "";

    [Option("out", MetaValue = "DIR", HelpText = "Folder for the folders of the runs, instead of the file's \"out\".")]
    public string? Out { get; init; }

    [Option("list", HelpText = "List the runs and their state, and exit.")]
    public bool List { get; init; }

    [Option("part", MetaValue = "K/N",
        HelpText = "Train only every N-th run, from the K-th on, for job arrays of schedulers. The same command without --part trains what "
            + "is missing and compares all runs.")]
    public string? Part { get; init; }

    [Option("device", MetaValue = "NAME", HelpText = VerbTexts.Device)]
    public string Device { get; init; } = DeviceChoice.Auto;

    [Option("cuda-graphs", MetaValue = "on|off", HelpText = VerbTexts.CudaGraphs)]
    public string CudaGraphs { get; init; } = DeviceChoice.On;

    [Option("threads", MetaValue = "N", HelpText = SettingTexts.Threads)]
    public int Threads { get; init; }

    /// <summary>Processes that each take a part by their own number are a job array.</summary>
    string? IVerb.InsteadOfProcesses => Part is not null && !List
        ? null
        : "give each process its part of the runs (--part K/N), or train run by run (mpirun … ascl train)";

    public int Run(CancellationToken stop)
    {
        SweepPlan plan = SweepPlan.Read(Plan, Configuration);
        Sweep sweep = new(plan, Out
            ?? plan.Out ?? throw new UserErrorException($"{Plan}: names no \"out\" folder for the runs: add it, or give --out DIR"));
        if (List)
        {
            PrintList(plan, sweep);
            return 0;
        }
        var (part, parts) = Part is null ? (0, 1) : PartOption.Read(Part);
        using Device device = DeviceChoice.Open(Device, Threads, CudaGraphs);
        foreach (Precision precision in plan.Runs.SelectMany(run => run.Config.UsedPrecisions()).Distinct())
            DeviceChoice.Prepare(device, precision);
        sweep.OpenData(device, (source, reading) => OpeningProgress.Open(source, reading, stop));
        SweepRun[] chosen = [.. plan.Runs.Where((_, i) => i % parts == part)];
        string[] failed = [.. TrainAll(chosen, sweep, device, stop)];
        if (Part is not null)
            Console.WriteLine($"part {Part}: {chosen.Length - failed.Length} of {chosen.Length} runs done; the same command without --part "
                + "compares all");
        else
            ComparisonTable.Print(new RunComparison([.. plan.Runs.Select(sweep.PathOf).Where(Directory.Exists).Select(RunRecord.Read)]));
        if (failed.Length > 0)
            Message.Print($"{failed.Length} of {chosen.Length} runs failed: {string.Join(", ", failed)}");
        return failed.Length > 0 ? 1 : 0;
    }

    /// <summary>Trains every run that is not done; one that fails does not stop the others.</summary>
    /// <returns>Names of the runs that failed.</returns>
    private static IEnumerable<string> TrainAll(SweepRun[] runs, Sweep sweep, Device device, CancellationToken stop)
    {
        long began = Stopwatch.GetTimestamp();
        int trained = 0;
        int remaining = runs.Count(run => sweep.StateOf(run) != SweepState.Done);
        foreach (var (i, run) in runs.Index())
        {
            SweepState state = sweep.StateOf(run);
            string what = state switch { SweepState.Done => ": done", SweepState.Begun => ": resumed", _ => "" };
            Console.WriteLine($"[{i + 1}/{runs.Length}] {run.Name}{what}");
            if (state == SweepState.Done)
                continue;
            if (!Train(sweep, run, device, stop))
                yield return run.Name;
            trained++;
            int left = remaining - trained;
            if (left > 0)
                Console.WriteLine($"{left} to go, about {TrainingProgress.Duration(Stopwatch.GetElapsedTime(began) / trained * left)}");
        }
    }

    /// <summary>Whether it succeeded.</summary>
    private static bool Train(Sweep sweep, SweepRun run, Device device, CancellationToken stop)
    {
        try
        {
            RunDisplay display = new(device, sweep.DataOf(run), Communicator.Single, stop);
            RunFolder folder = sweep.Open(run);
            if (display.TrainAndEvaluate(folder, run.Name).Count > 0)
                display.WriteReport(folder);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Message.Print($"{run.Name}: {Program.Failure(e).Message}");
            return false;
        }
    }

    /// <summary>Reads the options of a run as train reads a file of options.</summary>
    /// <param name="where">Name of the entry in the file, for messages.</param>
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

    private void PrintList(SweepPlan plan, Sweep sweep)
    {
        var table = new ResultTable("run", "state", "epochs") { Title = $"{plan.Runs.Count} runs of {Plan}" };
        foreach (SweepRun run in plan.Runs)
            table.Add(run.Name, sweep.StateOf(run).ToString().ToLowerInvariant(), $"{run.Config.Training.Epochs}");
        table.Print();
    }
}
