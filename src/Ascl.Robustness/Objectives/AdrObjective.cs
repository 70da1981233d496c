using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.PairDistance;

namespace Ascl.Robustness.Objectives;

/// <summary>
/// Adversarial divergence reduction (Bui et al. 2020): the terms of the base objective (PGD-AT or TRADES), and terms that pull adversarial
/// latents and predictions towards the natural ones (which are detached), more strongly within a class, and make adversarial predictions
/// confident. A weight of 0 omits its term.
/// </summary>
public sealed record AdrObjective : CompositeObjective
{
    /// <summary>Weight of a pair of different classes in the global terms; that of one class is 1.</summary>
    private const float OtherClass = 1 - 1 / 0.99f;

    /// <inheritdoc/>
    public override string Name => "adr";

    /// <summary>Weight of <see cref="LocalCompactness"/>.</summary>
    [Setting("local-compactness-weight", "Weight of the mean distance between an image's natural and adversarial latent (adr).", Form = "W",
        Min = 0)]
    public double LocalCompactnessWeight { get; init; } = 1;

    /// <summary>Weight of <see cref="LocalSmoothness"/>.</summary>
    [Setting("local-smoothness-weight", "Weight of the cross-entropy between its natural and adversarial predictions (adr).", Form = "W",
        Min = 0)]
    public double LocalSmoothnessWeight { get; init; } = 1;

    /// <summary>Weight of <see cref="GlobalCompactness"/>.</summary>
    [Setting("global-compactness-weight", "Weight of that distance over all pairs of images (adr).", Form = "W", Min = 0)]
    public double GlobalCompactnessWeight { get; init; } = 1;

    /// <summary>Weight of <see cref="GlobalSmoothness"/>.</summary>
    [Setting("global-smoothness-weight", "Weight of that cross-entropy over all pairs of images (adr).", Form = "W", Min = 0)]
    public double GlobalSmoothnessWeight { get; init; }

    /// <summary>Weight of <see cref="Confidence"/>.</summary>
    [Setting("confidence-weight", "Weight of the entropy of adversarial predictions (adr).", Form = "W", Min = 0)]
    public double ConfidenceWeight { get; init; } = 1;

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input)
    {
        (string Name, double Weight, Func<ObjectiveInput, Tensor> Value)[] terms =
        [
            ("local_compactness", LocalCompactnessWeight, LocalCompactness),
            ("local_smoothness", LocalSmoothnessWeight, LocalSmoothness),
            ("global_compactness", GlobalCompactnessWeight, GlobalCompactness),
            ("global_smoothness", GlobalSmoothnessWeight, GlobalSmoothness),
            ("confidence", ConfidenceWeight, Confidence),
        ];
        return [.. Base.Terms(input), .. terms.Where(t => t.Weight > 0).Select(t => new LossTerm(t.Name, t.Weight, t.Value(input)))];
    }

    /// <summary>mean |sg(z) − z^a|.</summary>
    public static Tensor LocalCompactness(ObjectiveInput input) =>
        input.Adversarial!.Latent.AddScaled(input.Natural!.Latent.Detach(), -1).Abs().Mean();

    /// <summary>mean_i CE(sg(softmax o_i), o^a_i).</summary>
    public static Tensor LocalSmoothness(ObjectiveInput input)
    {
        Tensor logits = input.Adversarial!.Logits;
        return Targets(input).Multiply(logits.LogSoftmax()).Sum(-1f / logits.Shape[0]);
    }

    /// <summary>mean_ij w_ij·mean_k |sg(z_jk) − z^a_ik|.</summary>
    public static Tensor GlobalCompactness(ObjectiveInput input)
    {
        Tensor latent = input.Adversarial!.Latent, weights = PairWeights(input);
        return latent.PairDistances(input.Natural!.Latent.Detach()).Multiply(weights).Sum(1f / weights.Shape.Length / latent.Shape[1]);
    }

    /// <summary>mean_ij w_ij·CE(sg(softmax o_j), o^a_i).</summary>
    public static Tensor GlobalSmoothness(ObjectiveInput input)
    {
        Tensor targets = Targets(input), weights = PairWeights(input);
        Tensor zero = Tensor.Empty(targets.Device, new(targets.Shape[0]));
        ElementwiseKernels.Fill(null, 0, zero.Data);
        Tensor products = input.Adversarial!.Logits.LogSoftmax().Linear(targets, zero);
        return products.Multiply(weights).Sum(-1f / weights.Shape.Length);
    }

    /// <summary>Mean entropy of softmax o^a.</summary>
    public static Tensor Confidence(ObjectiveInput input) => input.Adversarial!.Logits.MeanEntropy();

    /// <summary>sg(softmax o).</summary>
    private static Tensor Targets(ObjectiveInput input) => input.Natural!.Logits.Detach().LogSoftmax().Exp();

    /// <summary>w [b, b]: rows are adversarial images, columns natural ones.</summary>
    private static Tensor PairWeights(ObjectiveInput input)
    {
        Tensor weights = Tensor.Empty(input.Labels.Device, new(input.Labels.Length, input.Labels.Length));
        PairDistanceKernels.ClassWeights(input.Labels, OtherClass, weights.Data);
        return weights;
    }
}
