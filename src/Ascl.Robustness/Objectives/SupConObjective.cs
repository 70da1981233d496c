using Ascl.Autograd.Ops;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Supervised contrastive pre-training (Khosla et al. 2020): L_SCL over the rows of natural images, two views of each, and nothing else.</summary>
public sealed class SupConObjective(ContrastiveSettings contrastive) : IObjective
{
    public AttackLoss? Attack => null;
    public bool NeedsNatural => true;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
        [new("contrastive", 1, contrastive.Loss(input.Project(input.Natural!.Latent), input.Labels, input.Natural.Logits.Predict()))];
}
