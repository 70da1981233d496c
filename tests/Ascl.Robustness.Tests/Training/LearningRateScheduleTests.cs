using System.Text.Json.Nodes;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Tests.Training;

public sealed class LearningRateScheduleTests
{
    /// <summary>lr·½(1 + cos(π·t/T)) by step, t and T in epochs without the warm-up.</summary>
    [Theory]
    [InlineData(0, 0, 0.4)]
    [InlineData(5, 0, 0.2)]
    [InlineData(2, 5, 0.34142135623730951)]
    [InlineData(9, 5, 0.4 * 0.5 * (1 - 0.98768834059513777))]
    public void CosineFollowsItsFormula(int epoch, int step, double expected) =>
        Assert.Equal(expected, new CosineSchedule { LearningRate = 0.4 }.At(epoch, step, stepsPerEpoch: 10, epochs: 10), 12);

    /// <summary>Up to the learning rate half-way, and down.</summary>
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(2, 5, 0.2)]
    [InlineData(5, 0, 0.4)]
    [InlineData(7, 5, 0.2)]
    [InlineData(9, 9, 0.008)]
    public void TriangularFollowsItsFormula(int epoch, int step, double expected) =>
        Assert.Equal(expected, new TriangularSchedule { LearningRate = 0.4 }.At(epoch, step, stepsPerEpoch: 10, epochs: 10), 12);

    [Theory]
    [InlineData(0, 0.4)]
    [InlineData(2, 0.4)]
    [InlineData(3, 0.04)]
    [InlineData(5, 0.04)]
    [InlineData(6, 0.004)]
    public void PiecewiseIsConstantBetweenMilestones(int epoch, double expected)
    {
        PiecewiseSchedule schedule = new() { LearningRate = 0.4, Milestones = [3, 6] };
        Assert.Equal(expected, schedule.At(epoch, 7, stepsPerEpoch: 10, epochs: 8), 12);
        Assert.Equal(0.4 * Math.Pow(0.5, schedule.Milestones.Count(m => epoch >= m)),
            (schedule with { Decay = 0.5 }).At(epoch, 7, 10, 8), 12);
    }

    /// <summary>The first step already learns, the last of the warm-up has the whole rate; then the cosine begins.</summary>
    [Theory]
    [InlineData(0, 0, 0.4 / 20)]
    [InlineData(0, 9, 0.2)]
    [InlineData(1, 9, 0.4)]
    [InlineData(2, 0, 0.4)]
    [InlineData(6, 0, 0.2)]
    public void WarmupIsLinear(int epoch, int step, double expected) =>
        Assert.Equal(expected, new CosineSchedule { LearningRate = 0.4, Warmup = 2 }.At(epoch, step, stepsPerEpoch: 10, epochs: 10), 12);

    /// <summary>What the schedule says is what an epoch's line tells, and what moves the weights.</summary>
    [Fact]
    public void TrainingUsesTheScheduledRates()
    {
        using TinyRun runs = new();
        RunConfig config = TinyRun.Config.With(("method", "natural"), ("schedule", "piecewise"), ("milestones", new JsonArray(1, 2)),
            ("decay", 0.1), ("epochs", 3), ("lr", 0.2));
        double[] told = [.. runs.Train(config).Folder.Checkpoints.ReadMetrics().Select(m => m.LearningRate)];
        Assert.Equal([0.2, 0.02, 0.002], told.Select(rate => Math.Round(rate, 12)));
    }
}
