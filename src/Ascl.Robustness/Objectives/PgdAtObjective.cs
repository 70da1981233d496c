using Ascl.Autograd.Ops;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>PGD adversarial training (Madry et al. 2018): naturalWeight·CE(o, y) + robustWeight·CE(o^a, y).</summary>
/// <param name="naturalPass">Pass the natural images through the network even at weight 0, for BatchNorm's running statistics.</param>
public sealed class PgdAtObjective(double naturalWeight = 0, double robustWeight = 1, double labelSmoothing = 0, bool naturalPass = false) : IObjective
{
    public AttackLoss? Attack => AttackLoss.CrossEntropy;
    public bool NeedsNatural => LearnsFromNatural || naturalPass;
    public bool LearnsFromNatural => naturalWeight > 0;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        List<LossTerm> terms = [new("robust_ce", robustWeight, input.Adversarial!.Logits.CrossEntropy(input.Labels, (float)labelSmoothing))];
        if (LearnsFromNatural)
            terms.Insert(0, new("natural_ce", naturalWeight, input.Natural!.Logits.CrossEntropy(input.Labels, (float)labelSmoothing)));
        return terms;
    }
}
