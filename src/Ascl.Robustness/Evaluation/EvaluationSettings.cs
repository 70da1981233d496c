using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

/// <summary>Settings of <see cref="RobustnessEvaluation"/>.</summary>
public sealed record EvaluationSettings : ICheckedSettings
{
    /// <summary>Names from <see cref="AttackCatalog"/>, in the order of execution.</summary>
    [Setting("attack",
        "Attacks, run in this order, such as fgsm,pgd: noise, fgsm, pgd, pgd-margin, pgd-dlr, pgd-kl, multi-targeted, apgd-ce, apgd-dlr, "
            + "apgd-t, malt, pma, fab, fab-t, deepfool, cw (Carlini & Wagner; only in l2, and slow), brendel-bethge (only in linf), "
            + "square, or Auto-Attack: autoattack (apgd-ce,apgd-t,fab-t,square), autoattack-plus (more attacks and starts), "
            + "autoattack-rand (for stochastic networks), or instead of it fast (PMA+: pma,apgd-t) and many-classes (MALT: targets by "
            + "the distance of their boundaries).",
        Form = "NAMES", Section = "Attack")]
    public IReadOnlyList<string> Attacks { get; init; } = ["pgd"];

    /// <summary>Norm of the perturbation; null: that of training if known, else L∞.</summary>
    [Setting("norm", AttackTexts.Norm + " By default that of training, if the weights record it, else linf.", Form = "NORM")]
    public PerturbationNorm? Norm { get; init; }

    /// <summary>Maximum perturbation; null: that of training if it was in this norm, else
    /// <see cref="ThreatModel.DefaultEpsilon"/>.</summary>
    [Setting("epsilon",
        AttackTexts.Epsilon + " By default that of training if it was in this norm, else 8/255 in linf and 0.5 in l2.",
        Form = "E", Min = 0)]
    public double? Epsilon { get; init; }

    /// <summary>Step size of PGD and Multi-Targeted; null: <see cref="PgdSettings.DefaultStepSize"/>.</summary>
    [Setting("step-size", "Step size of PGD and Multi-Targeted. " + AttackTexts.StepSize, Form = "A", Min = 0)]
    public double? StepSize { get; init; }

    /// <summary>Steps of PGD; null: 20.</summary>
    [Setting("steps", "Steps of PGD, 20 by default.", Min = 1)]
    public int? Steps { get; init; }

    /// <summary>Random starts of PGD; null: 1.</summary>
    [Setting("restarts", "Random starts of PGD; an image counts as robust if it survives all. 1 by default.", Min = 1)]
    public int? Restarts { get; init; }

    /// <summary>Queries of Square; null: 5000.</summary>
    [Setting("queries", "Queries of Square for each image, 5000 by default.", Min = 1)]
    public int? Queries { get; init; }

    /// <summary>The class that images are to be predicted as, as <see cref="TargetChoice.Parse"/> reads it; null: every class but the label
    /// will do.</summary>
    [Setting("target", "Targeted attacks: an image counts as flipped only if it is predicted as its target: class number C (from 0), "
        + "random, or least-likely. Of fgsm, pgd, pgd-margin, apgd-ce, apgd-dlr, cw and square. This is no robust accuracy.",
        Form = "C|random|least-likely")]
    public string? Target { get; init; }

    /// <summary>Other radii for which the attacks are repeated.</summary>
    [Setting("epsilons", "Also run the attacks for these ε, for an accuracy curve. An explicit step size is scaled with ε.", Form = "E,E")]
    public IReadOnlyList<double> Epsilons { get; init; } = [];

    /// <summary>Whether to search for the smallest adversarial perturbation of each image.</summary>
    [Setting("minimal-epsilon",
        "Also search for the smallest adversarial perturbation of each image, with DeepFool, FAB-T and, in linf, Brendel & Bethge.",
        IsSwitch = true)]
    public bool MinimalEpsilon { get; init; }

    /// <summary>Whether each attack runs on every correctly classified image; otherwise only on those that survived the previous
    /// attacks.</summary>
    [Setting("each", "Run each attack on every correctly classified image, not only on those that survived the previous attacks.",
        IsSwitch = true)]
    public bool Each { get; init; }

    /// <summary>Whether to check for signs of false robustness.</summary>
    [Setting("checks",
        "Also check for signs of false robustness: vanishing gradients, more steps or stronger attacks that lower the accuracy, black-box "
            + "attacks that beat white-box ones, and others.", IsSwitch = true, Section = "Checks for false robustness")]
    public bool Checks { get; init; }

    /// <summary>Number of test images for the checks; null: 200.</summary>
    [Setting("check-images", "Number of test images for the checks, 200 by default.", Min = 1)]
    public int? CheckImages { get; init; }

    /// <summary>Use only the first N images; null for all.</summary>
    [Setting("limit", "Use only the first N test images.", Min = 1, Section = "Run")]
    public int? Limit { get; init; }

    /// <summary>Batch size.</summary>
    [Setting("batch", "Batch size; the results do not depend on it.", Min = 1)]
    public int Batch { get; init; } = 128;

    /// <summary>Random seed.</summary>
    [Setting("seed", "Random seed.")]
    public ulong Seed { get; init; } = 1;

    /// <summary>The images to evaluate.</summary>
    public ImageSet ImagesOf(DataSet data) => Limit is { } limit ? data.Test.Take(limit) : data.Test;

    /// <summary>The threat model of the evaluation.</summary>
    /// <param name="trained">The threat model of training; null if unknown.</param>
    public ThreatModel BallOf(ThreatModel? trained) => ThreatModel.Of(Norm, Epsilon, trained);

    /// <summary>The attack options for a threat model.</summary>
    public AttackOptions Options(ThreatModel threat)
    {
        AttackOptions usual = new(threat.Epsilon, Norm: threat.Norm);
        return usual with
        {
            StepSize = StepSize,
            Steps = Steps ?? usual.Steps,
            Restarts = Restarts ?? usual.Restarts,
            Queries = Queries ?? usual.Queries
        };
    }

    /// <inheritdoc/>
    public IEnumerable<SettingProblem> Problems()
    {
        if (Attacks.Count == 0)
            yield return new("attack", "empty", "must name at least one attack");
        if (Target is not null && (Checks || MinimalEpsilon || Epsilons.Count > 0))
            yield return new("target", Target, "does not apply to checks, minimal-epsilon and epsilons, which are about any wrong class");
        if (!Checks && CheckImages is not null)
            yield return new("check-images", CheckImages, "applies only with checks");
    }
}
