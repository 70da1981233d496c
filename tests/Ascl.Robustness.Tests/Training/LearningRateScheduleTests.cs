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
    public void HalfACosine(int epoch, int step, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule(new RunConfig { LearningRate = 0.4, Epochs = 10 }, stepsPerEpoch: 10).At(epoch, step), 12);

    [Theory]
    [InlineData(0, 0.4)]
    [InlineData(2, 0.4)]
    [InlineData(3, 0.04)]
    [InlineData(5, 0.04)]
    [InlineData(6, 0.004)]
    public void PiecewiseConstantByEpoch(int epoch, double expected)
    {
        RunConfig config = new() { LearningRate = 0.4, Schedule = "piecewise", Milestones = [3, 6], Epochs = 8 };
        Assert.Equal(expected, new LearningRateSchedule(config, 10).At(epoch, 7), 12);
        Assert.Equal(0.4 * Math.Pow(0.5, config.Milestones.Count(m => epoch >= m)), new LearningRateSchedule(config with { Decay = 0.5 }, 10).At(epoch, 7), 12);
    }

    /// <summary>The first step already learns, the last of the warm-up has the whole rate; then the cosine begins.</summary>
    [Theory]
    [InlineData(0, 0, 0.4 / 20)]
    [InlineData(0, 9, 0.2)]
    [InlineData(1, 9, 0.4)]
    [InlineData(2, 0, 0.4)]
    [InlineData(6, 0, 0.2)]
    public void LinearWarmup(int epoch, int step, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule(new RunConfig { LearningRate = 0.4, Epochs = 10, Warmup = 2 }, stepsPerEpoch: 10).At(epoch, step), 12);

    /// <summary>What the schedule says is what an epoch's line tells, and what moves the weights.</summary>
    [Fact]
    public void TrainingFollowsIt()
    {
        using TinyRun runs = new();
        RunConfig config = TinyRun.Config with { Method = "natural", Schedule = "piecewise", Milestones = [1, 2], Decay = 0.1, Epochs = 3, LearningRate = 0.2 };
        double[] told = [.. runs.Train(config).Folder.ReadMetrics().Select(m => m.LearningRate)];
        Assert.Equal([0.2, 0.02, 0.002], told.Select(rate => Math.Round(rate, 12)));
    }
}
