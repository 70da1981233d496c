using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Random;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Layers;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Library.Tests;

/// <summary>A data set of one's own: two blobs of brightness and noise, from arrays.</summary>
internal static class OwnData
{
    public const int Side = 8;

    public static DataSet Make(int train = 48, int test = 24) =>
        new("blobs", Part("train", train, 1), Part("test", test, 2), Augmentation.None);

    private static ImageSet Part(string name, int count, ulong stream)
    {
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % 2)];
        float[] pixels = new float[count * Side * Side];
        Philox.FillUniform(pixels, new RandomKey(stream, RandomPurpose.Test), 0, 0.5f);
        for (int i = 0; i < pixels.Length; i++)
            pixels[i] += 0.4f * labels[i / (Side * Side)];
        return new(name, ["dark", "light"], 1, Side, Side, labels, pixels);
    }
}

/// <summary>A network of one's own: a convolution with BatchNorm, an op of one's own, a linear layer.</summary>
internal sealed class OwnNetwork(ParameterSet parameters, NetworkSettings settings) : INetwork
{
    private const int Width = 4;
    private readonly ConvLayer convolution =
        ConvLayer.WithNorm(parameters, "features.conv", "features.norm", settings.Channels, Width, 3, 1, 1);
    private readonly LinearLayer head = new(parameters, "head", Width, settings.Classes);

    public int LatentSize => Width;
    public string HeadPrefix => "head.";

    public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
    {
        Tensor latent = convolution.Forward(x, mode, activation: Activation.Relu).GlobalAveragePool().Cubed();
        return new(latent, head.Forward(latent));
    }
}

/// <summary>An objective of one's own with a setting: cross-entropy of adversarial images and a penalty on their latents.</summary>
internal sealed record OwnObjective : IObjective
{
    [Setting("latent-penalty", "Weight of the mean absolute latent.", Min = 0)]
    public double Penalty { get; init; } = 0.1;

    public string Name => "own";
    public AttackLoss? Attack => AttackLoss.CrossEntropy;
    public bool NeedsNatural => false;

    public IReadOnlyList<LossTerm> Terms(ObjectiveInput input) =>
    [
        new("robust_ce", 1, input.Adversarial!.Logits.CrossEntropy(input.Labels, 0)),
        new("latent", Penalty, input.Adversarial.Latent.Abs().Mean()),
    ];
}

/// <summary>An attack of one's own: the better of a step up and a step down, without gradients.</summary>
internal sealed class OwnAttack(double epsilon) : IAttack
{
    public string Name => "up-or-down";
    public PerturbationNorm Norm => PerturbationNorm.Linf;
    public double Epsilon => epsilon;
    public int Steps => 2;
    public bool UsesGradients => false;

    public Tensor Craft(Classifier model, ImageBatch batch, RandomKey key)
    {
        float[] natural = batch.Images.ToArray(), best = [.. natural];
        float[] losses = [.. Enumerable.Repeat(float.NegativeInfinity, batch.Count)];
        int image = natural.Length / batch.Count;
        foreach (float sign in new[] { 1f, -1f })
        {
            using IDisposable scope = model.Device.Pool.BeginScope();
            float[] moved = [.. natural.Select(v => Math.Clamp(v + sign * (float)epsilon, 0, 1))];
            Tensor x = Tensor.FromArray(model.Device, batch.Images.Shape, moved);
            float[] loss = AttackLoss.CrossEntropy.PerImage(model.Forward(x, ForwardMode.Inference).Logits, batch.Labels).ToArray();
            for (int i = 0; i < loss.Length; i++)
            {
                if (loss[i] <= losses[i])
                    continue;
                losses[i] = loss[i];
                moved.AsSpan(i * image, image).CopyTo(best.AsSpan(i * image));
            }
        }
        return Tensor.FromArray(model.Device, batch.Images.Shape, best);
    }
}

/// <summary>An optimiser of one's own with a state: the sign of an average of gradients.</summary>
internal sealed class OwnOptimizer : IOptimizer
{
    private readonly DeviceBuffer<float>[] averages;

    public OwnOptimizer(IReadOnlyList<NamedTensor> targets)
    {
        Targets = targets;
        averages = [.. targets.Select(t => t.Tensor.Device.Allocate<float>(t.Tensor.Shape.Length))];
        State = [.. targets.Zip(averages, (target, average) => ($"average.{target.Name}", target.Tensor.Shape, average))];
    }

    public IReadOnlyList<NamedTensor> Targets { get; }
    public IReadOnlyList<(string Name, Shape Shape, DeviceBuffer<float> Values)> State { get; }

    public void Step(ReadOnlySpan<Tensor> gradients, double learningRate)
    {
        for (int i = 0; i < averages.Length; i++)
        {
            float[] gradient = gradients[i].ToArray(), average = averages[i].ToArray(), weights = Targets[i].Tensor.ToArray();
            for (int j = 0; j < weights.Length; j++)
            {
                average[j] = 0.9f * average[j] + 0.1f * gradient[j];
                weights[j] -= (float)learningRate * MathF.Sign(average[j]);
            }
            averages[i].CopyFrom(average);
            Targets[i].Tensor.Data.CopyFrom(weights);
        }
    }
}

/// <summary>A callback of one's own: counts, and stops training after a step.</summary>
internal sealed class StopAfter(long steps, CancellationTokenSource stop) : TrainingCallback
{
    public int Epochs { get; private set; }

    public override void EndStep(Trainer trainer, TrainedStep step)
    {
        if (trainer.StepsDone == steps)
            stop.Cancel();
    }

    public override void EndEpoch(Trainer trainer, TrainedEpoch epoch) => Epochs++;
}

/// <summary>
/// A selection of one's own: only pairs that are predicted alike repel, and only images that are predicted right attract.
/// </summary>
public readonly struct RightAttractsRule : IPairRule
{
    public static bool IsPositive(int yi, int yj, int pi, int pj) => yj == yi && pj == yj && pi == yi;
    public static bool IsNegative(int yi, int yj, int pi, int pj) => yj != yi && pj == pi;
}
