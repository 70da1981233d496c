using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>One weighted part of a loss.</summary>
/// <param name="Name">As it appears in metrics.</param>
/// <param name="Weight">The loss is Σ Weight·Value.</param>
/// <param name="Value">One value.</param>
public sealed record LossTerm(string Name, double Weight, Tensor Value);

/// <summary>What an objective is computed from.</summary>
/// <param name="Natural">Outputs on the natural images; null where the objective does not need them.</param>
/// <param name="Adversarial">Outputs on the adversarial images; null where it trains on none.</param>
/// <param name="Labels">[b].</param>
/// <param name="Project">From latents to the rows that are contrasted.</param>
public sealed record ObjectiveInput(ModelOutput? Natural, ModelOutput? Adversarial, DeviceBuffer<int> Labels, Func<Tensor, Tensor> Project);

/// <summary>The layers that an objective trains.</summary>
public enum TrainedLayers
{
    /// <summary>All of them.</summary>
    All,

    /// <summary>Those after the latent; the encoder is frozen and runs in inference mode.</summary>
    Head,
}

/// <summary>
/// A training objective: the loss terms that are minimised, what the attack maximises, and what both need. Implementations are immutable;
/// settings are properties with <see cref="SettingAttribute"/>.
/// </summary>
public interface IObjective : INamedSettings
{
    /// <summary>The loss that the training attack maximises; null for training without an attack.</summary>
    AttackLoss? Attack { get; }

    /// <summary>Whether the natural images are passed through the network.</summary>
    bool NeedsNatural { get; }

    /// <summary>Whether terms depend on the natural images; otherwise their forward pass only updates BatchNorm's running
    /// statistics.</summary>
    bool LearnsFromNatural => NeedsNatural;

    /// <summary>Which layers the optimiser updates.</summary>
    TrainedLayers Trains => TrainedLayers.All;

    /// <summary>Whether the logits are trained. Pre-training makes an encoder only, which is not validated or evaluated as a
    /// classifier.</summary>
    bool TrainsLogits => true;

    /// <summary>How latents are contrasted, for the projection head and for selection statistics; null for objectives without a contrastive
    /// term.</summary>
    ContrastiveSettings? Contrastive => null;

    /// <summary>Fewest augmented views of each image that a batch must hold.</summary>
    int MinimumViews => 1;

    /// <summary>What it is called where people read it.</summary>
    string Title => Name;

    /// <summary>The terms of the loss on a batch.</summary>
    IReadOnlyList<LossTerm> Terms(ObjectiveInput input);
}

/// <summary>Sums of terms.</summary>
public static class LossTerms
{
    /// <summary>Σ Weight·Value.</summary>
    public static Tensor Total(this IReadOnlyList<LossTerm> terms) =>
        terms.Skip(1).Aggregate(terms[0].Value.Scale((float)terms[0].Weight), (sum, term) => sum.AddScaled(term.Value, (float)term.Weight));
}
