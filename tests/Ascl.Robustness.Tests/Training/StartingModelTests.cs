using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Runs;

namespace Ascl.Robustness.Tests.Training;

public sealed class StartingModelTests : IDisposable
{
    private readonly TinyRun runs = new();

    public void Dispose() => runs.Dispose();

    [Theory]
    [InlineData("wrn-10-1-swish", Activation.Silu)]
    [InlineData("preactresnet18-swish", Activation.Silu)]
    [InlineData("wrn-10-1", Activation.Relu)]
    [InlineData("my-swish", Activation.Relu)]
    public void TheActivationFollowsFromTheNetworkUnlessGiven(string network, Activation expected)
    {
        RunConfig config = new RunConfig().With(("model", network));
        Assert.Equal(expected, config.Model.Activation);
        Assert.Equal(Activation.Gelu, config.With(("activation", "gelu")).Model.Activation);
        Assert.Equal(Activation.Relu, config.With(("model", "resnet20")).Model.Activation);
    }

    /// <summary>One epoch, its attacks with running statistics, so with BatchNorm folded into the convolutions.</summary>
    [Theory]
    [InlineData("wrn-10-1-swish")]
    [InlineData("mobilenetv2")]
    [InlineData("densenet121")]
    public void EveryKindOfNetworkIsTrained(string network)
    {
        RunConfig config = TinyRun.Config.With(("model", network), ("epochs", 1), ("bn-mode", "eval"), ("method", "pgd-at"));
        float[] before = TinyRun.Start(config), after = runs.Train(config).Weights;
        Assert.Equal(before.Length, after.Length);
        Assert.DoesNotContain(after, value => !float.IsFinite(value));
        Assert.True(before.Zip(after).Count(pair => pair.First != pair.Second) > 0.99 * before.Length);
    }

    [Fact]
    public void ImagesOfAnotherSizeThanTheNetworksAreRefused() =>
        Assert.Equal("vgg16 takes images of 32x32 pixels, train has 8x8: choose another model, such as resnet18",
            Assert.Throws<UserErrorException>(() => TinyRun.Start(TinyRun.Config.With(("model", "vgg16")))).Message);

    /// <summary>Otherwise the weights without a place in the network that is trained would be dropped.</summary>
    [Fact]
    public void AVariantHasToBeNamedToBeTrainedFurther()
    {
        using CpuDevice device = new(1);
        string file = Path.Combine(runs.Create(TinyRun.Config).Path, "swish.safetensors");
        Classifier saved = new(device, new("wrn-10-1-swish", 3, 4, [], [], Activation: Activation.Silu), seed: 3);
        ClassifierFile.Save(file, saved);
        RunConfig config = TinyRun.Config.With(("from", file), ("method", "pgd-at"), ("model", "wrn-10-1"));
        Assert.Equal($"{file}: its tensors are those of wrn-10-1-swish: set model accordingly",
            Assert.Throws<UserErrorException>(() => TinyRun.Start(config)).Message);
        Assert.Equal(saved.Parameters.All.SelectMany(p => p.Tensor.ToArray()), TinyRun.Start(config.With(("model", "wrn-10-1-swish"))));
    }
}
