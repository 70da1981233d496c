using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Random;
using Ascl.Kernels.Softmax;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Training;

/// <summary>A way in which training fails without its loss showing it.</summary>
/// <param name="Name">vanishing-gradients, catastrophic-overfitting, robust-overfitting or dead-selections.</param>
/// <param name="Message">What was seen.</param>
public sealed record TrainingWarning(string Name, string Message);

/// <summary>How the network stands against a weak and a strong attack on a few training images, and what gradient their pixels get.</summary>
/// <param name="FgsmAccuracy">Share right after one step of length ε.</param>
/// <param name="PgdAccuracy">Share right after ten steps of ε/4.</param>
/// <param name="VanishedGradients">Share of images whose cross-entropy has no gradient that float32 attacks can use.</param>
public sealed record TrainingProbe(double FgsmAccuracy, double PgdAccuracy, double VanishedGradients);

/// <summary>Looks for failures after each epoch. Looking changes nothing that is trained: images are the first of the training set, unaugmented, and the
/// network is run as a constant.</summary>
public sealed class FailureWatch(RunConfig config, ImageSet train, int validationImages)
{
    private const int ProbeImages = 128, StrongSteps = 10;

    /// <summary>A largest |∂CE/∂pixel| of an image at or below this is taken for none: softmax has saturated.</summary>
    private const float Vanished = 1e-10f;

    /// <summary>Shares of images or anchors from which a warning is given.</summary>
    private const double ManyVanished = 0.1, ManyDead = 0.5;

    /// <summary>Weak and strong attack on the first training images.</summary>
    public TrainingProbe Probe(Classifier model)
    {
        ImageSet few = train.Take(ProbeImages);
        BatchPlan plan = BatchPlan.Evaluation(few, few.Count);
        Batch host = plan.NewBatch();
        plan.Fill(0, host);
        using IDisposable scope = model.Device.Pool.BeginScope();
        ImageBatch batch = ImageBatch.Upload(model.Device, few, host);
        PerturbationNorm norm = RunParts.Norm(config.Norm);
        RandomKey key = new(config.Seed, RandomPurpose.AttackStart);
        return new(
            Accuracy(model, PgdAttack.Fgsm(config.Epsilon, norm).Perturb(model, batch, key), batch),
            Accuracy(model, new PgdAttack(new(config.Epsilon, config.Epsilon / 4, StrongSteps, norm)).Perturb(model, batch, key), batch),
            VanishedShare(model, batch));
    }

    /// <param name="metrics">Of the epoch just done.</param>
    /// <param name="before">Metrics of the epochs before it.</param>
    public IReadOnlyList<TrainingWarning> Warnings(EpochMetrics metrics, IReadOnlyList<EpochMetrics> before)
    {
        List<TrainingWarning> warnings = [];
        TrainingProbe? probe = metrics.Probe;
        if (probe?.VanishedGradients > ManyVanished)
            warnings.Add(new("vanishing-gradients", $"{Percent(probe.VanishedGradients)} of the training images looked at have no input gradient: attacks by gradient are blind to them"));
        // Kim et al. 2021, Wong et al. 2020: the network learns to withstand one step and nothing else.
        if (config.Method is not ("natural" or "linear") && probe is not null && probe.FgsmAccuracy > 2 * probe.PgdAccuracy && probe.FgsmAccuracy - probe.PgdAccuracy > 0.2)
            warnings.Add(new("catastrophic-overfitting", $"training images withstand FGSM to {Percent(probe.FgsmAccuracy)} but PGD-{StrongSteps} only to {Percent(probe.PgdAccuracy)}"));
        if (RobustOverfitting(metrics, before) is { } overfitting)
            warnings.Add(overfitting);
        if (config.Method is "ascl" or "supcon" && metrics.Selection.TryGetValue(config.Strategy, out SelectionPercent? used))
        {
            if (used.AnchorsWithoutPositives > 100 * ManyDead)
                warnings.Add(new("dead-selections", $"{config.Strategy} finds no positives for {used.AnchorsWithoutPositives:F0} % of the anchors: they contribute nothing"));
            if (used.AnchorsWithoutNegatives > 100 * ManyDead)
                warnings.Add(new("dead-selections", $"{config.Strategy} finds no negatives for {used.AnchorsWithoutNegatives:F0} % of the anchors: nothing pushes them apart"));
        }
        return warnings;
    }

    /// <summary>Rice et al. 2020: robust accuracy on images not trained on falls while that on the training images rises. Falls of less than two standard
    /// errors may be chance.</summary>
    private TrainingWarning? RobustOverfitting(EpochMetrics metrics, IReadOnlyList<EpochMetrics> before)
    {
        EpochMetrics? best = before.Where(m => m.ValidationRobustAccuracy is not null).MaxBy(m => m.ValidationRobustAccuracy);
        if (best?.ValidationRobustAccuracy is not { } peak || metrics.ValidationRobustAccuracy is not { } now || !(metrics.TrainRobustAccuracy > best.TrainRobustAccuracy))
            return null;
        double chance = 2 * Math.Sqrt(2 * peak * (1 - peak) / validationImages);
        return peak - now > chance
            ? new("robust-overfitting", $"robust accuracy on the validation images fell from {Percent(peak)} in epoch {best.Epoch} to {Percent(now)}, while that on the training images rose")
            : null;
    }

    private static double Accuracy(Classifier model, Tensor images, ImageBatch batch)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        return (double)model.Forward(images, ForwardMode.Frozen).Logits.CountCorrect(batch.Labels) / batch.Count;
    }

    private static double VanishedShare(Classifier model, ImageBatch batch)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        Tensor x = batch.Images.Detach(requiresGrad: true);
        WorkCount.BackwardImages += batch.Count;
        float[] gradient = Gradient.Of(model.Forward(x, ForwardMode.Frozen).Logits.CrossEntropy(batch.Labels, 0, Reduction.Sum), x)[0].ToArray();
        return (double)gradient.Chunk(gradient.Length / batch.Count).Count(image => image.All(g => Math.Abs(g) <= Vanished)) / batch.Count;
    }

    private static string Percent(double share) => $"{100 * share:F1} %";
}
