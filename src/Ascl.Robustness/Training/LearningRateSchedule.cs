using Ascl.Core.Settings;

namespace Ascl.Robustness.Training;

/// <summary>The learning rate of each step: linear warm-up, then the schedule. Implementations are immutable.</summary>
public abstract record LearningRateSchedule : INamedSettings
{
    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <summary>The learning rate after warm-up.</summary>
    [Setting("lr", "Learning rate.", Above = 0)]
    public double LearningRate { get; init; } = 0.05;

    /// <summary>Epochs of linear warm-up from 0.</summary>
    [Setting("warmup", "Epochs of linear learning-rate warm-up from 0.", Min = 0)]
    public int Warmup { get; init; }

    /// <summary>Whether the learning rate depends on the total number of epochs.</summary>
    public abstract bool DependsOnEpochs { get; }

    /// <summary>The learning rate of a step.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="step">In the epoch, from 0.</param>
    /// <param name="stepsPerEpoch">Steps of each epoch.</param>
    /// <param name="epochs">Epochs of the whole training.</param>
    public double At(int epoch, int step, int stepsPerEpoch, int epochs) => epoch < Warmup
        ? LearningRate * (epoch * (double)stepsPerEpoch + step + 1) / (Warmup * (double)stepsPerEpoch)
        : LearningRate * Factor(epoch, epoch + (double)step / stepsPerEpoch, epochs);

    /// <summary>The rules that the schedule violates for a number of epochs.</summary>
    public virtual IEnumerable<SettingProblem> ProblemsFor(int epochs)
    {
        if (Warmup >= epochs)
            yield return new("warmup", Warmup, $"must be less than the {epochs} epochs");
    }

    /// <summary>The factor of the learning rate after warm-up.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="done">Completed epochs, including the fraction of this one.</param>
    /// <param name="epochs">Epochs of the whole training.</param>
    protected abstract double Factor(int epoch, double done, int epochs);
}

/// <summary>Cosine decay from the end of warm-up to 0, per step.</summary>
public sealed record CosineSchedule : LearningRateSchedule
{
    /// <inheritdoc/>
    public override string Name => "cosine";

    /// <inheritdoc/>
    public override bool DependsOnEpochs => true;

    /// <inheritdoc/>
    protected override double Factor(int epoch, double done, int epochs) =>
        0.5 * (1 + Math.Cos(Math.PI * (done - Warmup) / (epochs - Warmup)));
}

/// <summary>Linear, from 0 at the end of warm-up to the learning rate half-way and back to 0 at the end, per step (one cycle of Smith 2017;
/// Wong et al. 2020).</summary>
public sealed record TriangularSchedule : LearningRateSchedule
{
    /// <inheritdoc/>
    public override string Name => "triangular";

    /// <inheritdoc/>
    public override bool DependsOnEpochs => true;

    /// <inheritdoc/>
    protected override double Factor(int epoch, double done, int epochs) =>
        1 - Math.Abs(2 * (done - Warmup) / (epochs - Warmup) - 1);
}

/// <summary>Piecewise constant, per epoch.</summary>
public sealed record PiecewiseSchedule : LearningRateSchedule
{
    /// <inheritdoc/>
    public override string Name => "piecewise";

    /// <summary>Epochs, counted from 0, at the start of which the learning rate is multiplied by <see cref="Decay"/>.</summary>
    [Setting("milestones", "Epochs at which a piecewise schedule multiplies the learning rate by the decay.", Form = "N,N")]
    public IReadOnlyList<int> Milestones { get; init; } = [];

    /// <summary>Factor of the learning rate at each milestone.</summary>
    [Setting("decay", "Factor of the learning rate at each milestone.", Above = 0)]
    public double Decay { get; init; } = 0.1;

    /// <inheritdoc/>
    public override bool DependsOnEpochs => false;

    /// <inheritdoc/>
    public override IEnumerable<SettingProblem> ProblemsFor(int epochs)
    {
        string given = string.Join(",", Milestones);
        foreach (SettingProblem problem in base.ProblemsFor(epochs))
            yield return problem;
        if (Milestones.Count == 0)
            yield return new("milestones", "empty", "a piecewise schedule needs them (such as 100,105)");
        if (Milestones.Zip(Milestones.Skip(1)).Any(pair => pair.First >= pair.Second))
            yield return new("milestones", given, "must be strictly increasing");
        if (Milestones.Any(epoch => epoch < 1 || epoch >= epochs))
            yield return new("milestones", given, $"must lie between 1 and the last of {epochs} epochs");
    }

    /// <inheritdoc/>
    protected override double Factor(int epoch, double done, int epochs) => Math.Pow(Decay, Milestones.Count(m => epoch >= m));
}

/// <summary>The schedules by name, each with its default settings.</summary>
public static class ScheduleCatalog
{
    /// <summary>All schedules.</summary>
    public static IReadOnlyList<INamedSettings> All { get; } = [new PiecewiseSchedule(), new CosineSchedule(), new TriangularSchedule()];
}
