using Ascl.Autograd.Ops;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>PGD adversarial training (Madry et al. 2018): naturalWeight·CE(o, y) + robustWeight·CE(o^a, y).</summary>
public sealed class PgdAtObjective(double naturalWeight = 0, double robustWeight = 1, double labelSmoothing = 0) : IObjective
{
    public AttackLoss? Attack => AttackLoss.CrossEntropy;
    public bool NeedsNatural => naturalWeight > 0;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        List<LossTerm> terms = [new("robust_ce", robustWeight, input.Adversarial!.Logits.CrossEntropy(input.Labels, (float)labelSmoothing))];
        if (NeedsNatural)
            terms.Insert(0, new("natural_ce", naturalWeight, input.Natural!.Logits.CrossEntropy(input.Labels, (float)labelSmoothing)));
        return terms;
    }
}
