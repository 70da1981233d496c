using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Files;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Training;

namespace Ascl.Library.Tests;

// What docs/guides/own-parts.md shows, word by word: GuideTests compares.

/// <summary>MI-FGSM (Dong et al. 2018): sign steps along a decaying sum of gradients.</summary>
public sealed class MomentumAttack(double epsilon) : IAttack
{
    [Setting("mu", "Decay of the summed gradients.", Min = 0)]
    public double Mu { get; init; } = 1;

    public string Name => $"MI-FGSM-{Steps}";
    public PerturbationNorm Norm => PerturbationNorm.Linf;
    public double Epsilon => epsilon;
    public int Steps => 10;
    public double? StepSize => epsilon / Steps;

    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        Device device = model.Device;
        float[] natural = batch.Images.ToArray(), moved = [.. natural], sum = new float[natural.Length];
        int image = natural.Length / batch.Count;
        for (int step = 0; step < Steps; step++)
        {
            // Everything that this step computes on the device goes back to the pool at its end.
            using IDisposable scope = device.Pool.BeginScope();
            Tensor x = Tensor.FromArray(device, batch.Images.Shape, moved, requiresGrad: true);
            Tensor loss = model.Forward(x, ForwardMode.Inference).Logits.CrossEntropy(batch.Labels, 0, Reduction.Sum);
            float[] gradient = Gradient.Of(loss, x)[0].ToArray();
            for (int i = 0; i < moved.Length; i++)
            {
                // Each image by itself, so that its result does not depend on its batch.
                float mean = gradient.AsSpan(i / image * image, image).ToArray().Average(MathF.Abs);
                sum[i] = (float)Mu * sum[i] + gradient[i] / (mean + 1e-12f);
            }
            for (int i = 0; i < moved.Length; i++)
            {
                float next = moved[i] + (float)StepSize! * MathF.Sign(sum[i]);
                moved[i] = Math.Clamp(Math.Clamp(next, natural[i] - (float)epsilon, natural[i] + (float)epsilon), 0, 1);
            }
        }
        // Outside those scopes: the images belong to the caller's.
        return Tensor.FromArray(device, batch.Images.Shape, moved);
    }
}

/// <summary>Adam (Kingma and Ba 2015), on a CPU.</summary>
public sealed class Adam : IOptimizer
{
    private const float Beta1 = 0.9f, Beta2 = 0.999f;
    private readonly DeviceBuffer<float>[] first, second;
    private readonly DeviceBuffer<float> steps;

    public Adam(Classifier model)
    {
        Targets = Optimizers.Targets(model);
        first = [.. Targets.Select(target => model.Device.Allocate<float>(target.Tensor.Shape.Length))];
        second = [.. Targets.Select(target => model.Device.Allocate<float>(target.Tensor.Shape.Length))];
        steps = model.Device.Allocate<float>(1);
        State =
        [
            ("adam.steps", new Shape(1), steps),
            .. Targets.Zip(first, (target, values) => ($"adam.first.{target.Name}", target.Tensor.Shape, values)),
            .. Targets.Zip(second, (target, values) => ($"adam.second.{target.Name}", target.Tensor.Shape, values)),
        ];
    }

    public IReadOnlyList<NamedTensor> Targets { get; }

    // Saved with the state of the training and restored with it.
    public IReadOnlyList<(string Name, Shape Shape, DeviceBuffer<float> Values)> State { get; }

    public void Step(ReadOnlySpan<Tensor> gradients, double learningRate)
    {
        float step = CpuDevice.Span(steps)[0] += 1;
        float rate = (float)(learningRate * Math.Sqrt(1 - Math.Pow(Beta2, step)) / (1 - Math.Pow(Beta1, step)));
        for (int t = 0; t < Targets.Count; t++)
        {
            ReadOnlySpan<float> g = CpuDevice.ReadSpan(gradients[t].Data);
            // Asked for anew in each step: that is how the device knows that the weights change.
            Span<float> w = CpuDevice.Span(Targets[t].Tensor.Data), m = CpuDevice.Span(first[t]), v = CpuDevice.Span(second[t]);
            for (int i = 0; i < w.Length; i++)
            {
                m[i] = Beta1 * m[i] + (1 - Beta1) * g[i];
                v[i] = Beta2 * v[i] + (1 - Beta2) * g[i] * g[i];
                w[i] -= rate * m[i] / (MathF.Sqrt(v[i]) + 1e-8f);
            }
        }
    }
}

/// <summary>The learning rate times gamma after every epoch.</summary>
public sealed record ExponentialSchedule : LearningRateSchedule
{
    [Setting("gamma", "Factor of the learning rate after each epoch.", Above = 0, Max = 1)]
    public double Gamma { get; init; } = 0.9;

    public override string Name => "exponential";
    public override bool DependsOnEpochs => false;

    protected override double Factor(int epoch, double done, int epochs) => Math.Pow(Gamma, epoch);
}

/// <summary>Ends training when validation has not improved for some epochs. It stands before Checkpoints, which saves its state.</summary>
public sealed class EarlyStopping(int patience) : TrainingCallback
{
    private const string Key = "early-stopping";
    private Trainer? trainer;
    private float best, waited;

    public override void Begin(Trainer trainer) => this.trainer = trainer;

    public override void EndEpoch(Trainer trainer, TrainedEpoch epoch)
    {
        float accuracy = (float)(epoch.Metrics.ValidationRobustAccuracy ?? epoch.Metrics.ValidationNaturalAccuracy ?? 0);
        (best, waited) = accuracy > best ? (accuracy, 0) : (best, waited + 1);
        StopIfDone();
    }

    public override void Save(SafetensorsWriter state) => state.Add<float>(Key, [2], [best, waited]);

    public override void Load(SafetensorsFile state)
    {
        // A state that was saved without this callback has nothing of it.
        if (state.Contains(Key) && state.ReadFloats(Key) is [var savedBest, var savedWaited])
            (best, waited) = (savedBest, savedWaited);
        // A training that was resumed after its end does not go on.
        StopIfDone();
    }

    private void StopIfDone()
    {
        if (waited >= patience)
            trainer!.RequestStop();
    }
}
