using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Margin;
using Ascl.Kernels.Random;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Settings of <see cref="BoundaryAttack"/>, the authors' by default; ε in units of [0, 1] pixels.</summary>
/// <param name="Targets">Wrong classes tried, the most likely ones first.</param>
public sealed record BoundarySettings(double Epsilon, PerturbationNorm Norm = PerturbationNorm.Linf, int Steps = 100, int Targets = 9, double LargestAlpha = 0.1, double Eta = 1.05, double Beta = 0.9);

/// <summary>
/// The targeted fast adaptive boundary attack FAB-T (Croce and Hein 2020): looks for the smallest change that reaches a wrong class, by projections onto the
/// linearised boundary. One start for each target, at the image itself. Within ε it counts as an attack; the size found tells how far the boundary is.
/// </summary>
public sealed class BoundaryAttack(BoundarySettings settings) : IAttack
{
    public BoundarySettings Settings { get; } = settings;
    public string Name => "FAB-T";
    public PerturbationNorm Norm => Settings.Norm;
    public double Epsilon => Settings.Epsilon;
    public int Steps => Settings.Steps;

    /// <summary>The nearest adversarial image found where it is within ε; else the original.</summary>
    public Tensor Perturb(Classifier model, ImageBatch batch, RandomKey key)
    {
        var (nearest, sizes) = Nearest(model, batch, Settings.Epsilon);
        int[] outside = [.. sizes.Select(size => size <= Settings.Epsilon ? 0 : 1)];
        AutoPgdKernels.Copy(batch.Images.Shape.Length / batch.Count, model.Device.Upload<int>(outside), batch.Images.Data, nearest.Data);
        return nearest;
    }

    /// <summary>The nearest adversarial image found for each image, and the length of its change, infinite where none was found.</summary>
    /// <param name="enough">An image for which a target gave a change no longer than this is not tried with the targets after it.</param>
    public (Tensor Images, float[] Sizes) Nearest(Classifier model, ImageBatch batch, double enough = 0)
    {
        Tensor nearest = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, nearest.Data, 0, batch.Images.Shape.Length);
        float[] sizes = [.. Enumerable.Repeat(float.PositiveInfinity, batch.Count)];
        int[][] wrong = WrongClasses.ByLogit(model, batch);
        for (int round = 0; round < Math.Min(Settings.Targets, model.Spec.Classes - 1); round++)
        {
            int[] left = [.. Enumerable.Range(0, batch.Count).Where(i => !(sizes[i] <= enough))];
            if (left.Length == 0)
                break;
            using IDisposable scope = model.Device.Pool.BeginScope();
            Approach(model, batch.Select(left), model.Device.Upload<int>([.. left.Select(i => wrong[i][round])]), left, nearest, sizes);
        }
        return (nearest, sizes);
    }

    /// <summary>One run towards one class for each image; what is nearer than before is written to its place.</summary>
    private void Approach(Classifier model, ImageBatch batch, DeviceBuffer<int> targets, int[] places, Tensor nearest, float[] sizes)
    {
        int image = batch.Images.Shape.Length / batch.Count;
        int[] labels = batch.Labels.ToArray();
        Tensor x = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, x.Data, 0, x.Shape.Length);
        for (int step = 0; step < Settings.Steps; step++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            Tensor point = x.Detach(requiresGrad: true), margins = model.Forward(point, ForwardMode.Frozen).Logits.Margin(MarginLoss.Difference, batch.Labels, targets);
            Tensor gradients = Gradient.Of(margins.Sum(), point)[0];
            WorkCount.BackwardImages += batch.Count;
            BoundaryKernels.Step(Settings.Norm, image, batch.Images.Data, margins.Data, gradients.Data, Settings.LargestAlpha, Settings.Eta, x.Data);

            int[] predictions = model.Forward(x, ForwardMode.Frozen).Logits.Predict().ToArray();
            int[] turned = [.. predictions.Zip(labels, (prediction, label) => prediction != label ? 1 : 0)];
            if (!turned.Contains(1))
                continue;
            DeviceBuffer<float> lengths = model.Device.Allocate<float>(batch.Count);
            BoundaryKernels.Lengths(Settings.Norm, image, batch.Images.Data, x.Data, lengths);
            float[] found = lengths.ToArray();
            foreach (var (i, place) in places.Index())
                if (turned[i] == 1 && found[i] < sizes[place])
                {
                    sizes[place] = found[i];
                    ElementwiseKernels.Copy(x.Data, i * image, nearest.Data, place * image, image);
                }
            BoundaryKernels.Shrink(image, model.Device.Upload<int>(turned), batch.Images.Data, (float)Settings.Beta, x.Data);
        }
    }
}
