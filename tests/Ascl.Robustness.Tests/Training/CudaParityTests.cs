using Ascl.Autograd;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;
using Ascl.Testing;

namespace Ascl.Robustness.Tests.Training;

/// <summary>Attack and training step of a whole network on CUDA (its PTX, where there is no GPU) and on the CPU.</summary>
[Collection(TestGpu.Collection)]
public sealed class CudaParityTests
{
    private static readonly int[] Chosen = [1, 2, 3, 4, 5, 6];

    [Theory]
    [InlineData(ForwardMode.Train)]
    [InlineData(ForwardMode.Inference)]
    public void AttacksAgree(ForwardMode mode)
    {
        using CpuDevice cpu = new(1);
        float[] expected = Attack(cpu, mode), actual = Attack(TestGpu.Device, mode);
        // A sign of a gradient near zero may differ.
        int same = expected.Zip(actual).Count(pair => Math.Abs(pair.First - pair.Second) < 1e-6);
        Assert.True(same >= 0.99 * expected.Length, $"{same} of {expected.Length} pixels are equal");
    }

    [Fact]
    public void TrainingStepsAgree()
    {
        using CpuDevice cpu = new(1);
        float[] adversarial = Attack(cpu, ForwardMode.Train);
        IObjective[] objectives =
        [
            new AsclObjective(), new TradesObjective(), new MartObjective(), new ScoreObjective(), new HatObjective(), new IklObjective(),
        ];
        foreach (IObjective objective in objectives)
        {
            var (expectedTerms, expected) = Train(cpu, objective, adversarial);
            var (terms, actual) = Train(TestGpu.Device, objective, adversarial);
            foreach (var (name, value) in expectedTerms)
                Assert.Equal(value, terms[name], 1e-5 * Math.Max(1, Math.Abs(value)));
            foreach (var (name, values) in expected)
                Tolerance.Close(Tolerance.ToDouble(values), actual[name], 2e-5, $"{objective.GetType().Name}: {name}");
        }
    }

    [Fact]
    public void TrainingByShardsAgrees()
    {
        using CpuDevice cpu = new(1);
        float[] expected = TrainByShards(cpu), actual = TrainByShards(TestGpu.Device);
        Tolerance.Close(Tolerance.ToDouble(expected), actual, 5e-5, "weights after two steps");
    }

    [Fact]
    public void SynchronisedShardsNeedAProcessEachOnAGpu()
    {
        UserErrorException refused = Assert.Throws<UserErrorException>(
            () => TrainByShards(TestGpu.Device, BatchNormSynchronizationMode.All));
        Assert.Contains("2 processes are needed", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>Two steps of ASCL in two shards, on images that the attack hardly moves, so that no sign of a gradient matters.</summary>
    private static float[] TrainByShards(Device device, BatchNormSynchronizationMode sync = BatchNormSynchronizationMode.Off)
    {
        Classifier model = new(device, new("resnet: 1 block a stage, widths 8,16", 3, 4, [], []), seed: 4);
        Trainer trainer = new(model, new AsclObjective(), new TrainingSettings { Epochs = 1, Batch = 6, Shards = 2, SyncBn = sync })
        {
            Attack = new PgdAttack(new(8 / 255.0, 1e-9, 1, Start: AttackStart.None, Mode: ForwardMode.Train)),
        };
        trainer.Fit(new TrainingData(TinyRun.Data.Train.Take(12), null, Data.Augmentation.None));
        return [.. model.Parameters.All.SelectMany(tensor => tensor.Tensor.ToArray())];
    }

    private static float[] Attack(Device device, ForwardMode mode) =>
        new PgdAttack(new(8 / 255.0, 2 / 255.0, 2, Mode: mode)).Perturb(Made.Model(device), Made.Batch(device, Chosen), Made.Key).ToArray();

    private static (Dictionary<string, double> Terms, Dictionary<string, float[]> Weights) Train(
        Device device, IObjective objective, float[] adversarial)
    {
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Chosen);
        StepResult result = new TrainingStep(model, objective, new SgdOptimizer(Optimizers.Targets(model)))
            .Run(batch, Tensor.FromArray(device, batch.Images.Shape, adversarial), 0.1, batch.Labels);
        return (result.Terms.ToDictionary(), model.Parameters.All.ToDictionary(named => named.Name, named => named.Tensor.ToArray()));
    }
}
