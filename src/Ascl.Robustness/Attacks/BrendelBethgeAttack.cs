using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Margin;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>
/// The attack of Brendel and Bethge in L∞ (Brendel et al. 2019, "Accurate, reliable and fast robustness evaluation"): starts at an
/// adversarial point, moves to the decision boundary and follows it towards the image; each step is optimal within a trust region:
/// <see cref="TrustRegionStep"/>. The schedule is that of the authors' code: overshoot 1.1, the boundary's normal averaged with momentum
/// 0.8, a radius of 1/1000 of the number of pixels that is halved 20 times. Starting points come from PGD-20 on the margin with step size
/// ε/2; where it fails, ε is doubled until it succeeds or reaches 1. An image for which it never succeeds is returned unchanged. The attack
/// succeeds if the perturbation found is within ε.
/// </summary>
/// <param name="epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="steps">Iterations.</param>
public sealed class BrendelBethgeAttack(double epsilon, int steps = 200) : IAttack
{
    private const int StartSteps = 20, Searches = 10, Decays = 20;
    private const float Momentum = 0.8f, Overshoot = 1.1f;
    private const uint MaximumBalls = 16;
    private const double FirstRadius = 1e-3, SmallestBall = 1.0 / 255;

    /// <inheritdoc/>
    public string Name => "Brendel & Bethge";
    /// <inheritdoc/>
    public PerturbationNorm Norm => PerturbationNorm.Linf;
    /// <inheritdoc/>
    public double Epsilon { get; } = AttackChecks.NotNegative("epsilon", epsilon);
    /// <inheritdoc/>
    public int Steps { get; } = AttackChecks.AtLeast("steps", steps, 1);

    /// <summary>The nearest adversarial image found if it is within ε, otherwise the original.</summary>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        var (nearest, sizes) = Nearest(model, batch, key, epsilon);
        return NearestAttack.Within(epsilon, batch, nearest, sizes);
    }

    /// <summary>The nearest adversarial image found for each image, and the size of its perturbation: infinite if none was found, 0 if the
    /// original is misclassified.</summary>
    /// <param name="stopAtSize">An image is no longer attacked once a perturbation no larger than this is found.</param>
    public (Tensor Images, float[] Sizes) Nearest(Classifier model, ImageBatch batch, RandomKey key, double stopAtSize = 0)
    {
        NearestSoFar found = new(model, batch with { Targets = null }, PerturbationNorm.Linf);
        using IDisposable scope = model.Device.Pool.BeginScope();
        found.KeepNearer(batch.Images, [.. Enumerable.Range(0, batch.Count)]);
        FindStarts(found, key);
        if (found.Indices(size => size > stopAtSize && float.IsFinite(size)) is { Length: > 0 } indices)
            FollowBoundary(found, indices, stopAtSize);
        return (found.Images, found.Sizes);
    }

    /// <summary>Finds an adversarial starting point for each image with PGD, then moves it towards the image to the decision boundary by
    /// binary search.</summary>
    private void FindStarts(NearestSoFar found, RandomKey key)
    {
        uint round = 0;
        for (double ball = Math.Max(epsilon, SmallestBall), before = 0; before < 1; before = ball, ball = Math.Min(2 * ball, 1))
        {
            using IDisposable scope = found.Model.Device.Pool.BeginScope();
            int[] indices = found.Indices(float.IsInfinity);
            if (indices.Length == 0)
                break;
            PgdAttack pgd = new(new(ball, ball / 2, StartSteps, Loss: AttackLoss.Margin, EarlyStop: true));
            // From 1/255 to 1 there are nine balls, so restarts share no random numbers.
            found.KeepNearer(pgd.Perturb(found.Model, found.Batch.Select(indices),
                key with { Purpose = RandomPurpose.BrendelBethge, Step = key.Step * MaximumBalls + round++ }),
                indices);
        }
        int[] started = found.Indices(size => size > 0 && float.IsFinite(size));
        if (started.Length == 0)
            return;
        ImageBatch batch = found.Batch.Select(started);
        Tensor start = ImageBatch.SelectImages(found.Images, started), x = Tensor.EmptyLike(start);
        float[] low = new float[started.Length], high = [.. started.Select(index => found.Sizes[index])];
        for (int search = 0; search < Searches; search++)
        {
            using IDisposable scope = found.Model.Device.Pool.BeginScope();
            float[] middle = [.. low.Zip(high, (a, b) => (a + b) / 2)];
            BrendelBethgeKernels.Between(found.Image, batch.Images.Data, start.Data, found.Model.Device.Upload<float>(middle), x.Data);
            foreach (var (i, isMisclassified) in found.KeepNearer(x, started).Index())
                (low[i], high[i]) = isMisclassified ? (low[i], middle[i]) : (middle[i], high[i]);
        }
    }

    /// <summary>All steps along the boundary. Finished images are removed from the batch once they are at least a quarter of it.</summary>
    private void FollowBoundary(NearestSoFar found, int[] indices, double stopAtSize)
    {
        Device device = found.Model.Device;
        ImageBatch batch = found.Batch.Select(indices);
        Tensor x = ImageBatch.SelectImages(found.Images, indices), normals = Tensor.EmptyLike(x);
        int decayInterval = Math.Max(1, steps / Decays);
        double radius = FirstRadius * found.Image;
        for (int step = 1; step <= steps; step++)
        {
            int[] left = [.. indices.Index().Where(p => found.Sizes[p.Item] > stopAtSize).Select(p => p.Index)];
            if (left.Length == 0)
                return;
            if (left.Length <= indices.Length * 3 / 4)
                (indices, batch, x, normals) = ([.. left.Select(i => indices[i])], batch.Select(left), ImageBatch.SelectImages(x, left),
                    ImageBatch.SelectImages(normals, left));

            using IDisposable scope = device.Pool.BeginScope();
            Tensor point = x.Detach(requiresGrad: true), logits = found.Model.Forward(point, ForwardMode.Inference).Logits,
                margins = logits.Margin(MarginLoss.Difference, batch.Labels);
            found.KeepNearer(x, indices, logits.Predict().ToArray());
            Tensor gradients = Gradient.Of(margins.Sum(), point)[0];
            WorkCount.BackwardImages += indices.Length;
            if (step == 1)
                ElementwiseKernels.Copy(gradients.Data, 0, normals.Data, 0, normals.Shape.Length);
            else
                ElementwiseKernels.Interpolate(normals.Data, gradients.Data, 1 - Momentum, normals.Data);
            if ((step + 1) % decayInterval == 0)
                radius /= 2;
            // Points on the right side step 10 % beyond the boundary, adversarial ones 90 % of the way to it, so that points stay
            // adversarial.
            float[] shifts = [.. margins.ToArray().Select(margin => margin * (margin < 0 ? -Overshoot : Overshoot - 2))];
            BrendelBethgeKernels.Step(found.Image, batch.Images.Data, normals.Data, device.Upload<float>(shifts), radius, x.Data);
        }
        found.KeepNearer(x, indices);
    }
}
