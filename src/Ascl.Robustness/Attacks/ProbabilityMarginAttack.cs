using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// The probability margin attack (Xie et al. 2024, "Towards million-scale adversarial robustness evaluation with stronger individual
/// attacks"): two rounds of gradient ascent on probabilities p, each from a uniform start. The first step raises the label's p_y; until
/// half-way the first round lowers p_y and the second raises the largest other one; from half-way both raise the difference of the two. The
/// step size falls along a cosine from 2ε, as in the authors' code also once more after half-way. An image is no longer attacked once it is
/// misclassified. The authors attack in L∞; in L2 the step is along the normalised gradient.
/// </summary>
/// <param name="epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="steps">Iterations of each round.</param>
/// <param name="norm">Norm of the ball.</param>
public sealed class ProbabilityMarginAttack(double epsilon, int steps = 100, PerturbationNorm norm = PerturbationNorm.Linf) : IAttack
{
    private const int Rounds = 2;

    /// <inheritdoc/>
    public string Name => "PMA";
    /// <inheritdoc/>
    public PerturbationNorm Norm => norm;
    /// <inheritdoc/>
    public double Epsilon { get; } = AttackChecks.NotNegative("epsilon", epsilon);
    /// <inheritdoc/>
    public int Steps { get; } = AttackChecks.AtLeast("steps", steps, 1);

    /// <summary>The length of a step: a cosine from 2ε to 0 over half of the steps, which begins again after half-way.</summary>
    /// <param name="step">From 0.</param>
    public static double StepSizeAt(int step, int steps, double epsilon)
    {
        double half = steps / 2.0, since = step > half ? step - half : step;
        return epsilon * (1 + Math.Cos((since - 1) / half * Math.PI));
    }

    /// <inheritdoc/>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Tensor adversarial = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, adversarial.Data, 0, batch.Images.Shape.Length);
        int[] left = [.. Enumerable.Range(0, batch.Count)];
        for (int round = 0; round < Rounds && left.Length > 0; round++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            left = Ascend(model, batch, left, round, key.At(key.Step * Rounds + (uint)round), adversarial);
        }
        return adversarial;
    }

    /// <summary>One round on some images; writes those that it turns to <paramref name="adversarial"/>.</summary>
    /// <returns>The indices of the images that are still classified correctly.</returns>
    private int[] Ascend(Classifier model, ImageBatch whole, int[] indices, int round, RandomKey key, Tensor adversarial)
    {
        int image = whole.Images.Shape.Length / whole.Count;
        ImageBatch batch = whole.Select(indices);
        Tensor x = Tensor.EmptyLike(batch.Images), gradients = Tensor.EmptyLike(x);
        AttackKernels.Start(AttackStart.Uniform, norm, image, batch.Images.Data, batch.Ids, key, (float)epsilon, x.Data);
        int[] labels = batch.Labels.ToArray();
        bool[] isRight = [.. indices.Select(_ => true)];
        for (int step = 0; step <= steps && isRight.Contains(true); step++)
        {
            using (model.Device.Pool.BeginScope())
            {
                // The last pass only looks at the result of the last step.
                int[] predictions = step == steps
                    ? model.Forward(x, ForwardMode.Inference).Logits.Predict().ToArray()
                    : model.Device.RunCaptured(new GradientPass(model, LossOf(step, round, batch), x.Shape, x.Data, gradients.Data))
                        .Predictions.ToArray();
                for (int i = 0; i < indices.Length; i++)
                    if (isRight[i] && predictions[i] != labels[i])
                    {
                        isRight[i] = false;
                        ElementwiseKernels.Copy(x.Data, i * image, adversarial.Data, indices[i] * image, image);
                    }
                if (step < steps)
                    AttackKernels.PgdStep(norm, image, batch.Images.Data, gradients.Data, (float)epsilon,
                        (float)StepSizeAt(step, steps, epsilon), x.Data);
            }
            int[] left = [.. Enumerable.Range(0, indices.Length).Where(i => isRight[i])];
            if (left.Length == 0 || left.Length > indices.Length * 3 / 4)
                continue;
            (indices, labels, isRight) = ([.. left.Select(i => indices[i])], [.. left.Select(i => labels[i])], [.. left.Select(_ => true)]);
            (batch, x) = (batch.Select(left), ImageBatch.SelectImages(x, left));
            gradients = Tensor.EmptyLike(x);
        }
        return [.. indices.Where((_, i) => isRight[i])];
    }

    private ProbabilityLoss LossOf(int step, int round, ImageBatch batch) =>
        step == 0 ? new(-1, 0, batch.Labels)
        : step >= steps / 2.0 ? new(1, 1, batch.Labels)
        : round == 0 ? new(1, 0, batch.Labels)
        : new(0, 1, batch.Labels);
}
