using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>When Auto-PGD looks whether to halve its steps: after 22 % of them, then after periods that are 3 % shorter each time, but at
/// least 6 %.</summary>
public static class AutoPgdSchedule
{
    /// <summary>Iterations before the first check of the step size.</summary>
    public static int First(int steps) => Math.Max((int)(0.22 * steps), 1);

    /// <summary>Iterations between a check and the next one.</summary>
    public static int After(int period, int steps) => Math.Max(period - Math.Max((int)(0.03 * steps), 1), Math.Max((int)(0.06 * steps), 1));
}

/// <summary>One start of Auto-PGD on some images. Everything decided is decided for each image by itself.</summary>
internal sealed class AutoPgdRun
{
    private const double Rho = 0.75;
    private const float Momentum = 0.75f;

    private readonly Classifier model;
    private readonly AutoPgdSettings settings;
    private readonly AttackLoss loss;
    private readonly int image;
    private readonly RandomKey key;

    /// <summary>The images still at work; each has one place in all that follows.</summary>
    private ImageBatch batch;
    private ImageState[] states;
    private DeviceBuffer<int>? targets;
    private Tensor x, before, best, gradient, bestGradient;

    private sealed class ImageState(int place, int? target, float step)
    {
        public int Place => place;
        public int? Target => target;
        public float Step { get; set; } = step;
        public float Loss { get; set; }
        public float BestLoss { get; set; }
        public float BestAtLastCheck { get; set; }
        public int Rises { get; set; }
        public bool WasReduced { get; set; } = true;
        public bool IsTurned { get; set; }
    }

    /// <param name="places">Of the images in <paramref name="whole"/>.</param>
    /// <param name="targets">A wrong class for each of them; null for none.</param>
    public AutoPgdRun(Classifier model, AutoPgdSettings settings, ImageBatch whole, int[] places, int[]? targets, RandomKey key)
    {
        (this.model, this.settings, this.key) = (model, settings, key);
        loss = settings.Loss.For(model.Spec.Classes, targets is not null);
        image = whole.Images.Shape.Length / whole.Count;
        batch = whole.Select(places);
        states = [.. places.Select((place, i) => new ImageState(place, targets?[i], (float)(2 * settings.Epsilon)))];
        this.targets = Targets();
        (x, before, best, gradient, bestGradient) = (New(), New(), New(), New(), New());
    }

    /// <summary>Writes each image that is turned to its place in <paramref name="adversarial"/>.</summary>
    /// <returns>The places of those that were not.</returns>
    public int[] Attack(Tensor adversarial)
    {
        AttackKernels.Start(AttackStart.Surface, settings.Norm, image, batch.Images.Data, batch.Ids, key, (float)settings.Epsilon, x.Data);
        float[] losses = Look(adversarial);
        foreach (var (state, value) in states.Zip(losses))
            state.BestLoss = state.BestAtLastCheck = value;
        Copy(x, before);
        Copy(x, best);
        Copy(gradient, bestGradient);
        List<int> survivors = [];
        for (int step = 0, since = 0, period = AutoPgdSchedule.First(settings.Steps); step < settings.Steps && !states.All(IsDone); step++)
        {
            using (model.Device.Pool.BeginScope())
            {
                AutoPgdKernels.Step(settings.Norm, image, batch.Images.Data, gradient.Data,
                    model.Device.Upload<float>([.. states.Select(s => s.Step)]),
                    (float)settings.Epsilon, step == 0 ? 1 : Momentum, x.Data, before.Data);
                losses = Look(adversarial);
                Note(losses);
            }
            if (++since < period)
                continue;
            Check(period);
            (since, period) = (0, AutoPgdSchedule.After(period, settings.Steps));
            Drop();
        }
        return [.. states.Where(s => !s.IsTurned).Select(s => s.Place)];
    }

    /// <summary>An image of which nothing more is to be found.</summary>
    private bool IsDone(ImageState state) => state.IsTurned && settings.Passes == 1;

    /// <summary>Gradients at x, the means over the passes, and the losses of the last one; images that it gets wrong are turned.</summary>
    private float[] Look(Tensor adversarial)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        var (losses, predictions) = Pass(gradient);
        for (int pass = 1; pass < settings.Passes; pass++)
        {
            using IDisposable passScope = model.Device.Pool.BeginScope();
            Tensor more = New();
            (losses, predictions) = Pass(more);
            ElementwiseKernels.Add(gradient.Data, more.Data, gradient.Data);
        }
        if (settings.Passes > 1)
            ElementwiseKernels.Scale(gradient.Data, 1f / settings.Passes, gradient.Data);
        int[] labels = batch.Labels.ToArray();
        foreach (var (i, state) in states.Index())
            if (!IsDone(state) && predictions[i] != labels[i])
            {
                state.IsTurned = true;
                ElementwiseKernels.Copy(x.Data, i * image, adversarial.Data, state.Place * image, image);
            }
        return losses;
    }

    /// <summary>Losses and predictions at x, and the losses' gradients.</summary>
    private (float[] Losses, int[] Predictions) Pass(Tensor gradients)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        GradientPass pass = new(model, loss, x.Shape, x.Data, batch.Labels, targets, gradients.Data);
        // A random network does something else each time.
        var (losses, predictions) = settings.Passes > 1 ? pass.Run() : model.Device.RunCaptured(pass);
        return (losses.ToArray(), predictions.ToArray());
    }

    private sealed record GradientPass(Classifier Model, AttackLoss Loss, Shape Shape, DeviceBuffer<float> X, DeviceBuffer<int> Labels,
        DeviceBuffer<int>? Targets, DeviceBuffer<float> Gradients)
        : ICapturable<(Tensor Losses, DeviceBuffer<int> Predictions)>
    {
        public (Tensor Losses, DeviceBuffer<int> Predictions) Run()
        {
            Tensor point = Tensor.Over(X, Shape, requiresGrad: true), logits = Model.Forward(point, ForwardMode.Inference).Logits;
            Tensor losses = Loss.Each(logits, Labels, targets: Targets);
            WorkCount.BackwardImages += Shape[0];
            ElementwiseKernels.Copy(Gradient.Of(losses.Sum(), point)[0].Data, 0, Gradients, 0, Shape.Length);
            return (losses, logits.Predict());
        }
    }

    /// <summary>Keeps best points, and counts the steps that raised the loss. The authors' code compares the first step's loss with 0; so
    /// does this.</summary>
    private void Note(float[] losses)
    {
        int[] better = new int[states.Length];
        foreach (var (i, state) in states.Index())
        {
            state.Rises += losses[i] > state.Loss ? 1 : 0;
            state.Loss = losses[i];
            if (losses[i] > state.BestLoss)
                (better[i], state.BestLoss) = (1, losses[i]);
        }
        DeviceBuffer<int> chosen = model.Device.Upload<int>(better);
        AutoPgdKernels.Copy(image, chosen, x.Data, best.Data);
        AutoPgdKernels.Copy(image, chosen, gradient.Data, bestGradient.Data);
    }

    /// <summary>Halves the step where too few steps of the period raised the loss, or where neither the step nor the best loss has changed
    /// since the check before, and goes back to the best point there.</summary>
    private void Check(int period)
    {
        int[] reduced = new int[states.Length];
        foreach (var (i, state) in states.Index())
        {
            bool isStuck = !state.WasReduced && state.BestAtLastCheck >= state.BestLoss, isReduced = state.Rises <= period * Rho || isStuck;
            (state.WasReduced, state.BestAtLastCheck, state.Rises) = (isReduced, state.BestLoss, 0);
            if (!isReduced)
                continue;
            reduced[i] = 1;
            state.Step /= 2;
        }
        using IDisposable scope = model.Device.Pool.BeginScope();
        DeviceBuffer<int> chosen = model.Device.Upload<int>(reduced);
        AutoPgdKernels.Copy(image, chosen, best.Data, x.Data);
        AutoPgdKernels.Copy(image, chosen, bestGradient.Data, gradient.Data);
    }

    /// <summary>Goes on without the images that are turned, once a quarter is.</summary>
    private void Drop()
    {
        int[] left = [.. states.Index().Where(s => !IsDone(s.Item)).Select(s => s.Index)];
        if (left.Length == 0 || left.Length > states.Length * 3 / 4)
            return;
        (batch, x, before) = (batch.Select(left), ImageBatch.SelectImages(x, left), ImageBatch.SelectImages(before, left));
        (best, gradient, bestGradient) = (ImageBatch.SelectImages(best, left), ImageBatch.SelectImages(gradient, left),
            ImageBatch.SelectImages(bestGradient, left));
        states = [.. left.Select(i => states[i])];
        targets = Targets();
    }

    private DeviceBuffer<int>? Targets() =>
        states[0].Target is null ? null : model.Device.Upload<int>([.. states.Select(s => s.Target!.Value)]);

    private Tensor New() => Tensor.EmptyLike(batch.Images);

    private static void Copy(Tensor from, Tensor to) => ElementwiseKernels.Copy(from.Data, 0, to.Data, 0, from.Shape.Length);
}
