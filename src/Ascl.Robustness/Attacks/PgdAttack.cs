using System.Globalization;
using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Settings of <see cref="PgdAttack"/>; ε and step size in units of [0, 1] pixels.</summary>
/// <param name="StepSize">Length of a step; <see cref="DefaultStepSize"/> follows from the others.</param>
/// <param name="Steps">0 leaves the images at the start.</param>
/// <param name="Mode">How the network is run while crafting: <see cref="ForwardMode.Train"/> or
/// <see cref="ForwardMode.Inference"/>.</param>
/// <param name="EarlyStop">An image stays where it is once it is misclassified.</param>
public sealed record PgdSettings(
    double Epsilon,
    double StepSize,
    int Steps,
    PerturbationNorm Norm = PerturbationNorm.Linf,
    AttackStart Start = AttackStart.Uniform,
    AttackLoss Loss = AttackLoss.CrossEntropy,
    ForwardMode Mode = ForwardMode.Inference,
    bool EarlyStop = false)
{
    /// <summary>Radius of the ball, in units of [0, 1] pixels; not negative.</summary>
    public double Epsilon { get; init => field = AttackChecks.NotNegative("epsilon", value); }
        = AttackChecks.NotNegative("epsilon", Epsilon);
    /// <summary>Length of one step in the norm, in units of [0, 1] pixels; not negative.</summary>
    public double StepSize { get; init => field = AttackChecks.NotNegative("step size", value); }
        = AttackChecks.NotNegative("step size", StepSize);
    /// <summary>Iterations; not negative.</summary>
    public int Steps { get; init => field = AttackChecks.AtLeast("steps", value, 0); } = AttackChecks.AtLeast("steps", Steps, 0);

    /// <summary>
    /// The step size where none is given, in every attack, validation, report and check: 2.5·ε/steps (Madry et al. 2018), so that all steps
    /// together go beyond the ball's border whatever ε and the norm, but not below ε/4 (2/255 for 8/255, the usual step of PGD-10 and
    /// PGD-20), nor above ε.
    /// </summary>
    public static double DefaultStepSize(double epsilon, int steps) => epsilon * Math.Clamp(2.5 / Math.Max(steps, 1), 0.25, 1);

    /// <summary>What is wrong with a step size: all steps together are shorter than ε, so that even the nearest border is out of reach from
    /// the image itself, or one leaps over the whole ball. Null where nothing is.</summary>
    public static string? StepProblem(double epsilon, double stepSize, int steps) =>
        stepSize * steps < epsilon * (1 - 1e-9)
            ? string.Create(CultureInfo.InvariantCulture,
                $"{steps} steps of {stepSize:g3} cannot reach the border of the ball of {epsilon:g3}")
        : epsilon > 0 && stepSize > 2 * epsilon
            ? string.Create(CultureInfo.InvariantCulture,
                $"steps of {stepSize:g3} leap over the whole ball of {epsilon:g3} (is {stepSize:g3}/255 meant?)")
        : null;
}

/// <summary>
/// Projected gradient descent (Madry et al. 2018): from a random start, steps of ascent on the loss, each projected to the ball and clipped
/// to [0, 1]. Asks only for the gradient of the images: no weight gradient is computed.
/// </summary>
public sealed class PgdAttack(PgdSettings settings) : IAttack
{
    /// <summary>The settings of the attack.</summary>
    public PgdSettings Settings { get; } = settings;

    /// <inheritdoc/>
    public string Name => (Settings is { Steps: 1, Start: AttackStart.None } ? "FGSM" : $"PGD-{Settings.Steps}")
        + (Settings.Loss == AttackLoss.CrossEntropy
            ? ""
            : $" ({(Settings.Loss == AttackLoss.KullbackLeibler ? "KL" : Settings.Loss.ToString())})");

    /// <inheritdoc/>
    public PerturbationNorm Norm => Settings.Norm;

    /// <inheritdoc/>
    public double Epsilon => Settings.Epsilon;
    /// <inheritdoc/>
    public int Steps => Settings.Steps;
    /// <inheritdoc/>
    public double? StepSize => Settings.StepSize;
    /// <inheritdoc/>
    public bool CouplesImages => Settings.Mode == ForwardMode.Train;

    /// <summary>PGD from a uniform start in evaluation mode with steps of <see cref="PgdSettings.DefaultStepSize"/>: what robustness is
    /// measured by.</summary>
    public static PgdAttack Standard(ThreatModel threat, int steps) =>
        new(new(threat.Epsilon, PgdSettings.DefaultStepSize(threat.Epsilon, steps), steps, threat.Norm));

    /// <summary>The fast gradient sign method: one step of length ε from the image itself (Goodfellow et al. 2015).</summary>
    public static PgdAttack Fgsm(double epsilon, PerturbationNorm norm = PerturbationNorm.Linf) =>
        new(new(epsilon, epsilon, 1, norm, AttackStart.None));

    /// <inheritdoc/>
    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Tensor adversarial = Tensor.EmptyLike(batch.Images);
        int image = batch.Images.Shape.Length / batch.Count;
        AttackKernels.Start(Settings.Start, Settings.Norm, image, batch.Images.Data, batch.Ids, key, (float)Settings.Epsilon,
            adversarial.Data);
        Ascend(model, batch, adversarial);
        return adversarial;
    }

    /// <summary>All steps, in place, from wherever <paramref name="adversarial"/> is.</summary>
    /// <param name="targets">[n] the wrong classes that a margin is taken to; null for the most likely ones.</param>
    public void Ascend(Classifier model, ImageBatch batch, Tensor adversarial, DeviceBuffer<int>? targets = null)
    {
        using IDisposable attackScope = model.Device.Pool.BeginScope();
        Tensor? clean = Settings.Loss == AttackLoss.KullbackLeibler ? CleanLogits(model, batch) : null;
        DeviceBuffer<int>? stopped = Settings.EarlyStop ? model.Device.Allocate<int>(batch.Count) : null;
        Iteration iteration = new(Settings, model, batch.Images.Shape, batch.Images.Data, batch.Labels, adversarial.Data, clean?.Data,
            targets);
        for (int step = 0; step < Settings.Steps; step++)
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            if (stopped is null)
                model.Device.RunCaptured(iteration);
            else if (!iteration.Run(stopped))
                break;
        }
    }

    /// <summary>One step, in place.</summary>
    private sealed record Iteration(PgdSettings Settings, Classifier Model, Shape Shape, DeviceBuffer<float> Images,
        DeviceBuffer<int> Labels, DeviceBuffer<float> Adversarial,
        DeviceBuffer<float>? Clean, DeviceBuffer<int>? Targets) : ICapturable<Tensor>
    {
        /// <summary>The logits before the step.</summary>
        public Tensor Run()
        {
            var (x, logits) = Forward();
            Ascend(x, logits, stopped: null);
            return logits;
        }

        /// <summary>Leaves those alone that are misclassified. False, and no step, where all of them are.</summary>
        public bool Run(DeviceBuffer<int> stopped)
        {
            var (x, logits) = Forward();
            if (Stop(stopped, logits))
                return false;
            Ascend(x, logits, stopped);
            return true;
        }

        private (Tensor X, Tensor Logits) Forward()
        {
            Tensor x = Tensor.Over(Adversarial, Shape, requiresGrad: true);
            return (x, Model.Forward(x, Settings.Mode).Logits);
        }

        private void Ascend(Tensor x, Tensor logits, DeviceBuffer<int>? stopped)
        {
            int classes = Model.Spec.Classes, count = Shape[0];
            Tensor? clean = Clean is null ? null : Tensor.Over(Clean, logits.Shape);
            Tensor gradient = Gradient.Of(Settings.Loss.For(classes, Targets is not null).Each(logits, Labels, clean, Targets).Sum(), x)[0];
            WorkCount.BackwardImages += count;
            AttackKernels.PgdStep(Settings.Norm, Shape.Length / count, Images, gradient.Data, (float)Settings.Epsilon,
                (float)Settings.StepSize, Adversarial, stopped);
        }

        /// <summary>Marks the images that are misclassified; they stay marked. True if all of them are.</summary>
        private bool Stop(DeviceBuffer<int> stopped, Tensor logits)
        {
            int[] before = stopped.ToArray(), predictions = logits.Predict().ToArray(), labels = Labels.ToArray();
            int[] now = [.. before.Select((mark, i) => mark == 1 || predictions[i] != labels[i] ? 1 : 0)];
            stopped.CopyFrom(now);
            return now.All(mark => mark == 1);
        }
    }

    private Tensor CleanLogits(Classifier model, ImageBatch batch)
    {
        Tensor kept = Tensor.Empty(model.Device, new(batch.Count, model.Spec.Classes));
        using IDisposable scope = model.Device.Pool.BeginScope();
        ElementwiseKernels.Copy(model.Forward(batch.Images, Settings.Mode).Logits.Data, 0, kept.Data, 0, kept.Shape.Length);
        return kept;
    }
}
