using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Evaluation;

/// <summary>What <see cref="RobustnessEvaluation"/> measures.</summary>
public sealed record EvaluationSettings : ICheckedSettings
{
    /// <summary>Names of <see cref="AttackCatalog"/>, in their order.</summary>
    [Setting("attack",
        "Attacks in turn, such as fgsm,pgd: noise, fgsm, pgd, pgd-margin, pgd-dlr, pgd-kl, multi-targeted, apgd-ce, apgd-dlr, apgd-t, fab, "
            + "fab-t, brendel-bethge, "
        + "square, or Auto-Attack: autoattack (apgd-ce,apgd-t,fab-t,square), autoattack-plus (more attacks and starts), autoattack-rand "
        + "(for random networks).",
        Form = "NAMES", Section = "Attack")]
    public IReadOnlyList<string> Attacks { get; init; } = ["pgd"];

    /// <summary>What ε measures; null: what the weights were trained against, else L∞.</summary>
    [Setting("norm", AttackTexts.Norm + " By default what the weights were trained against, where they say so, else linf.", Form = "NORM")]
    public PerturbationNorm? Norm { get; init; }

    /// <summary>Largest change; null: what the weights were trained against in this norm, else
    /// <see cref="ThreatModel.DefaultEpsilon"/>.</summary>
    [Setting("epsilon",
        AttackTexts.Epsilon + " By default what the weights were trained against in this norm, else 8/255 in linf and 0.5 in l2.",
        Form = "E", Min = 0)]
    public double? Epsilon { get; init; }

    /// <summary>Length of one step of PGD and Multi-Targeted; null: <see cref="PgdSettings.DefaultStepSize"/>.</summary>
    [Setting("step-size", "Length of one step of PGD and Multi-Targeted. " + AttackTexts.StepSize, Form = "A", Min = 0)]
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

    /// <summary>Other radii that the same attacks are run within.</summary>
    [Setting("epsilons", "Measure the same attacks within these ε too: a curve. A given step size keeps its share of ε.", Form = "E,E")]
    public IReadOnlyList<double> Epsilons { get; init; } = [];

    /// <summary>Look too for the smallest change that turns each image.</summary>
    [Setting("minimal-epsilon",
        "Look too for the smallest change that turns each image, without a limit: FAB-T and, in linf, Brendel & Bethge.", IsSwitch = true)]
    public bool MinimalEpsilon { get; init; }

    /// <summary>Try each attack on every image that is right; otherwise only on what the attacks before it have left.</summary>
    [Setting("each", "Try each attack on every image that is right, not only on what the attacks before it have left.", IsSwitch = true)]
    public bool Each { get; init; }

    /// <summary>Look for signs of false robustness too.</summary>
    [Setting("checks",
        "Look for signs of false robustness too: gradients that vanish, more steps or stronger attacks that still help, attacks without "
            + "gradients that do better, "
        + "and others.", IsSwitch = true, Section = "Is it honest?")]
    public bool Checks { get; init; }

    /// <summary>Test images that the checks look at; null: 200.</summary>
    [Setting("check-images", "Test images that the checks look at, the first 200 by default.", Min = 1)]
    public int? CheckImages { get; init; }

    /// <summary>Use only the first images; null for all.</summary>
    [Setting("limit", "Use only the first N test images.", Min = 1, Section = "Run")]
    public int? Limit { get; init; }

    /// <summary>Images at a time.</summary>
    [Setting("batch", "Images at a time; the results do not depend on it.", Min = 1)]
    public int Batch { get; init; } = 128;

    /// <summary>Of everything random.</summary>
    [Setting("seed", "Seed of everything random.")]
    public ulong Seed { get; init; } = 1;

    /// <summary>The images that are evaluated.</summary>
    public ImageSet ImagesOf(DataSet data) => Limit is { } limit ? data.Test.Take(limit) : data.Test;

    /// <summary>The ball that attacks stay in.</summary>
    /// <param name="trained">What the weights were trained against; null where it is not known.</param>
    public ThreatModel BallOf(ThreatModel? trained) => ThreatModel.Of(Norm, Epsilon, trained);

    /// <summary>What attacks are made with, within a ball.</summary>
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
            yield return new("attack", "empty", "names no attack");
        if (!Checks && CheckImages is not null)
            yield return new("check-images", CheckImages, "is for checks, which are not asked for");
    }
}
