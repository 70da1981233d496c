using Ascl.Autograd.Ops;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>TRADES (Zhang et al. 2019): CE(o, y) + β·mean KL(softmax o ‖ softmax o^a).</summary>
public sealed class TradesObjective(double beta = 6, double labelSmoothing = 0) : IObjective
{
    public AttackLoss? Attack => AttackLoss.KullbackLeibler;
    public bool NeedsNatural => true;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
    [
        new("natural_ce", 1, input.Natural!.Logits.CrossEntropy(input.Labels, (float)labelSmoothing)),
        new("trades_kl", beta, input.Natural.Logits.KullbackLeibler(input.Adversarial!.Logits).Mean()),
    ];
}
