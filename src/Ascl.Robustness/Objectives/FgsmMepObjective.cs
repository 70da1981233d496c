using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>
/// FGSM-MEP (Jia et al. 2022, "Prior-guided adversarial initialization for fast adversarial training"): single steps that begin at each
/// image's remembered perturbation δ and end at δ'. The loss is CE(f(x + δ'), t) + λ·MSE(f(x + δ'), f(x + δ)), with the target t of
/// <see cref="MemorySettings.Target"/> and the mean square over images and classes; its gradient goes through both outputs.
/// </summary>
public sealed record FgsmMepObjective : IObjective
{
    /// <inheritdoc/>
    public string Name => "fgsm-mep";

    /// <inheritdoc/>
    public string Title => "FGSM-MEP";

    /// <inheritdoc cref="IObjective.Memory"/>
    [SettingGroup]
    public MemorySettings Memory { get; init; } = new();

    /// <summary>Weight λ of the mean square.</summary>
    [Setting("mep-weight", "Weight of the mean squared difference of the logits at the end and the start of a step (fgsm-mep).", Form = "W",
        Min = 0)]
    public double Weight { get; init; } = 10;

    MemorySettings? IObjective.Memory => Memory;

    /// <inheritdoc/>
    public AttackLoss? Attack => AttackLoss.CrossEntropy;

    /// <inheritdoc/>
    public bool NeedsNatural => false;

    /// <inheritdoc/>
    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        Tensor end = input.Adversarial!.Logits, start = input.Start?.Logits ?? throw new InvalidOperationException(
            $"{Name} needs the outputs where its steps began ({nameof(ObjectiveInput)}.{nameof(input.Start)})");
        return
        [
            new("robust_ce", 1, end.CrossEntropy(input.Labels, Memory.Smoothing(end.Shape[1]))),
            new("start_mse", Weight, end.Subtract(start).Square().Mean()),
        ];
    }
}
