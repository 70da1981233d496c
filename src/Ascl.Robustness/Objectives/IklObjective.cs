using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Elementwise;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Objectives;

/// <summary>
/// The improved Kullback-Leibler loss (IKL; Cui et al. 2023, "Decoupled Kullback-Leibler divergence loss", first version): CE(o, y) +
/// α·CE(sg softmax o, o^a) + β/4·mean Σ_jk s_j s_k (d_j − d_k)², d = o − o^a, with s the mean of softmax(o/T) over the label's natural
/// images in the previous epoch. The attack maximises KL, as the cross-entropy differs from it by a constant; as in the authors' code it
/// starts from 0.001·N(0, 1), BatchNorm in evaluation mode. Their growing ε, fewer steps and late weight perturbation are not part of it.
/// </summary>
public sealed record IklObjective : SupervisedObjective, IObjective
{
    /// <inheritdoc/>
    public override string Name => "ikl";

    /// <summary>Weight α of the cross-entropy between natural and adversarial predictions.</summary>
    [Setting("ikl-alpha", "Weight of the cross-entropy between natural and adversarial predictions (ikl).", Form = "W", Min = 0)]
    public double Alpha { get; init; } = 4;

    /// <summary>Weight β of the weighted squared differences of logits.</summary>
    [Setting("ikl-beta", "Weight of the squared differences of logits, weighted by class (ikl).", Form = "W", Min = 0)]
    public double Beta { get; init; } = 20;

    /// <summary>T.</summary>
    [Setting("ikl-temperature", "Divides the logits whose class means weight the squared differences of the next epoch (ikl).", Form = "T",
        Above = 0)]
    public double Temperature { get; init; } = 4;

    double? IObjective.ClassMeansTemperature => Temperature;

    /// <inheritdoc/>
    public override AttackLoss? Attack => AttackLoss.KullbackLeibler;

    /// <inheritdoc/>
    public override CraftingDefaults Crafting => new(TrainingStart.Gaussian, CraftingNorm.Eval);

    /// <inheritdoc/>
    public override IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
    [
        new("natural_ce", 1, CrossEntropy(input.Natural!, input)),
        new("soft_ce", Alpha, AdrObjective.LocalSmoothness(input)),
        new("weighted_mse", Beta, WeightedSquares(input)),
    ];

    /// <summary>¼·mean Σ_jk s_j s_k (d_j − d_k)² = ½·mean Σ_j s_j (d_j − Σ_k s_k d_k)², since Σ s = 1.</summary>
    private static Tensor WeightedSquares(ObjectiveInput input)
    {
        Tensor difference = input.Natural!.Logits.Subtract(input.Adversarial!.Logits);
        Tensor weights = Weights(input), mean = weights.Multiply(difference).SumOver([1], keepDims: true);
        return weights.Multiply(difference.Subtract(mean).Square()).Sum(0.5f / difference.Shape[0]);
    }

    /// <summary>s of each image: [n, k].</summary>
    private static Tensor Weights(ObjectiveInput input)
    {
        Tensor logits = input.Natural!.Logits;
        if (input.ClassMeans is { } means)
            return logits.OfLabels(input.Labels).MatMul(means);
        Tensor uniform = Tensor.EmptyLike(logits);
        ElementwiseKernels.Fill(null, 1f / logits.Shape[1], uniform.Data);
        return uniform;
    }
}
