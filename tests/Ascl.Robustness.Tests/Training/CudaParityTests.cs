using Ascl.Autograd;
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
        foreach (IObjective objective in (IObjective[])[new AsclObjective(), new TradesObjective()])
        {
            var (expectedTerms, expected) = Train(cpu, objective, adversarial);
            var (terms, actual) = Train(TestGpu.Device, objective, adversarial);
            foreach (var (name, value) in expectedTerms)
                Assert.Equal(value, terms[name], 1e-5 * Math.Max(1, Math.Abs(value)));
            foreach (var (name, values) in expected)
                Tolerance.Close(Tolerance.ToDouble(values), actual[name], 2e-5, $"{objective.GetType().Name}: {name}");
        }
    }

    private static float[] Attack(Device device, ForwardMode mode) =>
        new PgdAttack(new(8 / 255.0, 2 / 255.0, 2, Mode: mode)).Perturb(Made.Model(device), Made.Batch(device, Chosen), Made.Key).ToArray();

    private static (Dictionary<string, double> Terms, Dictionary<string, float[]> Weights) Train(
        Device device, IObjective objective, float[] adversarial)
    {
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Chosen);
        StepResult result = new TrainingStep(model, objective, new SgdOptimizer(Optimizers.Targets(model)))
            .Run(batch, Tensor.FromArray(device, batch.Images.Shape, adversarial), 0.1);
        return (result.Terms.ToDictionary(), model.Parameters.All.ToDictionary(named => named.Name, named => named.Tensor.ToArray()));
    }
}
