using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training;

/// <summary>A failure of training that the loss does not show.</summary>
/// <param name="Name">vanishing-gradients, catastrophic-overfitting, robust-overfitting or dead-selections.</param>
/// <param name="Message">What was observed.</param>
public sealed record TrainingWarning(string Name, string Message);

/// <summary>Detects training failures from the metrics of an epoch.</summary>
public sealed class FailureDetector(IObjective objective, int validationImages)
{
    /// <summary>Name of the warning that the network is robust to single steps only.</summary>
    public const string CatastrophicOverfitting = "catastrophic-overfitting";

    /// <summary>Fraction of anchors from which on a warning is given.</summary>
    private const double ManyDead = 0.5;

    /// <summary>The warnings for an epoch.</summary>
    /// <param name="metrics">Metrics of the epoch.</param>
    public IReadOnlyList<TrainingWarning> Warnings(EpochMetrics metrics, IReadOnlyList<EpochMetrics> before)
    {
        List<TrainingWarning> warnings = [];
        TrainingProbe? probe = metrics.Probe;
        if (probe?.VanishedGradients > VanishedGradients.SuspiciousShare)
            warnings.Add(new("vanishing-gradients",
                $"{Percent(probe.VanishedGradients)} of the probed training images have no input gradient: gradient-based attacks fail on "
                    + "them"));
        // Kim et al. 2021, Wong et al. 2020: the network becomes robust only to single-step attacks.
        if (objective.Attack is not null && objective.Trains == TrainedLayers.All && probe is not null
            && probe.FgsmAccuracy > 2 * probe.PgdAccuracy && probe.FgsmAccuracy - probe.PgdAccuracy > 0.2)
            warnings.Add(new(CatastrophicOverfitting,
                $"training accuracy is {Percent(probe.FgsmAccuracy)} under FGSM but under PGD-{EpochProbe.StrongSteps} only "
                    + $"{Percent(probe.PgdAccuracy)}"));
        if (RobustOverfitting(metrics, before) is { } overfitting)
            warnings.Add(overfitting);
        string? strategy = objective.Contrastive is { } contrastive ? contrastive.Strategy.Name : null;
        if (strategy is not null && metrics.Selection.TryGetValue(strategy, out SelectionPercent? used))
        {
            if (used.AnchorsWithoutPositives > 100 * ManyDead)
                warnings.Add(new("dead-selections",
                    $"{strategy} selects no positives for {used.AnchorsWithoutPositives:F0} % of the anchors: they do not contribute to "
                        + "the loss"));
            if (used.AnchorsWithoutNegatives > 100 * ManyDead)
                warnings.Add(new("dead-selections",
                    $"{strategy} selects no negatives for {used.AnchorsWithoutNegatives:F0} % of the anchors: nothing pushes them apart"));
        }
        return warnings;
    }

    /// <summary>Rice et al. 2020: robust accuracy on held-out images falls while it rises on training images. A drop of less than two
    /// standard errors is taken for noise.</summary>
    private TrainingWarning? RobustOverfitting(EpochMetrics metrics, IReadOnlyList<EpochMetrics> before)
    {
        EpochMetrics? best = before.Where(m => m.ValidationRobustAccuracy is not null).MaxBy(m => m.ValidationRobustAccuracy);
        if (best?.ValidationRobustAccuracy is not { } peak || metrics.ValidationRobustAccuracy is not { } now
            || !(metrics.TrainRobustAccuracy > best.TrainRobustAccuracy))
            return null;
        double chance = 2 * Math.Sqrt(2 * peak * (1 - peak) / validationImages);
        return peak - now > chance
            ? new("robust-overfitting",
                $"robust accuracy on the validation images fell from {Percent(peak)} in epoch {best.Epoch} to {Percent(now)}, while it "
                    + "rose on the training images")
            : null;
    }

    private static string Percent(double share) => $"{100 * share:F1} %";
}
