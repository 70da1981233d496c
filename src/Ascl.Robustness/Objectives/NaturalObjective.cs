using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Ordinary training: CE(o, y) on natural images.</summary>
public sealed record NaturalObjective : SupervisedObjective
{
    /// <inheritdoc/>
    public override string Name => "natural";

    /// <inheritdoc/>
    public override string Title => Name;

    /// <inheritdoc/>
    public override AttackLoss? Attack => null;

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input) => [new("natural_ce", 1, CrossEntropy(input.Natural!, input))];
}
