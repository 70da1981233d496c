using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>A way in which training fails without its loss showing it.</summary>
/// <param name="Name">vanishing-gradients, catastrophic-overfitting, robust-overfitting or dead-selections.</param>
/// <param name="Message">What was seen.</param>
public sealed record TrainingWarning(string Name, string Message);

/// <summary>Looks for failures in what was measured after an epoch.</summary>
public sealed class FailureWatch(IObjective objective, int validationImages)
{
    /// <summary>Shares of images or anchors from which a warning is given.</summary>
    private const double ManyDead = 0.5;

    /// <param name="metrics">Of the epoch just done.</param>
    /// <param name="before">Metrics of the epochs before it.</param>
    public IReadOnlyList<TrainingWarning> Warnings(EpochMetrics metrics, IReadOnlyList<EpochMetrics> before)
    {
        List<TrainingWarning> warnings = [];
        TrainingProbe? probe = metrics.Probe;
        if (probe?.VanishedGradients > VanishedGradients.Many)
            warnings.Add(new("vanishing-gradients",
                $"{Percent(probe.VanishedGradients)} of the training images looked at have no input gradient: attacks by gradient are "
                    + "blind to them"));
        // Kim et al. 2021, Wong et al. 2020: the network learns to withstand one step and nothing else.
        if (objective.Attack is not null && objective.Trains == TrainedLayers.All && probe is not null
            && probe.FgsmAccuracy > 2 * probe.PgdAccuracy && probe.FgsmAccuracy - probe.PgdAccuracy > 0.2)
            warnings.Add(new("catastrophic-overfitting",
                $"training images withstand FGSM to {Percent(probe.FgsmAccuracy)} but PGD-{EpochProbe.StrongSteps} only to "
                    + $"{Percent(probe.PgdAccuracy)}"));
        if (RobustOverfitting(metrics, before) is { } overfitting)
            warnings.Add(overfitting);
        string? strategy = objective.Contrastive is { } contrastive ? contrastive.Strategy.Name : null;
        if (strategy is not null && metrics.Selection.TryGetValue(strategy, out SelectionPercent? used))
        {
            if (used.AnchorsWithoutPositives > 100 * ManyDead)
                warnings.Add(new("dead-selections",
                    $"{strategy} finds no positives for {used.AnchorsWithoutPositives:F0} % of the anchors: they contribute nothing"));
            if (used.AnchorsWithoutNegatives > 100 * ManyDead)
                warnings.Add(new("dead-selections",
                    $"{strategy} finds no negatives for {used.AnchorsWithoutNegatives:F0} % of the anchors: nothing pushes them apart"));
        }
        return warnings;
    }

    /// <summary>Rice et al. 2020: robust accuracy on images not trained on falls while that on the training images rises. Falls of less
    /// than two standard errors may be chance.</summary>
    private TrainingWarning? RobustOverfitting(EpochMetrics metrics, IReadOnlyList<EpochMetrics> before)
    {
        EpochMetrics? best = before.Where(m => m.ValidationRobustAccuracy is not null).MaxBy(m => m.ValidationRobustAccuracy);
        if (best?.ValidationRobustAccuracy is not { } peak || metrics.ValidationRobustAccuracy is not { } now
            || !(metrics.TrainRobustAccuracy > best.TrainRobustAccuracy))
            return null;
        double chance = 2 * Math.Sqrt(2 * peak * (1 - peak) / validationImages);
        return peak - now > chance
            ? new("robust-overfitting",
                $"robust accuracy on the validation images fell from {Percent(peak)} in epoch {best.Epoch} to {Percent(now)}, while that "
                    + "on the training images rose")
            : null;
    }

    private static string Percent(double share) => $"{100 * share:F1} %";
}
