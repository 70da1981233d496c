using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>
/// Helper-based adversarial training (HAT; Rade and Moosavi-Dezfooli 2022, "Reducing excessive margin to achieve a better accuracy vs.
/// robustness trade-off"): TRADES + γ·CE(f(x + h·(x^a − x)), y_h), where y_h is what a naturally trained network predicts for x^a. The
/// helper images are not clipped to [0, 1]. As in the authors' code, images are crafted from 0.001·N(0, 1), BatchNorm in evaluation mode.
/// </summary>
public sealed record HatObjective : SupervisedObjective, IObjective
{
    /// <inheritdoc/>
    public override string Name => "hat";

    /// <summary>Weight β of the KL term.</summary>
    [Setting("hat-beta", "Weight of KL(natural || adversarial prediction) in hat.", Form = "W", Min = 0)]
    public double Beta { get; init; } = 2.5;

    /// <summary>Weight γ of the cross-entropy on helper images.</summary>
    [Setting("helper-weight", "Weight of the cross-entropy of helper images with the natural network's predictions (hat).", Form = "W",
        Min = 0)]
    public double HelperWeight { get; init; } = 0.5;

    /// <summary>h.</summary>
    [Setting("helper-reach", "Helper images are the natural ones plus H times the perturbation (hat).", Form = "H", Above = 0)]
    public double HelperReach { get; init; } = 3.5;

    double? IObjective.HelperReach => HelperReach;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.KullbackLeibler;

    /// <inheritdoc/>
    public override CraftingDefaults Crafting => new(TrainingStart.Gaussian, CraftingNorm.Eval);

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        ExtrapolatedRows helper = input.Helper ?? throw new InvalidOperationException(
            $"{Name} needs helper images and the natural network's predictions ({nameof(ObjectiveInput)}.{nameof(input.Helper)})");
        return
        [
            .. new TradesObjective { Beta = Beta, LabelSmoothing = LabelSmoothing }.Terms(input),
            new("helper_ce", HelperWeight, helper.Output.Logits.CrossEntropy(helper.Labels)),
        ];
    }
}
