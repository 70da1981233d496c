using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>
/// MART (Wang et al. 2020, "Improving adversarial robustness requires revisiting misclassified examples"): CE(o^a, y) −
/// mean log(1.0001 − max_{k≠y} p^a_k + 1e-12) + β·mean KL(p ‖ p^a)·(1.0000001 − p_y), with p = softmax o and p^a = softmax o^a. Nothing is
/// detached, p_y neither. As in the authors' code, the attack starts from 0.001·N(0, 1), BatchNorm in evaluation mode.
/// </summary>
public sealed record MartObjective : SupervisedObjective
{
    /// <inheritdoc/>
    public override string Name => "mart";

    /// <summary>Weight β of the KL term.</summary>
    [Setting("mart-beta", "Weight of KL(natural || adversarial prediction) in mart; the authors: 5 for ResNets, 6 for wide ones.",
        Form = "W", Min = 0)]
    public double Beta { get; init; } = 5;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.CrossEntropy;

    /// <inheritdoc/>
    public override CraftingDefaults Crafting => new(TrainingStart.Gaussian, CraftingNorm.Eval);

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
    [
        new("robust_ce", 1, CrossEntropy(input.Adversarial!, input)),
        new("runner_up", 1, RunnerUp(input)),
        new("weighted_kl", Beta, WeightedDivergence(input)),
    ];

    /// <summary>−mean log(1.0001 − max_{k≠y} p^a_k + 1e-12): small where no wrong class is likely.</summary>
    private static Tensor RunnerUp(ObjectiveInput input)
    {
        Tensor logits = input.Adversarial!.Logits;
        return logits.Softmax(1).Others(logits.OfMostLikelyWrong(input.Labels)).AddScalar(1e-4f + 1e-12f).Log().Mean().Negate();
    }

    /// <summary>mean KL(p ‖ p^a)·(1.0000001 − p_y): images that are classified well count little.</summary>
    private static Tensor WeightedDivergence(ObjectiveInput input)
    {
        Tensor logits = input.Natural!.Logits;
        Tensor doubt = logits.Softmax(1).Others(logits.OfLabels(input.Labels)).AddScalar(1e-7f);
        return logits.KullbackLeibler(input.Adversarial!.Logits).Multiply(doubt).Mean();
    }
}
