using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Core.Random;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Settings of <see cref="AutoPgdAttack"/>; ε in units of [0, 1] pixels.</summary>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="Norm">Norm of the ball.</param>
/// <param name="Steps">Iterations of each run.</param>
/// <param name="Loss">Cross-entropy or the difference of logits ratio; with too few classes for the ratio, the margin.</param>
/// <param name="Targets">0: untargeted. Otherwise the number of wrong classes that are targeted in turn.</param>
/// <param name="Passes">Passes averaged for each gradient, for stochastic networks (expectation over transformation, Athalye et al.
/// 2018).</param>
/// <param name="Order">Which wrong classes are targeted first.</param>
public sealed record AutoPgdSettings(double Epsilon, PerturbationNorm Norm = PerturbationNorm.Linf, int Steps = 100,
    AttackLoss Loss = AttackLoss.CrossEntropy, int Targets = 0, int Passes = 1,
    TargetOrder Order = TargetOrder.Logit)
{
    /// <summary>Radius of the ball, in units of [0, 1] pixels; not negative.</summary>
    public double Epsilon { get; init => field = AttackChecks.NotNegative("epsilon", value); }
        = AttackChecks.NotNegative("epsilon", Epsilon);
    /// <summary>Iterations of each run; at least 1.</summary>
    public int Steps { get; init => field = AttackChecks.AtLeast("steps", value, 1); } = AttackChecks.AtLeast("steps", Steps, 1);
    /// <summary>Number of wrong classes targeted in turn; 0 for the untargeted attack.</summary>
    public int Targets { get; init => field = AttackChecks.AtLeast("targets", value, 0); } = AttackChecks.AtLeast("targets", Targets, 0);
    /// <summary>Forward and backward passes averaged per gradient; at least 1.</summary>
    public int Passes { get; init => field = AttackChecks.AtLeast("passes", value, 1); } = AttackChecks.AtLeast("passes", Passes, 1);
}

/// <summary>
/// Auto-PGD (Croce and Hein 2020, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks"):
/// gradient ascent with momentum and a step size per image, which is halved when the loss stops rising; the image then restarts from its
/// best point. Follows the authors' code, including its behaviour at the first checkpoint. An image is no longer attacked once it is
/// misclassified; with several passes per gradient it is attacked to the end, because a stochastic network may err by chance, and the last
/// misclassified point counts.
/// </summary>
public sealed class AutoPgdAttack(AutoPgdSettings settings) : IAttack
{
    /// <summary>The settings of the attack.</summary>
    public AutoPgdSettings Settings { get; } = settings;

    /// <inheritdoc/>
    public string Name =>
        (Settings.Targets > 0 ? Settings.Order == TargetOrder.Boundary ? "MALT" : "APGD-T"
            : Settings.Loss == AttackLoss.CrossEntropy ? "APGD-CE"
            : "APGD-DLR")
            + (Settings.Passes > 1 ? $" (EOT {Settings.Passes})" : "");
    /// <inheritdoc/>
    public PerturbationNorm Norm => Settings.Norm;
    /// <inheritdoc/>
    public double Epsilon => Settings.Epsilon;
    /// <inheritdoc/>
    public int Steps => Settings.Steps;
    /// <inheritdoc/>
    public bool TakesTargets => Settings.Targets == 0;

    /// <inheritdoc/>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Tensor adversarial = Tensor.EmptyLike(batch.Images);
        ElementwiseKernels.Copy(batch.Images.Data, 0, adversarial.Data, 0, batch.Images.Shape.Length);
        int[][]? wrong = Settings.Targets > 0 ? WrongClasses.By(Settings.Order, Settings.Norm, model, batch) : null;
        int rounds = wrong is null ? 1 : Math.Min(Settings.Targets, model.Spec.Classes - 1);
        int[] left = [.. Enumerable.Range(0, batch.Count)];
        for (int round = 0; round < rounds && left.Length > 0; round++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            int[]? targets = wrong is null ? null : [.. left.Select(i => wrong[i][round])];
            AutoPgdRun run = new(model, Settings, batch, left, targets,
                key with { Purpose = RandomPurpose.AutoPgd, Step = key.Step * (uint)rounds + (uint)round });
            left = run.Attack(adversarial);
        }
        return adversarial;
    }
}
