using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>TRADES (Zhang et al. 2019): CE(o, y) + β·mean KL(softmax o ‖ softmax o^a).</summary>
public sealed record TradesObjective : SupervisedObjective
{
    /// <inheritdoc/>
    public override string Name => "trades";

    /// <summary>Weight β of the KL term.</summary>
    [Setting("trades-beta", "Weight of KL(natural || adversarial prediction) in trades, also as the base of ascl or adr.", Form = "W",
        Min = 0)]
    public double Beta { get; init; } = 6;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.KullbackLeibler;

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
    [
        new("natural_ce", 1, CrossEntropy(input.Natural!, input)),
        new("trades_kl", Beta, input.Natural!.Logits.KullbackLeibler(input.Adversarial!.Logits).Mean()),
    ];
}
