using Ascl.Core.Settings;

namespace Ascl.Robustness.Objectives;

/// <summary>How FGSM-MEP remembers the perturbation δ of each training image and the momentum m of its gradients.</summary>
public sealed record MemorySettings
{
    /// <summary>μ in m ← μ·m + g/‖g‖₁.</summary>
    [Setting("mep-decay", "Decay of the remembered momentum from one epoch to the next (fgsm-mep).", Form = "D", Min = 0, Below = 1)]
    public double Decay { get; init; } = 0.3;

    /// <summary>Epochs from one reset of both memories to the next.</summary>
    [Setting("mep-reset", "Epochs after which fgsm-mep forgets perturbations and momenta, and begins anew.", Form = "N", Min = 1)]
    public int ResetEvery { get; init; } = 40;

    /// <summary>Target probability of the label, in training and while crafting; the others share the rest.</summary>
    [Setting("mep-target", "Target probability of the label, while the other classes share the rest (fgsm-mep).", Form = "P", Above = 0,
        Max = 1)]
    public double Target { get; init; } = 0.6;

    /// <summary>The share of the target probability spread evenly over all k classes, the label's included: (1 − P)·k/(k − 1).</summary>
    public float Smoothing(int classes) => (float)((1 - Target) * classes / (classes - 1));
}
