using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// DeepFool (Moosavi-Dezfooli et al. 2016, "DeepFool: a simple and accurate method to fool deep neural networks"): steps to the nearest of
/// the linearised boundaries with the most likely wrong classes of the clean image, and a little beyond, until the image is misclassified.
/// The number of classes and the overshoot are those of the authors' code. Where theirs ignores the range of pixels, each step is the
/// smallest one within [0, 1], so that a linear model is fooled in one step. The attack succeeds if the perturbation found is within ε.
/// </summary>
/// <param name="epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="norm">Norm of the ball, and of what each step makes smallest.</param>
/// <param name="steps">Most steps of an image.</param>
public sealed class DeepFoolAttack(double epsilon, PerturbationNorm norm = PerturbationNorm.L2, int steps = 50) : IAttack
{
    /// <summary>The label and the nine most likely wrong classes.</summary>
    private const int Classes = 10;

    private const double Overshoot = 0.02;

    /// <inheritdoc/>
    public string Name => "DeepFool";
    /// <inheritdoc/>
    public PerturbationNorm Norm => norm;
    /// <inheritdoc/>
    public double Epsilon { get; } = AttackChecks.NotNegative("epsilon", epsilon);
    /// <inheritdoc/>
    public int Steps { get; } = AttackChecks.AtLeast("steps", steps, 1);

    /// <summary>The adversarial image found if it is within ε, otherwise the original.</summary>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        var (nearest, sizes) = Nearest(model, batch);
        return NearestAttack.Within(Epsilon, batch, nearest, sizes);
    }

    /// <summary>The adversarial image found for each image, and the size of its perturbation: infinite if none was found, 0 if the original
    /// is misclassified.</summary>
    public (Tensor Images, float[] Sizes) Nearest(Classifier model, ImageBatch batch)
    {
        NearestSoFar found = new(model, batch with { Targets = null }, norm);
        using IDisposable scope = model.Device.Pool.BeginScope();
        int image = batch.Images.Shape.Length / batch.Count, count = Math.Min(Classes, model.Spec.Classes) - 1;
        int[][] wrong = WrongClasses.ByLogit(model, batch);
        int[] indices = [.. Enumerable.Range(0, batch.Count)];
        Tensor x = ImageBatch.SelectImages(batch.Images, indices);
        for (int step = 0; step <= Steps; step++)
        {
            // Images that are turned stay in the batch until they are a quarter of it, but only their first finds count.
            int[] left = [.. indices.Index().Where(p => float.IsInfinity(found.Sizes[p.Item])).Select(p => p.Index)];
            if (left.Length == 0)
                break;
            if (left.Length <= indices.Length * 3 / 4)
                (indices, batch, x) = ([.. left.Select(i => indices[i])], batch.Select(left), ImageBatch.SelectImages(x, left));
            using IDisposable stepScope = model.Device.Pool.BeginScope();
            LinearBoundaries boundaries = new(model, batch, x);
            int[] predictions = boundaries.Logits.Predict().ToArray(), labels = batch.Labels.ToArray();
            found.KeepNearer(x, indices,
                [.. predictions.Select((prediction, i) => prediction != labels[i] && float.IsInfinity(found.Sizes[indices[i]]))]);
            if (step == Steps || indices.All(index => float.IsFinite(found.Sizes[index])))
                break;
            var (margins, gradients) = boundaries.Nearest(norm, count, place => [.. indices.Select(index => wrong[index][place])]);
            BoundaryKernels.Step(norm, image, batch.Images.Data, margins.Data, gradients.Data, 0, 1 + Overshoot, x.Data);
        }
        return (found.Images, found.Sizes);
    }
}
