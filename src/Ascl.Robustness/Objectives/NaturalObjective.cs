using Ascl.Autograd.Ops;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>Ordinary training: CE(o, y) on natural images.</summary>
public sealed class NaturalObjective(double labelSmoothing = 0) : IObjective
{
    public AttackLoss? Attack => null;
    public bool NeedsNatural => true;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) => [new("natural_ce", 1, input.Natural!.Logits.CrossEntropy(input.Labels, (float)labelSmoothing))];
}
