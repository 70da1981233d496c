using Ascl.Autograd;
using Ascl.Autograd.Ops;
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

/// <summary>What training makes small.</summary>
public interface IObjective
{
    /// <summary>What the attack maximises; null for training without one.</summary>
    AttackLoss? Attack { get; }

    /// <summary>Whether the natural images are passed through the network.</summary>
    bool NeedsNatural { get; }

    /// <summary>Whether terms depend on them; else their pass only moves BatchNorm's running statistics.</summary>
    bool LearnsFromNatural => NeedsNatural;

    IReadOnlyList<LossTerm> Terms(ObjectiveInput input);
}

/// <summary>Sums of terms.</summary>
public static class LossTerms
{
    /// <summary>Σ Weight·Value.</summary>
    public static Tensor Total(this IReadOnlyList<LossTerm> terms) =>
        terms.Skip(1).Aggregate(terms[0].Value.Scale((float)terms[0].Weight), (sum, term) => sum.AddScaled(term.Value, (float)term.Weight));
}
