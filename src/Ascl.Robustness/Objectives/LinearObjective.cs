using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Linear evaluation of an encoder: CE(o, y) + CE(o^a, y) for the layers after the latent, the encoder frozen.</summary>
public sealed record LinearObjective : SupervisedObjective
{
    /// <inheritdoc/>
    public override string Name => "linear";

    /// <inheritdoc/>
    public override string Title => Name;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.CrossEntropy;

    /// <inheritdoc/>
    public override TrainedLayers Trains => TrainedLayers.Head;

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
        [new("natural_ce", 1, CrossEntropy(input.Natural!, input)), new("robust_ce", 1, CrossEntropy(input.Adversarial!, input))];
}
