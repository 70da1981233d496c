using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Uniform noise in the ball: the baseline that any attack has to beat.</summary>
/// <param name="epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="draws">Random perturbations that are tried.</param>
/// <param name="norm">Norm of the ball.</param>
public sealed class NoiseAttack(double epsilon, int draws = 10, PerturbationNorm norm = PerturbationNorm.Linf) : IAttack
{
    /// <inheritdoc/>
    public string Name => $"noise-{draws}";
    /// <inheritdoc/>
    public PerturbationNorm Norm => norm;
    /// <inheritdoc/>
    public double Epsilon { get; } = AttackChecks.NotNegative("epsilon", epsilon);
    /// <inheritdoc/>
    public int Steps { get; } = AttackChecks.AtLeast("draws", draws, 1);
    /// <inheritdoc/>
    public bool UsesGradients => false;

    /// <inheritdoc/>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Tensor adversarial = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, adversarial.Data, 0, batch.Images.Shape.Length);
        int image = batch.Images.Shape.Length / batch.Count;
        int[] labels = batch.Labels.ToArray();
        for (int draw = 0; draw < draws; draw++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            Tensor x = Tensor.EmptyLike(batch.Images);
            AttackKernels.Start(AttackStart.Uniform, norm, image, batch.Images.Data, batch.Ids,
                key with { Purpose = RandomPurpose.InputNoise, Step = key.Step * (uint)draws + (uint)draw }, (float)epsilon, x.Data);
            int[] misclassified = [.. model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray()
                .Zip(labels, (prediction, label) => prediction != label ? 1 : 0)];
            AutoPgdKernels.Copy(image, model.Device.Upload<int>(misclassified), x.Data, adversarial.Data);
        }
        return adversarial;
    }
}
