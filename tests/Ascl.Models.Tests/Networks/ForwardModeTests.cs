using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Optimizer;
using Ascl.Models.Networks;
using Ascl.Models.Weights;
using Ascl.Testing;

namespace Ascl.Models.Tests.Networks;

public sealed class ForwardModeTests
{
    [Theory]
    [InlineData("resnet18", 3, 8)]
    [InlineData("resnet20", 3, 16)]
    [InlineData("resnet34", 1, 8)]
    [InlineData("resnet50", 3, 8)]
    [InlineData("preactresnet18", 3, 9)]
    [InlineData("preactresnet18-bn", 1, 8)]
    [InlineData("wrn-10-1", 3, 32)]
    [InlineData("wrn-16-2", 3, 10)]
    [InlineData("smallcnn", 1, 28)]
    [InlineData("resnet: 1 block a stage, widths 5,9,17", 3, 7)]
    [InlineData("resnet: 1 block a stage, widths 5,9,17", 3, 7, Activation.Softplus)]
    [InlineData("wrn-10-1", 3, 9, Activation.Silu)]
    [InlineData("smallcnn", 1, 28, Activation.Gelu)]
    [InlineData("smallcnn", 1, 28, Activation.Elu)]
    [InlineData("resnet20", 3, 8, Activation.Mish)]
    [InlineData("preactresnet50-bn", 3, 9)]
    [InlineData("preactresnet18-swish", 3, 10, Activation.Silu)]
    [InlineData("wrn-16-2-swish", 3, 12, Activation.Silu)]
    [InlineData("wrn-10-1-swish", 1, 8)]
    [InlineData("vgg11", 1, 32)]
    [InlineData("vgg16", 3, 32, Activation.Softplus)]
    [InlineData("mobilenetv2", 3, 16)]
    [InlineData("densenet121", 3, 8)]
    [InlineData("resnet20-a", 3, 16)]
    public void FrozenModeGivesTheLogitsOfInference(string network, int channels, int size, Activation activation = Activation.Relu)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Classifier(device, network, channels, activation: activation);
        Tensor images = Made.Images(device, 3, channels, size);
        Made.DisturbNorms(model, 1);
        Check("at the start");
        Made.DisturbNorms(model, 1000);
        Check("after other statistics");
        model.Forward(images, ForwardMode.Train);
        Check("after a training pass");
        Tensor[] weights = [.. model.Parameters.Trained];
        Tensor loss = model.Forward(images, ForwardMode.Train).Logits.CrossEntropy(device.Upload<int>([0, 1, 2]));
        Tensor[] gradients = Gradient.Of(loss, weights);
        Assert.All(gradients, g => Assert.DoesNotContain(g.ToArray(), v => !float.IsFinite(v)));
        float[] before = model.Forward(images, ForwardMode.Inference).Logits.ToArray();
        for (int i = 0; i < weights.Length; i++)
            SgdKernels.Step(weights[i].Data, device.Allocate<float>(weights[i].Shape.Length), gradients[i].Data, 1e-4f, 0.9f, 0);
        Check("after an update");
        Assert.NotEqual(before, model.Forward(images, ForwardMode.Inference).Logits.ToArray());

        void Check(string when)
        {
            Tensor x = images.Detach(requiresGrad: true);
            ModelOutput frozen = model.Forward(x, ForwardMode.Inference), evaluated = model.Forward(x, ForwardMode.Evaluate);
            Tolerance.Close(Tolerance.ToDouble(evaluated.Logits.ToArray()), frozen.Logits.ToArray(), 1e-5, $"logits {when}");
            Tolerance.Close(Tolerance.ToDouble(evaluated.Latent.ToArray()), frozen.Latent.ToArray(), 1e-5, $"latents {when}");
        }
    }

    /// <summary>Changes each tensor alone: folded weights must be recomputed after a change of any of them.</summary>
    [Fact]
    public void FoldedWeightsFollowEachOfTheirSources()
    {
        using CpuDevice device = new(1);
        Classifier model = Made.Classifier(device, "resnet: 1 block a stage, widths 8,16");
        Made.DisturbNorms(model, 1);
        Tensor images = Made.Images(device, 2, 3, 8);
        float[] last = Logits(ForwardMode.Inference);
        foreach (NamedTensor tensor in model.Parameters.All)
        {
            tensor.Tensor.Data.CopyFrom([.. tensor.Tensor.ToArray().Select((v, i) => v * 1.3f + 0.01f * (i % 3))]);
            float[] now = Logits(ForwardMode.Inference);
            Assert.True(!now.SequenceEqual(last), $"{tensor.Name} changed and the frozen network did not");
            Tolerance.Close(Tolerance.ToDouble(Logits(ForwardMode.Evaluate)), now, 1e-5, tensor.Name);
            last = now;
        }

        float[] Logits(ForwardMode mode) => model.Forward(images, mode).Logits.ToArray();
    }

    [Fact]
    public void OnlyTrainingPassesUpdateTheRunningStatistics()
    {
        using CpuDevice device = new(1);
        Classifier model = Made.Classifier(device, "resnet20");
        Tensor images = Made.Images(device, 4, 3, 8);
        float[] before = Statistics();
        model.Forward(images, ForwardMode.Evaluate);
        model.Forward(images, ForwardMode.Inference);
        Assert.Equal(before, Statistics());
        model.Forward(images, ForwardMode.Train);
        Assert.NotEqual(before, Statistics());

        float[] Statistics() => [.. model.Parameters.All.Where(t => !t.Trained).SelectMany(t => t.Tensor.ToArray())];
    }

    [Fact]
    public void NormalisationIsTheFirstLayer()
    {
        using CpuDevice device = new(1);
        float[] mean = [0.4914f, 0.4822f, 0.4465f], std = [0.2471f, 0.2435f, 0.2616f];
        Classifier with = new(device, new("resnet20", 3, 10, mean, std), seed: 1);
        Classifier without = new(device, new("resnet20", 3, 10, [], []), seed: 1);
        float[] pixels = Made.Uniform(2 * 3 * 64, 1, 0, 1);
        float[] normalised = [.. pixels.Select((p, i) => (p - mean[i / 64 % 3]) / std[i / 64 % 3])];
        float[] Logits(Classifier model, float[] images) =>
            model.Forward(Tensor.FromArray(device, new(2, 3, 8, 8), images), ForwardMode.Evaluate).Logits.ToArray();
        Tolerance.Close(Tolerance.ToDouble(Logits(without, normalised)), Logits(with, pixels), 1e-5, "logits");
    }

    [Fact]
    public void AnImagesLogitsDoNotDependOnItsBatch()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Classifier(device, "wrn-16-2");
        float[] pixels = Made.Uniform(5 * 3 * 256, 1, 0, 1);
        foreach (ForwardMode mode in new[] { ForwardMode.Inference, ForwardMode.Evaluate })
        {
            float[] all = Logits(pixels, 5);
            for (int n = 0; n < 5; n++)
                Assert.Equal(all[(n * 10)..(n * 10 + 10)], Logits(pixels[(n * 768)..(n * 768 + 768)], 1));

            float[] Logits(float[] images, int count) =>
                model.Forward(Tensor.FromArray(device, new(count, 3, 16, 16), images), mode).Logits.ToArray();
        }
    }
}
