using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>PGD adversarial training (Madry et al. 2018): NaturalWeight·CE(o, y) + RobustWeight·CE(o^a, y).</summary>
public sealed record PgdAtObjective : SupervisedObjective, ICheckedSettings
{
    /// <inheritdoc/>
    public override string Name => "pgd-at";

    /// <summary>Whether natural images pass through the network even if no loss term depends on them, so that BatchNorm's running
    /// statistics come from natural and adversarial images, as in the authors' baseline and in ASCL.</summary>
    [Setting("natural-pass",
        "Pass natural images through the network even at natural-weight 0, so that BatchNorm's running statistics come from natural and "
        + "adversarial images, as in the authors' baseline (pgd-at).")]
    public bool NaturalPass { get; init; } = true;

    /// <summary>Weight of the cross-entropy on natural images.</summary>
    [Setting("natural-weight", "Weight of the cross-entropy on natural images (pgd-at, also as the base of ascl or adr).", Form = "W",
        Min = 0)]
    public double NaturalWeight { get; init; }

    /// <summary>Weight of the cross-entropy on adversarial images.</summary>
    [Setting("robust-weight", "Weight of the cross-entropy on adversarial images (pgd-at, also as base of ascl or adr).",
        Form = "W", Min = 0)]
    public double RobustWeight { get; init; } = 1;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.CrossEntropy;

    /// <inheritdoc/>
    public override bool NeedsNatural => LearnsFromNatural || NaturalPass;

    /// <inheritdoc/>
    public override bool LearnsFromNatural => NaturalWeight > 0;

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        List<LossTerm> terms = [new("robust_ce", RobustWeight, CrossEntropy(input.Adversarial!, input))];
        if (LearnsFromNatural)
            terms.Insert(0, new("natural_ce", NaturalWeight, CrossEntropy(input.Natural!, input)));
        return terms;
    }

    /// <inheritdoc/>
    public IEnumerable<SettingProblem> Problems()
    {
        if (NaturalWeight + RobustWeight == 0)
            yield return new("robust-weight", RobustWeight, "and natural-weight is 0 too: there is no loss to minimise");
    }
}
