using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Models.Networks;
using Ascl.Models.Onnx;
using Ascl.Models.Weights;
using Ascl.OnnxRuntime;
using Ascl.Testing;

namespace Ascl.Models.Tests.Onnx;

/// <summary>Compares exported networks in ONNX Runtime, an independent implementation of every op.</summary>
public sealed class OnnxExportTests : IDisposable
{
    private readonly CpuDevice device = new(2);
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-onnx").FullName;

    public void Dispose()
    {
        device.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("resnet18", 3, 32)]
    [InlineData("resnet20", 1, 28)]
    [InlineData("resnet34", 3, 16)]
    [InlineData("resnet50", 3, 16)]
    [InlineData("preactresnet18", 3, 32)]
    [InlineData("preactresnet18-bn", 1, 24)]
    [InlineData("wrn-16-2", 3, 32)]
    [InlineData("wrn-28-10", 3, 8)]
    [InlineData("smallcnn", 1, 28)]
    [InlineData("resnet: 1 block a stage, widths 5,9,17", 3, 13, Activation.Silu)]
    [InlineData("resnet20", 3, 16, Activation.Softplus)]
    [InlineData("resnet20", 3, 16, Activation.Gelu)]
    [InlineData("preactresnet18", 3, 16, Activation.Silu)]
    [InlineData("wrn-10-1", 3, 16, Activation.Gelu)]
    [InlineData("smallcnn", 3, 28, Activation.Silu)]
    [InlineData("smallcnn", 1, 28, Activation.Softplus)]
    [InlineData("smallcnn", 1, 28, Activation.Gelu)]
    [InlineData("resnet20", 3, 16, Activation.Elu)]
    [InlineData("smallcnn", 1, 28, Activation.Mish)]
    [InlineData("preactresnet50-bn", 3, 16)]
    [InlineData("preactresnet18-swish", 3, 16, Activation.Silu)]
    [InlineData("wrn-16-2-swish", 3, 32, Activation.Silu)]
    [InlineData("vgg16", 3, 32)]
    [InlineData("mobilenetv2", 3, 32)]
    [InlineData("densenet121", 1, 16)]
    [InlineData("resnet20-a", 3, 16)]
    public void OnnxRuntimeGivesTheSameLogits(string network, int channels, int size, Activation activation = Activation.Relu)
    {
        float[] mean = [0.4914f, 0.4822f, 0.4465f], std = [0.2471f, 0.2435f, 0.2616f];
        ClassifierSpec spec = new(network, channels, 7, mean[..channels], std[..channels], ProjectionSize: 6, activation);
        Classifier model = new(device, spec, seed: 1);
        Made.DisturbNorms(model, 1);
        Classifier exported = Exported(model);
        Assert.Equal((channels, 7), (exported.Spec.Channels, exported.Spec.Classes));
        foreach (int count in new[] { 1, 3, 8 })
        {
            Tensor images = Made.Images(device, count, channels, size, (uint)count);
            float[] ours = model.Forward(images, ForwardMode.Evaluate).Logits.ToArray();
            float[] theirs = exported.Forward(images, ForwardMode.Inference).Logits.ToArray();
            Tolerance.Close(Tolerance.ToDouble(ours), theirs, 1e-4, $"logits of {count} images");
            Assert.True(ours.Max() - ours.Min() > 1e-3, "the logits tell nothing apart");
        }
    }

    /// <summary>What no built-in network has together: channels in another order and out of several parts, one left out and one twice;
    /// groups, dilation, and padding of each side by itself.</summary>
    [Fact]
    public void ChannelsAndWindowsOfAnyKindAreExported()
    {
        Classifier model = new(device, new("odd", 3, 6, [], []), (parameters, _) => new OddNetwork(parameters), seed: 1);
        Tensor images = Made.Images(device, 2, 3, 11);
        float[] theirs = Exported(model).Forward(images, ForwardMode.Inference).Logits.ToArray();
        Tolerance.Close(Tolerance.ToDouble(model.Forward(images, ForwardMode.Evaluate).Logits.ToArray()), theirs, 1e-5, "logits");
    }

    /// <summary>A wrong constant must show: each of a network's tensors, except the projection head, which the logits do not depend on,
    /// changes them.</summary>
    [Fact]
    public void EveryTensorIsExported()
    {
        Classifier model = Made.Classifier(device, "wrn-10-1", projection: 4);
        Made.DisturbNorms(model, 1);
        Tensor images = Made.Images(device, 2, 3, 8);
        float[] last = Exported(model).Forward(images, ForwardMode.Inference).Logits.ToArray();
        foreach (NamedTensor tensor in model.Parameters.All)
        {
            tensor.Tensor.Data.CopyFrom([.. tensor.Tensor.ToArray().Select((v, i) => v * 1.3f + 0.01f * (i % 3))]);
            float[] now = Exported(model).Forward(images, ForwardMode.Inference).Logits.ToArray();
            Assert.Equal(tensor.Name.StartsWith("projection.", StringComparison.Ordinal), now.SequenceEqual(last));
            Tolerance.Close(Tolerance.ToDouble(model.Forward(images, ForwardMode.Evaluate).Logits.ToArray()), now, 1e-4, tensor.Name);
            last = now;
        }
    }

    /// <summary>Only smallcnn fixes the image size; the batch size is free in all exports.</summary>
    [Fact]
    public void ImagesOfAnySizeWhereTheNetworkTakesThem()
    {
        Assert.Null(Exported(Made.Classifier(device, "resnet20")).ImageSize);
        Assert.Equal((28, 28), Exported(Made.Classifier(device, "smallcnn", 1)).ImageSize);
    }

    private sealed class OddNetwork(ParameterSet parameters) : INetwork
    {
        private readonly Tensor first = parameters.HeNormal("first", new(4, 3, 3, 3)),
            second = parameters.HeNormal("second", new(6, 2, 3, 2)), bias = parameters.Uniform("bias", new(6), 1);

        public int LatentSize => 6;

        public string HeadPrefix => "head.";

        public ModelOutput Forward(Tensor x, ForwardMode mode, Action<string, Tensor>? stage = null)
        {
            Tensor y = x.Conv2d(first, padding: 1), z = ChannelOps.SelectChannels([y, y.Relu()], [7, 0, 0, 5, 2, 3]);
            Window2d window = new(3, 2, 2, 1, Top: 1, Left: 0, Bottom: 2, Right: 3, DilationY: 2, DilationX: 1);
            Tensor latent = z.Conv2d(second, bias, window, groups: 3, relu: true).SliceChannels(0, 6).GlobalAveragePool();
            return new(latent, latent);
        }
    }

    private Classifier Exported(Classifier model)
    {
        string path = Path.Combine(folder, "model.onnx");
        OnnxExport.Save(path, model, []);
        return OnnxNetwork.Load(device, path);
    }
}
