using Ascl.Autograd;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>The checkpoints at which Auto-PGD may halve its step size (Croce and Hein 2020, arXiv 2003.01690): w_j = ⌈p_j·steps⌉ with p_0 =
/// 0, p_1 = 0.22, p_{j+1} = p_j + max(p_j − p_{j−1} − 0.03, 0.06). As in the authors' code, the lengths of the periods are rounded down,
/// instead of the checkpoints up.</summary>
public static class AutoPgdSchedule
{
    /// <summary>Iterations before the first checkpoint: max(⌊0.22·steps⌋, 1).</summary>
    public static int First(int steps) => Math.Max((int)(0.22 * steps), 1);

    /// <summary>Iterations of the period after one of <paramref name="period"/> iterations.</summary>
    public static int After(int period, int steps) => Math.Max(period - Math.Max((int)(0.03 * steps), 1), Math.Max((int)(0.06 * steps), 1));
}

/// <summary>One start of Auto-PGD on some images. All decisions are made per image.</summary>
internal sealed class AutoPgdRun
{
    private const double Rho = 0.75;
    private const float Momentum = 0.75f;

    private readonly Classifier model;
    private readonly AutoPgdSettings settings;
    private readonly AttackLoss loss;
    private readonly int image;
    private readonly RandomKey key;

    /// <summary>The images still under attack; all the following arrays and tensors have one entry for each of them.</summary>
    private ImageBatch batch;
    private ImageState[] states;
    private DeviceBuffer<int>? targets;
    private Tensor x, before, best, gradient, bestGradient;

    private sealed class ImageState(int index, int? target, float step)
    {
        public int Index => index;
        public int? Target => target;
        public float Step { get; set; } = step;
        public float Loss { get; set; }
        public float BestLoss { get; set; }
        public float BestAtLastCheck { get; set; }
        public int LossIncreases { get; set; }
        public bool WasHalved { get; set; } = true;
        public bool IsMisclassified { get; set; }
    }

    /// <param name="indices">Indices of the images in <paramref name="whole"/>.</param>
    /// <param name="targets">Target class of each image; null for an untargeted attack.</param>
    public AutoPgdRun(Classifier model, AutoPgdSettings settings, ImageBatch whole, int[] indices, int[]? targets, RandomKey key)
    {
        (this.model, this.settings, this.key) = (model, settings, key);
        loss = settings.Loss.For(model.Spec.Classes, targets is not null || whole.Targets is not null);
        image = whole.Images.Shape.Length / whole.Count;
        batch = whole.Select(indices);
        states = [.. indices.Select((index, i) => new ImageState(index, targets?[i], (float)(2 * settings.Epsilon)))];
        this.targets = Targets();
        (x, before, best, gradient, bestGradient) = (NewBuffer(), NewBuffer(), NewBuffer(), NewBuffer(), NewBuffer());
    }

    /// <summary>Writes each adversarial image found to its index in <paramref name="adversarial"/>.</summary>
    /// <returns>The indices of the images that are still classified correctly.</returns>
    public int[] Attack(Tensor adversarial)
    {
        AttackKernels.Start(AttackStart.Surface, settings.Norm, image, batch.Images.Data, batch.Ids, key, (float)settings.Epsilon, x.Data);
        float[] losses = Evaluate(adversarial);
        foreach (var (state, value) in states.Zip(losses))
            state.BestLoss = state.BestAtLastCheck = value;
        Copy(x, before);
        Copy(x, best);
        Copy(gradient, bestGradient);
        List<int> survivors = [];
        int sinceCheck = 0, period = AutoPgdSchedule.First(settings.Steps);
        for (int step = 0; step < settings.Steps && !states.All(IsDone); step++)
        {
            using (model.Device.Pool.BeginScope())
            {
                AutoPgdKernels.Step(settings.Norm, image, batch.Images.Data, gradient.Data,
                    model.Device.Upload<float>([.. states.Select(s => s.Step)]),
                    (float)settings.Epsilon, step == 0 ? 1 : Momentum, x.Data, before.Data);
                losses = Evaluate(adversarial);
                KeepBest(losses);
            }
            if (++sinceCheck < period)
                continue;
            ReduceStepSizes(period);
            (sinceCheck, period) = (0, AutoPgdSchedule.After(period, settings.Steps));
            DropMisclassified();
        }
        return [.. states.Where(s => !s.IsMisclassified).Select(s => s.Index)];
    }

    /// <summary>Whether the image needs no further iterations.</summary>
    private bool IsDone(ImageState state) => state.IsMisclassified && settings.Passes == 1;

    /// <summary>Computes the gradients at x, averaged over the passes, and returns the losses of the last pass; images that it
    /// misclassifies are marked and saved.</summary>
    private float[] Evaluate(Tensor adversarial)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        var (losses, predictions) = Pass(gradient);
        for (int pass = 1; pass < settings.Passes; pass++)
        {
            using IDisposable passScope = model.Device.Pool.BeginScope();
            Tensor gradientOfPass = NewBuffer();
            (losses, predictions) = Pass(gradientOfPass);
            ElementwiseKernels.Add(gradient.Data, gradientOfPass.Data, gradient.Data);
        }
        if (settings.Passes > 1)
            ElementwiseKernels.Scale(gradient.Data, 1f / settings.Passes, gradient.Data);
        bool[] areTurned = batch.AreTurned(predictions);
        foreach (var (i, state) in states.Index())
            if (!IsDone(state) && areTurned[i])
            {
                state.IsMisclassified = true;
                ElementwiseKernels.Copy(x.Data, i * image, adversarial.Data, state.Index * image, image);
            }
        return losses;
    }

    /// <summary>The losses and predictions at x; writes the gradients of the losses.</summary>
    private (float[] Losses, int[] Predictions) Pass(Tensor gradients)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        LogitLoss own = batch.Targets is { } classes
            ? new TargetedLoss(loss, batch.Labels, classes)
            : new NamedLoss(loss, batch.Labels, targets);
        GradientPass pass = new(model, own, x.Shape, x.Data, gradients.Data);
        // A stochastic network differs in each pass, so a captured one cannot be replayed.
        var (losses, predictions) = settings.Passes > 1 ? pass.Run() : model.Device.RunCaptured(pass);
        return (losses.ToArray(), predictions.ToArray());
    }

    /// <summary>Updates the best points and counts the steps that raised the loss. As in the authors' code, the first loss is compared with
    /// 0.</summary>
    private void KeepBest(float[] losses)
    {
        int[] better = new int[states.Length];
        foreach (var (i, state) in states.Index())
        {
            state.LossIncreases += losses[i] > state.Loss ? 1 : 0;
            state.Loss = losses[i];
            if (losses[i] > state.BestLoss)
                (better[i], state.BestLoss) = (1, losses[i]);
        }
        DeviceBuffer<int> chosen = model.Device.Upload<int>(better);
        AutoPgdKernels.Copy(image, chosen, x.Data, best.Data);
        AutoPgdKernels.Copy(image, chosen, gradient.Data, bestGradient.Data);
    }

    /// <summary>Halves the step size of an image and resets it to its best point if too few steps of the period raised the loss, or if
    /// neither the step size nor the best loss has changed since the last checkpoint.</summary>
    private void ReduceStepSizes(int period)
    {
        int[] halved = new int[states.Length];
        foreach (var (i, state) in states.Index())
        {
            bool isStuck = !state.WasHalved && state.BestAtLastCheck >= state.BestLoss,
                isHalved = state.LossIncreases <= period * Rho || isStuck;
            (state.WasHalved, state.BestAtLastCheck, state.LossIncreases) = (isHalved, state.BestLoss, 0);
            if (!isHalved)
                continue;
            halved[i] = 1;
            state.Step /= 2;
        }
        using IDisposable scope = model.Device.Pool.BeginScope();
        DeviceBuffer<int> chosen = model.Device.Upload<int>(halved);
        AutoPgdKernels.Copy(image, chosen, best.Data, x.Data);
        AutoPgdKernels.Copy(image, chosen, bestGradient.Data, gradient.Data);
    }

    /// <summary>Removes misclassified images from the batch once they are at least a quarter of it.</summary>
    private void DropMisclassified()
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

    private Tensor NewBuffer() => Tensor.EmptyLike(batch.Images);

    private static void Copy(Tensor from, Tensor to) => ElementwiseKernels.Copy(from.Data, 0, to.Data, 0, from.Shape.Length);
}
