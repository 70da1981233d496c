using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Settings of <see cref="BoundaryAttack"/>, the authors' by default; ε in units of [0, 1] pixels.</summary>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="Norm">Norm of the ball.</param>
/// <param name="Steps">Projections of each run.</param>
/// <param name="Targets">0: towards the nearest decision boundary. Otherwise the number of wrong classes that are targeted in turn, most
/// likely first.</param>
/// <param name="LargestAlpha">Largest weight, in a step, of what is projected from the original image.</param>
/// <param name="Eta">How many times the way to the hyperplane a step goes: beyond it if above 1.</param>
/// <param name="Beta">Share of the perturbation that is kept after an image is misclassified.</param>
public sealed record BoundarySettings(double Epsilon, PerturbationNorm Norm = PerturbationNorm.Linf, int Steps = 100, int Targets = 9,
    double LargestAlpha = 0.1, double Eta = 1.05, double Beta = 0.9)
{
    /// <summary>Radius of the ball, in units of [0, 1] pixels; not negative.</summary>
    public double Epsilon { get; init => field = AttackChecks.NotNegative("epsilon", value); }
        = AttackChecks.NotNegative("epsilon", Epsilon);
    /// <summary>Projections of each run; at least 1.</summary>
    public int Steps { get; init => field = AttackChecks.AtLeast("steps", value, 1); } = AttackChecks.AtLeast("steps", Steps, 1);
    /// <summary>Number of wrong classes targeted in turn; 0 for the untargeted attack.</summary>
    public int Targets { get; init => field = AttackChecks.AtLeast("targets", value, 0); } = AttackChecks.AtLeast("targets", Targets, 0);
}

/// <summary>
/// The fast adaptive boundary attack FAB (Croce and Hein 2020): searches for the smallest adversarial perturbation by projecting onto the
/// linearised decision boundary. FAB-T takes the boundary to one target class after another; untargeted FAB takes the nearest boundary in
/// each step, which costs a backward pass per class. The first start is the image itself, restarts are random points at distance ε/2. The
/// attack succeeds if the perturbation found is within ε.
/// </summary>
public sealed class BoundaryAttack(BoundarySettings settings) : IAttack
{
    /// <summary>The settings of the attack.</summary>
    public BoundarySettings Settings { get; } = settings;
    /// <inheritdoc/>
    public string Name => Settings.Targets > 0 ? "FAB-T" : "FAB";
    /// <inheritdoc/>
    public PerturbationNorm Norm => Settings.Norm;
    /// <inheritdoc/>
    public double Epsilon => Settings.Epsilon;
    /// <inheritdoc/>
    public int Steps => Settings.Steps;

    /// <summary>The nearest adversarial image found if it is within ε, otherwise the original.</summary>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        var (nearest, sizes) = Nearest(model, batch, Settings.Epsilon, key);
        return NearestAttack.Within(Settings.Epsilon, batch, nearest, sizes);
    }

    /// <summary>The nearest adversarial image found for each image, and the size of its perturbation, infinite if none was found.</summary>
    /// <param name="stopAtSize">An image whose perturbation is no larger than this is not attacked with further targets.</param>
    /// <param name="key">Its step is the number of the restart; 0 starts at the image itself.</param>
    public (Tensor Images, float[] Sizes) Nearest(Classifier model, ImageBatch batch, double stopAtSize = 0, RandomKey key = default)
    {
        NearestSoFar found = new(model, batch with { Targets = null }, Settings.Norm);
        int[][]? wrong = Settings.Targets > 0 ? WrongClasses.ByLogit(model, batch) : null;
        int rounds = wrong is null ? 1 : Math.Min(Settings.Targets, model.Spec.Classes - 1);
        for (int round = 0; round < rounds; round++)
        {
            int[] left = found.Indices(size => !(size <= stopAtSize));
            if (left.Length == 0)
                break;
            using IDisposable scope = model.Device.Pool.BeginScope();
            RandomKey own = key with { Purpose = RandomPurpose.FastAdaptiveBoundary, Step = key.Step * (uint)rounds + (uint)round };
            int[]? targets = wrong is null ? null : [.. left.Select(i => wrong[i][round])];
            AttackStart start = key.Step == 0 ? AttackStart.None : AttackStart.Surface;
            RunTowards(model, batch.Select(left), targets, start, own, left, found);
        }
        return (found.Images, found.Sizes);
    }

    /// <summary>One run on each image, towards its target class or the nearest boundary; updates the results of images for which a nearer
    /// point is found.</summary>
    private void RunTowards(Classifier model, ImageBatch batch, int[]? targets, AttackStart start, RandomKey key, int[] indices,
        NearestSoFar found)
    {
        int image = batch.Images.Shape.Length / batch.Count;
        int[] labels = batch.Labels.ToArray();
        Tensor x = Tensor.EmptyLike(batch.Images);
        AttackKernels.Start(start, Settings.Norm, image, batch.Images.Data, batch.Ids, key, (float)(Settings.Epsilon / 2), x.Data);
        for (int step = 0; step < Settings.Steps; step++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            LinearBoundaries boundaries = new(model, batch, x);
            var (margins, gradients) = targets is null
                ? boundaries.Nearest(Settings.Norm, model.Spec.Classes - 1,
                    rank => [.. labels.Select(label => rank < label ? rank : rank + 1)])
                : boundaries.Towards(targets);
            BoundaryKernels.Step(Settings.Norm, image, batch.Images.Data, margins.Data, gradients.Data, Settings.LargestAlpha, Settings.Eta,
                x.Data);

            bool[] areTurned = found.KeepNearer(x, indices);
            if (areTurned.Contains(true))
                BoundaryKernels.Shrink(image, model.Device.Upload<int>([.. areTurned.Select(turned => turned ? 1 : 0)]),
                    batch.Images.Data, (float)Settings.Beta, x.Data);
        }
    }
}
