using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Reporting.TensorBoard;
using Ascl.Robustness.Training;
using Ascl.Testing;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>
/// A network, objective, attack, optimiser, callback and data set of one's own train, resume, are attacked and evaluated like the built-in
/// ones.
/// </summary>
[Collection(TestGpu.Collection)]
public sealed class OwnTrainingTests : IDisposable
{
    private const double Epsilon = 0.1;
    private static readonly DataSet Data = OwnData.Make();
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-own-").FullName;

    [Fact]
    public void OwnPartsTrainAndResumeToTheSameBits()
    {
        float[] straight = Weights(Train(device => Trainer(device, "straight")));
        using CancellationTokenSource stop = new();
        StopAfter callback = new(4, stop);
        Assert.Throws<OperationCanceledException>(() => Train(device => Trainer(device, "stopped", callback), stop.Token));
        Assert.Equal(1, callback.Epochs);
        StopAfter counter = new(-1, stop);
        Classifier resumed = Train(device => Trainer(device, "stopped", counter));
        Assert.Equal(2, counter.Epochs);
        Assert.Equal(straight, Weights(resumed));
        Assert.True(Directory.EnumerateFiles(Path.Combine(folder, "stopped", "tensorboard")).Count() == 3);
        // Other parts cannot go on with it.
        UserErrorException e = Assert.Throws<UserErrorException>(
            () => Train(device => Trainer(device, "stopped", objective: new OwnObjective { Penalty = 0.3 })));
        Assert.Contains("latent-penalty 0.1, not with 0.3", e.Message);
    }

    [Fact]
    public void OwnNetworksAreEvaluatedWithEveryAttack()
    {
        Classifier trained = Train(device => Trainer(device, "evaluated"));
        // Weights come back from their file into a network that no catalogue knows.
        using CpuDevice device = new(2);
        Classifier model = Classifiers.For(device, Data, "own", (p, s) => new OwnNetwork(p, s));
        ClassifierFile.LoadInto(model, Path.Combine(folder, "evaluated", "last.safetensors"));
        Assert.Equal(Weights(trained), Weights(model));

        EvaluationSettings settings = new() { Attacks = ["fgsm", "pgd", "square"], Steps = 5, Queries = 20, Epsilon = Epsilon };
        EvaluationResult result = new RobustnessEvaluation(model, Data, settings).Run(Path.Combine(folder, "evaluation"));
        Assert.Equal((24, 0), (result.Report.Count, result.Report.TrainedOn));
        Assert.True(result.Report.CleanAccuracy > 0.9, $"clean accuracy {result.Report.CleanAccuracy}");
        Assert.True(result.Report.WorstCaseAccuracy <= result.Report.Attacks.Min(a => a.Accuracy));
        Assert.False(new RobustnessEvaluation(model, Data, settings).Run(Path.Combine(folder, "evaluation")).IsNew);

        EvaluationReport own = new Evaluator(model, Data.Test, 16, 1).Run([new(new OwnAttack(Epsilon))], CancellationToken.None);
        Assert.Equal(0, Assert.Single(own.Attacks).Rejected);
        Assert.True(own.WorstCaseAccuracy < result.Report.CleanAccuracy || own.WorstCaseAccuracy == 1);
    }

    /// <summary>Built-in parts work through the same interfaces: an objective with its settings in code, a network by name.</summary>
    [Fact]
    public void BuiltInPartsNeedNoStrings()
    {
        using CpuDevice device = new(2);
        Classifier model = Classifiers.For(device, Data, "resnet: 1 block a stage, widths 4,8", projectionSize: 4);
        AsclObjective objective = new() { Base = new TradesObjective { Beta = 3 } };
        Trainer trainer = new(model, objective, new() { Epochs = 1, Batch = 16, EmaDecay = 0.9 })
        {
            Attack = new TrainingAttackSettings { Norm = PerturbationNorm.L2, Steps = 2 }.Training(AttackLoss.KullbackLeibler),
            Callbacks = { new Validation(), new Monitoring() },
        };
        trainer.Fit(Data);
        EpochMetrics epoch = Assert.Single(trainer.History);
        Assert.Equal(["natural_ce", "trades_kl", "contrastive", "vat_kl"], epoch.Terms.Keys);
        Assert.NotNull(epoch.ValidationRobustAccuracy);
        Assert.NotNull(epoch.AverageRobustAccuracy);
        Assert.NotNull(epoch.Probe);
        Assert.Equal(("l2", 0.5), (model.Provenance!.Norm, model.Provenance.Epsilon));
    }

    /// <summary>On a GPU, or its PTX executed, the same training comes to nearly the same weights.</summary>
    [Fact]
    public void OwnPartsTrainOnCuda()
    {
        float[] cpu = Weights(Train(device => Trainer(device, "cpu", epochs: 1)));
        using CudaDevice gpu = TestGpu.Open(graphs: true);
        Trainer trainer = Trainer(gpu, "gpu", epochs: 1);
        trainer.Fit(OwnData.Make());
        Assert.All(cpu.Zip(Weights(trainer.Model)), pair => Assert.InRange(pair.First - pair.Second, -2e-2, 2e-2));
    }

    [Fact]
    public void IncompatiblePartsAreRefused()
    {
        using Device device = ComputeDevice.Open("cpu", threads: 1);
        Classifier model = Classifiers.For(device, Data, "own", (p, s) => new OwnNetwork(p, s));
        Assert.StartsWith(
            "TrainingSettings.Epochs is 0: must be at least 1", Error(() => new Trainer(model, new OwnObjective(), new() { Epochs = 0 })));
        Assert.StartsWith(
            "OwnObjective.Penalty is -1: must not be negative", Error(() => new Trainer(model, new OwnObjective { Penalty = -1 })));
        Assert.Contains("views is 1: supcon needs 2 views", Error(() => new Trainer(model, new SupConObjective())));
        Assert.Contains(
            "there is no attack to craft them", Error(() => new Trainer(model, new OwnObjective()) { Attack = null }.Fit(Data)));
        Assert.Contains("warmup is 20: must be less than the 10 epochs",
            Error(() => new Trainer(model, new NaturalObjective()) { Schedule = new CosineSchedule { Warmup = 20 } }.Fit(Data)));
        ImageSet three = new("three", ["a", "b", "c"], 1, 8, 8, [0, 1, 2], new float[3 * 64]);
        Assert.Contains("has 3 classes, the network 2",
            Error(() => new Trainer(model, new NaturalObjective()).Fit(new DataSet("three", three, three, Augmentation.None))));
        DataSet other = new("three", three, three, Augmentation.None);
        Assert.Contains("own: the network has 2 classes, three has 3", Error(() => new RobustnessEvaluation(model, other)));
        Assert.Contains("device tpu: must be auto", Error(() => ComputeDevice.Open("tpu")));

        static string Error(Action act) => Assert.Throws<UserErrorException>(act).Message;
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static float[] Weights(Classifier model) => [.. model.Parameters.All.SelectMany(p => p.Tensor.ToArray())];

    private Classifier Train(Func<Device, Trainer> make, CancellationToken stop = default)
    {
        CpuDevice device = new(2);
        Trainer trainer = make(device);
        trainer.Fit(OwnData.Make(), stop);
        return trainer.Model;
    }

    private Trainer Trainer(Device device, string name, TrainingCallback? more = null, OwnObjective? objective = null, int epochs = 3)
    {
        Classifier model = Classifiers.For(device, Data, "own", (p, s) => new OwnNetwork(p, s));
        string path = Path.Combine(folder, name);
        return new(model, objective ?? new(), new() { Epochs = epochs, Batch = 16 })
        {
            Attack = new OwnAttack(Epsilon),
            Optimizer = new OwnOptimizer(Optimizers.Targets(model)),
            Schedule = epochs > 2
                ? new PiecewiseSchedule { LearningRate = 0.02, Milestones = [2] }
                : new CosineSchedule { LearningRate = 0.02 },
            Callbacks =
            [
                new Checkpoints(path),
                new TensorBoardLog(Path.Combine(path, "tensorboard")),
                .. more is null ? [] : new[] { more },
            ],
        };
    }
}
