using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Multi-Targeted (Gowal et al. 2019): PGD towards every wrong class on the difference of its logit and the label's; an image is
/// robust only if it survives all targets.</summary>
/// <param name="epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="stepSize">Length of a step.</param>
/// <param name="steps">Iterations for each target.</param>
/// <param name="norm">Norm of the ball.</param>
public sealed class MultiTargetedAttack(double epsilon, double stepSize, int steps = 20, PerturbationNorm norm = PerturbationNorm.Linf)
    : IAttack
{
    private readonly PgdAttack towards = new(new(epsilon, stepSize, steps, norm, AttackStart.Uniform, AttackLoss.Margin));

    /// <inheritdoc/>
    public string Name => "Multi-Targeted";
    /// <inheritdoc/>
    public PerturbationNorm Norm => norm;
    /// <inheritdoc/>
    public double Epsilon => epsilon;
    /// <inheritdoc/>
    public int Steps => steps;
    /// <inheritdoc/>
    public double? StepSize => stepSize;

    /// <inheritdoc/>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Tensor adversarial = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, adversarial.Data, 0, batch.Images.Shape.Length);
        int[][] wrong = WrongClasses.ByLogit(model, batch);
        int rounds = model.Spec.Classes - 1, image = batch.Images.Shape.Length / batch.Count;
        int[] left = [.. Enumerable.Range(0, batch.Count)];
        for (int round = 0; round < rounds && left.Length > 0; round++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            ImageBatch subset = batch.Select(left);
            Tensor x = Tensor.EmptyLike(subset.Images);
            AttackKernels.Start(AttackStart.Uniform, norm, image, subset.Images.Data, subset.Ids,
                key.At(key.Step * (uint)rounds + (uint)round), (float)epsilon, x.Data);
            towards.Ascend(model, subset, x, model.Device.Upload<int>([.. left.Select(i => wrong[i][round])]));
            int[] predictions = model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray(), labels = subset.Labels.ToArray();
            foreach (var (i, index) in left.Index().Where(entry => predictions[entry.Index] != labels[entry.Index]))
                ElementwiseKernels.Copy(x.Data, i * image, adversarial.Data, index * image, image);
            left = [.. left.Where((_, i) => predictions[i] == labels[i])];
        }
        return adversarial;
    }
}
