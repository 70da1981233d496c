namespace Ascl.Robustness.Training;

/// <summary>
/// After each epoch evaluates the network on a few training images under a weak and a strong attack, and warns of failures that the loss
/// does not show (<see cref="FailureDetector"/>).
/// </summary>
public sealed class Monitoring : TrainingCallback
{
    /// <inheritdoc/>
    public override void Measure(Trainer trainer, TrainedEpoch epoch)
    {
        if (trainer.Objective.TrainsLogits)
            epoch.Probe = EpochProbe.Measure(trainer.Model, trainer.ThreatModel, trainer.Settings.Seed, trainer.Data.Train);
        EpochMetrics metrics = epoch.Metrics with { Probe = epoch.Probe?.Accuracies };
        FailureDetector watch = new(trainer.Objective, trainer.Data.Validation?.Count ?? 0);
        epoch.Metrics = metrics with { Warnings = watch.Warnings(metrics, trainer.History) };
    }
}
