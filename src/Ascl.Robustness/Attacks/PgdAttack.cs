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
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="StepSize">Length of a step; see <see cref="DefaultStepSize"/>.</param>
/// <param name="Steps">Iterations; with 0 the images stay at the start.</param>
/// <param name="Norm">Norm of the ball.</param>
/// <param name="Start">Where the ascent starts.</param>
/// <param name="Loss">The loss that is maximised.</param>
/// <param name="Mode">How the network is run while crafting: <see cref="ForwardMode.Train"/> or
/// <see cref="ForwardMode.Inference"/>.</param>
/// <param name="EarlyStop">Stop the attack on an image once it is misclassified.</param>
/// <param name="StartRadius">Radius of a uniform start, in units of ε.</param>
/// <param name="Projects">Whether each step is projected onto the ball. Images of an attack that does not project may leave it, which
/// evaluations do not count: it is for training.</param>
public sealed record PgdSettings(
    double Epsilon,
    double StepSize,
    int Steps,
    PerturbationNorm Norm = PerturbationNorm.Linf,
    AttackStart Start = AttackStart.Uniform,
    AttackLoss Loss = AttackLoss.CrossEntropy,
    ForwardMode Mode = ForwardMode.Inference,
    bool EarlyStop = false,
    double StartRadius = 1,
    bool Projects = true)
{
    /// <summary>Radius of the ball, in units of [0, 1] pixels; not negative.</summary>
    public double Epsilon { get; init => field = AttackChecks.NotNegative("epsilon", value); }
        = AttackChecks.NotNegative("epsilon", Epsilon);
    /// <summary>Length of one step in the norm, in units of [0, 1] pixels; not negative.</summary>
    public double StepSize { get; init => field = AttackChecks.NotNegative("step size", value); }
        = AttackChecks.NotNegative("step size", StepSize);
    /// <summary>Iterations; not negative.</summary>
    public int Steps { get; init => field = AttackChecks.AtLeast("steps", value, 0); } = AttackChecks.AtLeast("steps", Steps, 0);
    /// <summary>Radius of a uniform start, in units of ε; not negative.</summary>
    public double StartRadius { get; init => field = AttackChecks.NotNegative("start radius", value); }
        = AttackChecks.NotNegative("start radius", StartRadius);

    /// <summary>
    /// The default step size of attacks in training, validation, evaluation and checks: 2.5·ε/steps (Madry et al. 2018), so that the attack
    /// can reach any point of the ball, clamped to [ε/4, ε] (2/255 for ε = 8/255, the usual step size of PGD-10 and PGD-20).
    /// </summary>
    public static double DefaultStepSize(double epsilon, int steps) => epsilon * Math.Clamp(2.5 / Math.Max(steps, 1), 0.25, 1);

    /// <summary>Why a step size is unsuitable: all steps together are shorter than ε, so that the attack cannot reach the boundary of the
    /// ball, or a single step exceeds the ball's diameter. Null if it is suitable.</summary>
    public static string? StepProblem(double epsilon, double stepSize, int steps) =>
        stepSize * steps < epsilon * (1 - 1e-9)
            ? string.Create(CultureInfo.InvariantCulture,
                $"{steps} steps of {stepSize:g3} cannot reach the boundary of the ball of radius {epsilon:g3}")
        : epsilon > 0 && stepSize > 2 * epsilon
            ? string.Create(CultureInfo.InvariantCulture,
                $"steps of {stepSize:g3} exceed the diameter of the ball of radius {epsilon:g3} (did you mean {stepSize:g3}/255?)")
        : null;
}

/// <summary>
/// Projected gradient descent (Madry et al. 2018): gradient ascent on the loss from a random start; each step is projected onto the ball
/// and clipped to [0, 1]. Only input gradients are computed, no weight gradients. One step from a start of radius 2, without projection, is
/// N-FGSM (de Jorge et al. 2022): η ~ U(−2ε, 2ε), x^a = clip₀₁(clip₀₁(x + η) + ε·sign ∇).
/// </summary>
/// <param name="settings">The settings.</param>
public sealed class PgdAttack(PgdSettings settings) : IAttack
{
    /// <summary>The settings of the attack.</summary>
    public PgdSettings Settings { get; } = settings;

    /// <inheritdoc/>
    public string Name => (Settings is { Steps: 1, Start: AttackStart.None } ? "FGSM" : $"PGD-{Settings.Steps}")
        + (Settings.StartRadius == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" from {Settings.StartRadius:g3} epsilon"))
        + (Settings.Projects ? "" : " without projection")
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
    /// <summary>On cross-entropy and the margin: the ratio may rise without end while a third class stays ahead of the target.</summary>
    public bool TakesTargets => Settings.Loss is AttackLoss.CrossEntropy or AttackLoss.Margin;
    /// <inheritdoc/>
    public bool CouplesImages => Settings.Mode == ForwardMode.Train;

    /// <summary>The standard PGD of evaluations: uniform start, inference mode, <see cref="PgdSettings.DefaultStepSize"/>.</summary>
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
        AttackKernels.Start(Settings.Start, Settings.Norm, image, batch.Images.Data, batch.Ids, key,
            (float)(Settings.Epsilon * (Settings.Start == AttackStart.Uniform ? Settings.StartRadius : 1)), adversarial.Data);
        Ascend(model, batch, adversarial);
        return adversarial;
    }

    /// <summary>Runs all steps in place, starting at <paramref name="adversarial"/>.</summary>
    /// <param name="targets">[n]; target classes of the margin losses; null for the most likely wrong class of each image.</param>
    public void Ascend(Classifier model, ImageBatch batch, Tensor adversarial, DeviceBuffer<int>? targets = null)
    {
        using IDisposable attackScope = model.Device.Pool.BeginScope();
        Tensor? clean = Settings.Loss.ComparesWithClean() ? CleanLogits(model, batch) : null;
        DeviceBuffer<int>? stopped = Settings.EarlyStop ? model.Device.Allocate<int>(batch.Count) : null;
        Iteration iteration = new(Settings, model, batch.Images.Shape, batch.Images.Data, batch.Labels, batch.Targets, adversarial.Data,
            clean?.Data, targets);
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
        DeviceBuffer<int> Labels, DeviceBuffer<int>? Targets, DeviceBuffer<float> Adversarial,
        DeviceBuffer<float>? Clean, DeviceBuffer<int>? Compared) : ICapturable<Tensor>
    {
        /// <summary>The logits before the step.</summary>
        public Tensor Run()
        {
            var (x, logits) = Forward();
            Ascend(x, logits, stopped: null);
            return logits;
        }

        /// <summary>One step on the images that are not turned yet. Returns false, without a step, if there are none.</summary>
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
            AttackLoss loss = Settings.Loss.For(classes, Compared is not null);
            Tensor losses = Targets is null
                ? loss.PerImage(logits, Labels, clean, Compared)
                : loss.Towards(logits, Labels, Targets);
            Tensor gradient = Gradient.Of(losses.Sum(), x)[0];
            WorkCount.BackwardImages += count;
            // Nothing is beyond a ball without end.
            AttackKernels.PgdStep(Settings.Norm, Shape.Length / count, Images, gradient.Data,
                Settings.Projects ? (float)Settings.Epsilon : float.PositiveInfinity, (float)Settings.StepSize, Adversarial, stopped);
        }

        /// <summary>Marks turned images, which stay marked. Returns true if all are.</summary>
        private bool Stop(DeviceBuffer<int> stopped, Tensor logits)
        {
            bool[] areTurned = ImageBatch.AreTurned(logits.Predict().ToArray(), Labels, Targets);
            int[] now = [.. stopped.ToArray().Select((mark, i) => mark == 1 || areTurned[i] ? 1 : 0)];
            stopped.CopyFrom(now);
            return now.All(mark => mark == 1);
        }
    }

    private Tensor CleanLogits(Classifier model, ImageBatch batch)
    {
        Tensor copy = Tensor.Empty(model.Device, new(batch.Count, model.Spec.Classes));
        using IDisposable scope = model.Device.Pool.BeginScope();
        ElementwiseKernels.Copy(model.Forward(batch.Images, Settings.Mode).Logits.Data, 0, copy.Data, 0, copy.Shape.Length);
        return copy;
    }
}
