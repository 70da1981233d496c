using Ascl.Data;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Training;

/// <summary>
/// Measures natural and robust accuracy on the validation images after each epoch, also of averaged weights, and selects the best epoch: by
/// robust accuracy if training has an attack, else by natural accuracy. Test images are never used.
/// </summary>
/// <param name="attack">The validation attack; null: PGD-10 within the trainer's threat model.</param>
public sealed class Validation(PgdAttack? attack = null) : TrainingCallback
{
    /// <inheritdoc/>
    public override bool ChoosesBest => true;

    /// <inheritdoc/>
    public override bool RunsOnEveryRank => true;

    /// <inheritdoc/>
    public override void Measure(Trainer trainer, TrainedEpoch epoch)
    {
        RunProgress progress = trainer.Progress;
        // Pre-training does not train the logits.
        ImageSet? images = trainer.Objective.TrainsLogits ? trainer.Data.Validation : null;
        (double Natural, double Robust)? measured = images is null ? null : Accuracies(trainer, trainer.Model, images);
        progress.Best = Best(trainer, progress.Best, measured);
        epoch.Metrics = epoch.Metrics with { ValidationNaturalAccuracy = measured?.Natural, ValidationRobustAccuracy = measured?.Robust };
        if (trainer.Average is not { } average)
            return;
        measured = images is null ? null : Accuracies(trainer, average.Model, images);
        progress.BestAverage = Best(trainer, progress.BestAverage, measured);
        epoch.Metrics = epoch.Metrics with { AverageNaturalAccuracy = measured?.Natural, AverageRobustAccuracy = measured?.Robust };
    }

    /// <summary>The best epoch so far; without validation images the latest.</summary>
    private static BestEpoch Best(Trainer trainer, BestEpoch best, (double Natural, double Robust)? measured)
    {
        double? accuracy = trainer.Objective.Attack is null ? measured?.Natural : measured?.Robust;
        return accuracy is null || accuracy > best.Accuracy ? new(trainer.Progress.Epoch, accuracy ?? -1) : best;
    }

    private (double Natural, double Robust) Accuracies(Trainer trainer, Classifier model, ImageSet images)
    {
        PgdAttack used = attack ?? PgdAttack.Standard(trainer.ThreatModel, 10);
        Evaluator evaluator = new(model, images, trainer.Settings.Batch, trainer.Settings.Seed) { Communicator = trainer.Communicator };
        EvaluationReport report = evaluator.Run([new(used)], CancellationToken.None);
        return (report.CleanAccuracy, report.WorstCaseAccuracy);
    }
}
