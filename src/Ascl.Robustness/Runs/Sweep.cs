using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>Whether a run of a sweep has been trained.</summary>
public enum SweepState
{
    /// <summary>It has no folder yet.</summary>
    New,

    /// <summary>It was interrupted, and can be resumed.</summary>
    Begun,

    /// <summary>It was trained and reported on.</summary>
    Done,
}

/// <summary>The runs of a plan in a folder: which of them are done, the data they share, and the folder of each.</summary>
public sealed class Sweep
{
    private readonly SweepPlan plan;
    private readonly string folder;
    private readonly Dictionary<string, SweepState> states;
    private readonly Dictionary<DataKey, DataSet> data = [];

    /// <param name="plan">The runs.</param>
    /// <param name="folder">Folder that holds a folder for each of them.</param>
    /// <exception cref="UserErrorException">The folder of a run holds another run.</exception>
    public Sweep(SweepPlan plan, string folder)
    {
        (this.plan, this.folder) = (plan, folder);
        states = plan.Runs.ToDictionary(run => run.Name, ReadState);
    }

    /// <summary>State of a run when the sweep was opened.</summary>
    public SweepState StateOf(SweepRun run) => states[run.Name];

    /// <summary>Path of a run's folder.</summary>
    public string PathOf(SweepRun run) => Path.Combine(folder, run.Name);

    /// <summary>Data of a run, after <see cref="OpenData"/>. Runs that read the same images in the same way share them.</summary>
    public DataSet DataOf(SweepRun run) => data[KeyOf(run)];

    /// <summary>The folder of a run: the one it was begun in, or a new one.</summary>
    /// <exception cref="UserErrorException">The folder cannot be read or created.</exception>
    public RunFolder Open(SweepRun run) => StateOf(run) == SweepState.New
        ? RunFolder.Create(run.Config with { Run = run.Config.Run with { Out = PathOf(run) } })
        : RunFolder.Open(PathOf(run));

    /// <summary>Opens each data set once and checks every run against its own, so that nothing is trained unless everything can
    /// be.</summary>
    /// <param name="device">Device that starting weights are loaded on for the check.</param>
    /// <param name="open">Opens a data set, given its source and how to read it.</param>
    /// <exception cref="UserErrorException">A run does not fit its data or the weights it starts from, or these have changed since it was
    /// trained; the message begins with the run's name.</exception>
    public void OpenData(Device device, Func<string, DataOptions, DataSet> open)
    {
        HashSet<string> pending = [];
        foreach (SweepRun run in plan.Runs)
        {
            try
            {
                NetworkCatalog.Check(run.Config.Model.Network);
                if (!data.TryGetValue(KeyOf(run), out DataSet? set))
                {
                    // Its predictions are needed now, before any run is trained.
                    if (run.Config.Data is { Extra: not null, ExtraLabels: { } labels } && pending.Contains(Path.GetFullPath(labels)))
                        throw new UserErrorException($"extra-labels is {labels}, which this sweep trains: train that run before");
                    data[KeyOf(run)] = set =
                        ExtraData.AddTo(open(run.Config.Data.Source, run.Config.Data.Reading), run.Config, device, open);
                }
                CheckTrained(run, set, pending);
                if (StateOf(run) == SweepState.Done)
                    continue;
                RunTraining.Check(run.Config, set);
                // A run may start from one that the sweep trains before it, or learn from its predictions.
                if (run.Config.Model.From is { } from && !pending.Contains(Path.GetFullPath(from)))
                    StartingModel.Of(run.Config, set, device);
                if (run.Config.Model.Natural is { } natural && !pending.Contains(Path.GetFullPath(natural)))
                    NaturalNetwork.Of(run.Config, set, device);
            }
            catch (UserErrorException e)
            {
                throw new UserErrorException($"{run.Name}: {e.Message}", e);
            }
            pending.Add(Path.GetFullPath(PathOf(run)));
        }
    }

    private sealed record DataKey(string Source, DataOptions Reading, string? Extra, double ExtraShare, string? ExtraLabels);

    private static DataKey KeyOf(SweepRun run)
    {
        DataSettings all = run.Config.Data;
        return all.Extra is null
            ? new(all.Source, all.Reading, null, 0, null)
            : new(all.Source, all.Reading, all.Extra, all.ExtraShare, all.ExtraLabels);
    }

    /// <exception cref="UserErrorException">The folder holds another run.</exception>
    private SweepState ReadState(SweepRun run)
    {
        string path = PathOf(run);
        if (!File.Exists(Path.Combine(path, "config.json")))
            return SweepState.New;
        RunFolder found = RunFolder.Open(path);
        if (found.Config.Difference(run.Config) is var (key, value, wanted))
            throw new UserErrorException($"{path}: holds a run with {key} {value}, the sweep asks for {wanted}: choose another name or "
                + "folder");
        return File.Exists(run.Config.Method.TrainsLogits ? found.PageFile : found.SummaryFile) ? SweepState.Done : SweepState.Begun;
    }

    /// <summary>What was trained already must be of the images and starting weights of now.</summary>
    /// <param name="pending">Full paths of the runs that this sweep will train before this one.</param>
    private void CheckTrained(SweepRun run, DataSet set, HashSet<string> pending)
    {
        if (StateOf(run) == SweepState.New)
            return;
        string path = PathOf(run);
        RunFolder found = RunFolder.Open(path);
        bool hasExtra = RunSummary.Read(found.SummaryFile)?.ExtraHash is not { } extra || extra == set.Extra?.Images.ContentHash;
        if (!hasExtra || !found.HasSameImages(set))
            throw new UserErrorException($"{path}: the images of {(hasExtra ? run.Config.Data.Source : run.Config.Data.Extra)} have "
                + "changed since it was trained, and runs of a sweep are to be comparable: choose another folder with --out");
        if (StateOf(run) == SweepState.Done && run.Config.Model.From is { } from
            && WillDiffer(from, RunSummary.Read(found.SummaryFile)?.FromSha256, pending))
            throw new UserErrorException($"{path}: the weights of {from}, which it started from, have changed since it was "
                + "trained, or are about to: choose another folder with --out, or remove the run");
    }

    /// <summary>Whether starting weights are no longer those of a hash, or are going to be trained again.</summary>
    private static bool WillDiffer(string from, string? sha256, HashSet<string> pending) => pending.Contains(Path.GetFullPath(from))
        || (sha256 is not null && (Directory.Exists(from) || File.Exists(WeightPath.Parse(from).File))
            && WeightPath.Sha256(RunFolder.WeightsFile(from)) != sha256);
}
