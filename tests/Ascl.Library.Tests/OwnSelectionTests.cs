using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Data;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;
using Ascl.Testing;
using Xunit;

namespace Ascl.Library.Tests;

/// <summary>A selection strategy of one's own, in the loss and in training.</summary>
[Collection(TestGpu.Collection)]
public sealed class OwnSelectionTests
{
    private const int Rows = 12, Dimension = 5;
    private const float Temperature = 0.3f;
    private static readonly PairSelection Own = PairSelection.Of<RightAttractsRule>("right-attracts");
    private static readonly int[] Labels = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2], Predictions = [0, 1, 2, 0, 2, 2, 1, 1, 0, 1, 1, 1];

    [Fact]
    public void LossAndGradientMatchTheDefinition()
    {
        float[] rows = new float[Rows * Dimension];
        Philox.FillNormal(rows, new RandomKey(3, RandomPurpose.Test), 1);
        using CpuDevice cpu = new(2);
        var (loss, gradient) = Loss(cpu, rows, Own);
        Assert.Equal(Definition(rows), loss, 1e-5);
        // Central differences of the definition.
        for (int i = 0; i < rows.Length; i++)
        {
            float[] up = [.. rows], down = [.. rows];
            up[i] += 1e-2f;
            down[i] -= 1e-2f;
            Assert.Equal((Definition(up) - Definition(down)) / 2e-2, gradient[i], 2e-3);
        }
        Assert.NotEqual(Loss(cpu, rows, SelectionStrategy.Leaked).Loss, loss);
        // The same kernel on a GPU, or its PTX executed.
        var (onGpu, gradientOnGpu) = Loss(TestGpu.Device, rows, Own);
        Assert.Equal(loss, onGpu, 1e-5);
        Assert.All(gradient.Zip(gradientOnGpu), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
    }

    [Fact]
    public void TrainingReportsSelectionStatistics()
    {
        using CpuDevice device = new(2);
        DataSet data = OwnData.Make();
        Classifier model = Classifiers.For(device, data, "own", (p, s) => new OwnNetwork(p, s), projectionSize: 4);
        Trainer trainer = new(model, new AsclObjective { Contrastive = new() { Strategy = Own } }, new() { Epochs = 1, Batch = 16 });
        trainer.Fit(data);
        Assert.Equal(["global", "hard", "soft", "leaked", "merge", "right-attracts"], trainer.History[0].Selection.Keys);
    }

    private static (float Loss, float[] Gradient) Loss(Device device, float[] values, PairSelection selection)
    {
        Tensor rows = Tensor.FromArray(device, new(Rows, Dimension), values, requiresGrad: true);
        Tensor loss = rows.ContrastiveLoss(
            device.Upload<int>(Labels), device.Upload<int>(Predictions), selection, RowDistance.L2, Temperature);
        return (loss.Item, Gradient.Of(loss, rows)[0].ToArray());
    }

    /// <summary>(1/n) Σ_i mean_{j∈P_i} (log Σ_{k∈P_i∪N_i} exp s_ik − s_ij), s = −L2/τ.</summary>
    private static double Definition(float[] rows)
    {
        double total = 0;
        for (int i = 0; i < Rows; i++)
        {
            int[] others = [.. Enumerable.Range(0, Rows).Where(j => j != i)];
            int[] positives = [.. others.Where(j => RightAttractsRule.IsPositive(Labels[i], Labels[j], Predictions[i], Predictions[j]))];
            int[] negatives = [.. others.Where(j => RightAttractsRule.IsNegative(Labels[i], Labels[j], Predictions[i], Predictions[j]))];
            if (positives.Length == 0)
                continue;
            double sum = positives.Concat(negatives).Sum(k => Math.Exp(Similarity(i, k)));
            total += positives.Average(j => Math.Log(sum) - Similarity(i, j));
        }
        return total / Rows;

        double Similarity(int i, int j) =>
            -Math.Sqrt(Enumerable.Range(0, Dimension).Sum(k => Math.Pow(rows[i * Dimension + k] - (double)rows[j * Dimension + k], 2)))
            / Temperature;
    }
}
