namespace Ascl.Robustness.Training;

/// <summary>
/// After each epoch runs the network on a few training images under a weak and a strong attack, and warns of ways in which training fails
/// without its loss showing it (<see cref="FailureWatch"/>).
/// </summary>
public sealed class Monitoring : TrainingCallback
{
    /// <inheritdoc/>
    public override void Measure(Trainer trainer, TrainedEpoch epoch)
    {
        if (trainer.Objective.TrainsLogits)
            epoch.Probe = EpochProbe.At(trainer.Model, trainer.ThreatModel, trainer.Settings.Seed, trainer.Data.Train);
        EpochMetrics metrics = epoch.Metrics with { Probe = epoch.Probe?.Accuracies };
        FailureWatch watch = new(trainer.Objective, trainer.Data.Validation?.Count ?? 0);
        epoch.Metrics = metrics with { Warnings = watch.Warnings(metrics, trainer.History) };
    }
}
