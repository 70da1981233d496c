using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>
/// SCORE with the squared error (LSE; Pang et al. 2022, "Robustness and accuracy could be reconcilable by (proper) definition"):
/// mean ‖p − y‖² + β·mean ‖p^a − p‖², with p = softmax o, p^a = softmax o^a and y the label's probabilities, smoothed if wished. The attack
/// maximises ‖p^a − p‖². As in the authors' code without generated data, it starts from 0.001·N(0, 1), BatchNorm in evaluation mode.
/// </summary>
public sealed record ScoreObjective : SupervisedObjective
{
    /// <inheritdoc/>
    public override string Name => "score";

    /// <summary>Weight β of the robust term.</summary>
    [Setting("score-beta", "Weight of the squared distance of natural and adversarial probabilities in score.", Form = "W", Min = 0)]
    public double Beta { get; init; } = 4;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.SquaredError;

    /// <inheritdoc/>
    public override CraftingDefaults Crafting => new(TrainingStart.Gaussian, CraftingNorm.Eval);

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        Tensor logits = input.Natural!.Logits;
        float smoothing = (float)LabelSmoothing;
        Tensor targets = logits.OfLabels(input.Labels).Scale(1 - smoothing).AddScalar(smoothing / logits.Shape[1]);
        Tensor natural = logits.Softmax(1), adversarial = input.Adversarial!.Logits.Softmax(1);
        return [new("natural_lse", 1, SquaredError(natural, targets)), new("robust_lse", Beta, SquaredError(adversarial, natural))];
    }

    /// <summary>mean_i ‖p_i − q_i‖².</summary>
    private static Tensor SquaredError(Tensor p, Tensor q) => p.Subtract(q).Square().Sum(1f / p.Shape[0]);
}
