using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>
/// Runs that version 0.1.0 wrote, before settings were grouped and training was made of parts: fixtures/runs-0.1/stopped (ASCL with
/// averaged weights, stopped after step 4 of epoch 2 of 5), what that version made of it when it went on, and fixtures/runs-0.1/finished
/// (PGD-AT in L2 with AWP).
/// </summary>
public sealed class EarlierVersionRunsTests : IDisposable
{
    private static readonly string Kept = Path.Combine(AppContext.BaseDirectory, "fixtures", "runs-0.1");
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-kept-").FullName;

    [Fact]
    public void AStoppedRunResumesToTheSameWeights()
    {
        RunFolder run = RunFolder.Open(Copy("stopped"));
        Assert.Equal(("ascl", 5, 0.9), (run.Config.Method.Name, run.Config.Training.Epochs, run.Config.Training.EmaDecay));
        Assert.Equal("pgd-at", ((AsclObjective)run.Config.Method).Base.Name);
        using CpuDevice device = new(1);
        RunTraining training = new(device, run, DataSource.Open("sample"));
        training.Fit(CancellationToken.None);
        Assert.Equal((5, 0), (training.Trainer.Progress.Epoch, training.Trainer.Progress.Step));
        AssertSame(Path.Combine(Kept, "stopped-last.safetensors"), run.Checkpoints.LastFile);
        AssertSame(Path.Combine(Kept, "stopped-best-ema.safetensors"), run.Checkpoints.BestAverageFile);
        Assert.Equal([1, 2, 3, 4, 5], run.Checkpoints.ReadMetrics().Select(m => m.Epoch));
    }

    [Fact]
    public void AFinishedRunIsRead()
    {
        RunRecord run = RunRecord.Read(Copy("finished"));
        PgdAtObjective method = Assert.IsType<PgdAtObjective>(run.Config.Method);
        PiecewiseSchedule schedule = Assert.IsType<PiecewiseSchedule>(run.Config.Schedule);
        Assert.Equal((0.01, true), (run.Config.Training.AwpGamma, method.NaturalPass));
        Assert.Equal([1], schedule.Milestones);
        Assert.Equal(new ThreatModel(Kernels.Attack.PerturbationNorm.L2, 0.5), run.Config.Attack.Threat);
        Assert.Equal(["FGSM", "PGD-20"], run.Report!.Attacks.Select(attack => attack.Name));
        Assert.Equal((2, 200), (run.Summary!.Epochs, run.Summary.TrainingImages));
        Assert.Equal("pgd-at", Assert.Single(new RunComparison([run]).Rows).Method);
        using CpuDevice device = new(1);
        Assert.Equal(40, ClassifierFile.Load(device, Path.Combine(run.Path, "best.safetensors")).Provenance!.ChosenBy.Count);
    }

    [Fact]
    public void ARunIsTheSameAsOneWhoseUnusedSettingsDiffer()
    {
        RunConfig kept = RunFolder.Open(Copy("stopped")).Config, now = kept;
        // ASCL always passes natural images; the older configuration says natural-pass false.
        now = now with { Method = (AsclObjective)now.Method with { Base = new PgdAtObjective { NaturalPass = true } } };
        Assert.Null(kept.Difference(now));
        now = now with { Training = now.Training with { AwpGamma = 0.005 } };
        Assert.Equal("awp-gamma", kept.Difference(now)?.Name);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    /// <summary>Vectors of another width add in another order: the same bits only on machines of the kind that made the files.</summary>
    private static void AssertSame(string expected, string actual)
    {
        using SafetensorsFile a = SafetensorsFile.Open(expected), b = SafetensorsFile.Open(actual);
        Assert.Equal(a.Names.Order(), b.Names.Order());
        foreach (string name in a.Names)
        {
            float[] x = a.ReadFloats(name), y = b.ReadFloats(name);
            float largest = x.Max(Math.Abs);
            Assert.All(x.Zip(y), pair => Assert.InRange(pair.First - pair.Second, -2e-3f * largest, 2e-3f * largest));
        }
    }

    private string Copy(string name)
    {
        string to = Path.Combine(folder, name);
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Kept, name)))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return to;
    }
}
