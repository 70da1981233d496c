using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Core.Random;
using Ascl.Distributed;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

/// <summary>What catastrophic overfitting changes: FGSM without a random start, which overfits in the third epoch.</summary>
public sealed class OverfittingTests : IDisposable
{
    private const int Overfitted = 3, Epochs = 6;
    private readonly TinyRun runs = new();

    /// <summary>FGSM that overfits catastrophically.</summary>
    public static RunConfig Config { get; } = TinyRun.Config.With(("method", "pgd-at"), ("attack-steps", 1), ("start", "none"),
        ("epsilon", 0.1), ("lr", 0.05), ("batch", 8), ("epochs", Epochs));

    public void Dispose() => runs.Dispose();

    [Fact]
    public void AWarningChangesNothing()
    {
        RunFolder folder = runs.Train(Config).Folder;
        Assert.Equal(Overfitted, folder.Checkpoints.ReadMetrics().First(Warns).Epoch);
        Assert.Equal(Epochs, RunState.Progress(folder.Checkpoints.StateFile).Epoch);
        Assert.Null(RunState.Progress(folder.Checkpoints.StateFile).OverfittingEpoch);
    }

    /// <summary>With validation or without, the weights that are kept are of an epoch before.</summary>
    [Theory]
    [InlineData(8, 1)]
    [InlineData(0, 2)]
    public void StoppingKeepsTheBestWeights(int validation, int seed)
    {
        RunConfig config = Config.With(("on-overfitting", "stop"), ("validation", validation), ("seed", seed));
        RunFolder folder = runs.Create(config);
        Weights seen = new();
        using (CpuDevice device = new(1))
            new RunTraining(device, folder, TinyRun.Data, callbacks: [seen]).Fit(CancellationToken.None);
        int last = seen.After.Count;
        RunProgress progress = RunState.Progress(folder.Checkpoints.StateFile);
        Assert.InRange(last, 2, Epochs - 1);
        Assert.Equal((last, last), (progress.Epoch, progress.OverfittingEpoch));
        Assert.Equal(last, folder.Checkpoints.ReadMetrics().First(Warns).Epoch);
        if (validation == 0)
            Assert.Equal(last - 1, progress.Best.Epoch);
        using CpuDevice again = new(1);
        Assert.NotEqual(last, progress.Best.Epoch);
        Assert.Equal(seen.After[progress.Best.Epoch - 1], Weights.Of(ClassifierFile.Load(again, folder.Checkpoints.BestFile)));
        RunSummary summary = RunSummary.Read(folder.SummaryFile)!;
        Assert.Equal((last, last), (summary.Epochs, summary.OverfittingEpoch));

        // Nothing is trained on, whatever number of epochs is asked for.
        float[] resumed = TinyRun.GoOn(RunFolder.Open(folder.Path).WithEpochs(2 * Epochs));
        Assert.Equal(seen.After[^1], resumed);
        Assert.Equal(last, folder.Checkpoints.ReadMetrics().Count);
    }

    /// <summary>The epochs until then are those without a response; after them each step is crafted by the fallback.</summary>
    [Fact]
    public void PgdTakesTheAttacksPlace()
    {
        using CpuDevice device = new(1);
        RunConfig config = Config.With(("on-overfitting", "pgd"));
        Recorded attack = new(config.Method.AttackOf(config.Attack)!), fallback = new(config.Method.AttackOf(config.Attack.Fallback)!);
        Assert.Equal(new PgdSettings(0.1, 0.025, 10, Mode: ForwardMode.Train), ((PgdAttack)fallback.Of).Settings);
        Classifier model = StartingModel.Of(config, TinyRun.Data, device);
        Trainer trainer = new(model, config.Method, config.Training)
        {
            Attack = attack,
            Fallback = fallback,
            Optimizer = new SgdOptimizer(Optimizers.Targets(model), config.Optimizer),
            Schedule = config.Schedule,
            Callbacks = [new Validation(config.Attack.Validation), new Monitoring()],
        };
        trainer.Fit(TrainingData.Of(TinyRun.Data, config.Training, config.Data.Validation));
        Assert.Equal(Overfitted, trainer.Progress.OverfittingEpoch);
        Assert.Equal([0u, 1, 2], attack.Epochs);
        Assert.Equal([3u, 4, 5], fallback.Epochs);
    }

    /// <summary>The default attack to fall back to is PGD-10 in the ball, whatever the steps were.</summary>
    [Fact]
    public void TheFallbackIsPgdInTheBall()
    {
        using CpuDevice device = new(1);
        Trainer trainer = new(Made.Model(device), new TradesObjective())
        {
            Attack = new TrainingAttackSettings { Steps = 1, StartRadius = 2, Projects = false, Epsilon = 0.2 }
                .Training(AttackLoss.KullbackLeibler),
        };
        PgdSettings expected =
            new(0.2, 0.05, 10, Start: AttackStart.Normal, Loss: AttackLoss.KullbackLeibler, Mode: ForwardMode.Train);
        Assert.Equal(expected, ((PgdAttack)trainer.Fallback!).Settings);
        TrainingAttackSettings given = new() { Steps = 20, StepSize = 0.3, StartRadius = 2, Projects = false, Epsilon = 0.2 };
        Assert.Equal(new PgdSettings(0.2, 0.05, 20, Mode: ForwardMode.Train),
            given.Fallback.Training(AttackLoss.CrossEntropy).Settings);
    }

    /// <summary>Stopped in the first step of the fallback, and a few later, by one rank or two.</summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(6, 1)]
    [InlineData(1, 2)]
    public void AResumedRunRemembersTheFallback(int later, int ranks)
    {
        RunConfig config = Config.With(("on-overfitting", "pgd"), ("shards", ranks));
        RunFolder whole = runs.Create(config), folder = runs.Create(config);
        Fit(whole, ranks);
        int steps = 4 * RunState.Progress(whole.Checkpoints.StateFile).OverfittingEpoch!.Value + later;
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<Exception>(() => Fit(folder, ranks, stop.Token, new StopsAfter(steps, stop)));
        Assert.Equal(steps, 4 * RunState.Progress(folder.Checkpoints.StateFile).Epoch
            + RunState.Progress(folder.Checkpoints.StateFile).Step);
        Fit(RunFolder.Open(folder.Path), ranks);
        Assert.Equal(File.ReadAllBytes(whole.Checkpoints.LastFile), File.ReadAllBytes(folder.Checkpoints.LastFile));
        Assert.NotEqual(File.ReadAllBytes(runs.Train(Config).Folder.Checkpoints.LastFile), File.ReadAllBytes(whole.Checkpoints.LastFile));
    }

    [Fact]
    public void SomethingHasToLookForIt()
    {
        using CpuDevice device = new(1);
        Trainer trainer = new(StartingModel.Of(Config, TinyRun.Data, device), new PgdAtObjective(),
            Config.Training with { OnOverfitting = OverfittingResponse.Stop });
        Assert.Contains("on-overfitting is stop, but nothing looks for it: add Monitoring",
            Assert.Throws<UserErrorException>(() => trainer.Fit(TinyRun.Data)).Message);
    }

    private static bool Warns(EpochMetrics metrics) =>
        metrics.Warnings!.Any(warning => warning.Name == FailureDetector.CatastrophicOverfitting);

    private static void Fit(RunFolder folder, int ranks, CancellationToken stop = default, params TrainingCallback[] callbacks) =>
        ThreadCommunicator.Run(ranks, communicator =>
        {
            using CpuDevice device = new(threads: 1);
            new RunTraining(device, folder, TinyRun.Data, start: null, communicator, callbacks).Fit(stop);
        });

    /// <summary>Records in which epochs an attack is asked.</summary>
    private sealed class Recorded(IAttack of) : IAttack
    {
        public IAttack Of => of;

        public SortedSet<uint> Epochs { get; } = [];

        public string Name => of.Name;

        public PerturbationNorm Norm => of.Norm;

        public double Epsilon => of.Epsilon;

        public int Steps => of.Steps;

        public bool CouplesImages => of.CouplesImages;

        public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
        {
            Epochs.Add(key.Step);
            return of.Craft(model, batch, key);
        }
    }

    /// <summary>The weights after each epoch.</summary>
    private sealed class Weights : TrainingCallback
    {
        public List<float[]> After { get; } = [];

        public static float[] Of(Classifier model) => [.. model.Parameters.All.SelectMany(p => p.Tensor.ToArray())];

        public override void EndEpoch(Trainer trainer, TrainedEpoch epoch) => After.Add(Of(trainer.Model));
    }
}
