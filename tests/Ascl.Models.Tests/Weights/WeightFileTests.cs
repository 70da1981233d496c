using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Models.Tests.Weights;

public sealed class WeightFileTests : IDisposable
{
    private const string Network = "resnet: 1 block a stage, widths 8,16";
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");
    private readonly CpuDevice device = new(1);

    public void Dispose()
    {
        device.Dispose();
        directory.Delete(recursive: true);
    }

    private Classifier Model(ulong seed, int classes = 10, int projection = 0) =>
        new(device, new(Network, 3, classes, [], [], projection), seed);

    [Theory]
    [InlineData("")]
    [InlineData("weights.")]
    public void WeightsRoundTripBitForBit(string prefix)
    {
        Classifier saved = Model(1, projection: 4), loaded = Model(2, projection: 4);
        Made.DisturbNorms(saved, 5);
        string path = Save(w => WeightFile.Add(saved.Parameters, w, prefix));
        Load(loaded, path, prefix);
        Assert.Equal(Values(saved), Values(loaded));
    }

    [Fact]
    public void ALoadedModelComputesWhatTheSavedOneDid()
    {
        Classifier saved = Model(1), loaded = Model(2);
        Autograd.Tensor images = Made.Images(device, 2, 3, 8);
        // Frozen once, so that folded weights of the old values exist.
        loaded.Forward(images, ForwardMode.Inference);
        Load(loaded, Save(w => WeightFile.Add(saved.Parameters, w)));
        Assert.Equal(
            saved.Forward(images, ForwardMode.Inference).Logits.ToArray(), loaded.Forward(images, ForwardMode.Inference).Logits.ToArray());
    }

    [Fact]
    public void TheActivationIsKeptAndReluWhereAFileDoesNotNameIt()
    {
        string path = Path.Combine(directory.FullName, "activation.safetensors");
        Classifier gelu = Made.Classifier(device, Network, activation: Activation.Gelu);
        ClassifierFile.Save(path, gelu);
        Autograd.Tensor images = Made.Images(device, 2, 3, 8);
        Assert.Equal(
            gelu.Forward(images, ForwardMode.Inference).Logits.ToArray(),
            ClassifierFile.Load(device, path).Forward(images, ForwardMode.Inference).Logits.ToArray());

        SafetensorsWriter writer = new();
        WeightFile.Add(gelu.Parameters, writer);
        writer.Metadata["ascl.classifier"] =
            $$"""{"network":"{{Network}}","channels":3,"classes":10,"mean":[],"std":[],"projection_size":0}""";
        writer.Save(path);
        Assert.Equal(Activation.Relu, ClassifierFile.Load(device, path).Spec.Activation);
        Assert.Equal(Activation.Silu, ClassifierFile.Load(device, path, new() { Activation = Activation.Silu }).Spec.Activation);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public void ChannelsClassesAndProjectionFollowFromShapes(int projection)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Save(w => WeightFile.Add(Model(1, 13, projection).Parameters, w, "weights.")));
        Assert.Equal(new(3, 13, projection), WeightShapes.Of(file, "weights."));
    }

    [Fact]
    public void AHeadInTheFileIsNotNeeded()
    {
        Classifier saved = Model(1, projection: 4), loaded = Model(2);
        Load(loaded, Save(w => WeightFile.Add(saved.Parameters, w)));
        Assert.Equal(Values(saved)[..^2], Values(loaded));
    }

    [Fact]
    public void AMissingHeadKeepsItsValuesWhereThatIsAllowed()
    {
        Classifier saved = Model(1), loaded = Model(2, projection: 4);
        float[] head = loaded.Parameters.All[^1].Tensor.ToArray();
        string path = Save(w => WeightFile.Add(saved.Parameters, w));
        Assert.Contains("projection.weight", AssertRefused(loaded, path), StringComparison.Ordinal);
        using SafetensorsFile file = SafetensorsFile.Open(path);
        WeightFile.Load(loaded.Parameters, file, optional: "projection.");
        Assert.Equal(head, loaded.Parameters.All[^1].Tensor.ToArray());
        Assert.Equal(Values(saved), Values(loaded)[..^2]);
    }

    [Fact]
    public void AMissingTensorIsNamed() => Assert.Contains(
        "no tensor 'layer2.0.bn2.running_mean' [16]",
        AssertRefused(Model(2), Save(w => AddAll(w, skip: "layer2.0.bn2.running_mean"))), StringComparison.Ordinal);

    [Fact]
    public void AWrongShapeIsNamedWithBoth() => Assert.Contains(
        "tensor 'conv1.weight' has shape [8, 3, 9], the model needs [8, 3, 3, 3]", AssertRefused(Model(2), Save(w =>
        {
            AddAll(w, skip: "conv1.weight");
            w.Add("conv1.weight", [8, 3, 9], new float[216]);
        })), StringComparison.Ordinal);

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void AValueThatIsNotFiniteIsNamed(float bad) => Assert.Contains(
        $"tensor 'linear.bias' holds {bad} at position 9", AssertRefused(Model(2), Save(w =>
        {
            AddAll(w, skip: "linear.bias");
            w.Add<float>("linear.bias", [10], [0, 0, 0, 0, 0, 0, 0, 0, 0, bad]);
        })), StringComparison.Ordinal);

    [Fact]
    public void AnotherClassCountIsNamed() => Assert.Contains(
        "tensor 'linear.weight' has shape [100, 16], the model needs [10, 16]",
        AssertRefused(Model(2), Save(w => WeightFile.Add(Model(1, classes: 100).Parameters, w))), StringComparison.Ordinal);

    [Fact]
    public void IntegerTensorsAreRefused() => AssertRefused(Model(2), Save(w =>
    {
        AddAll(w, skip: "linear.bias");
        w.Add<int>("linear.bias", [10], new int[10]);
    }));

    [Fact]
    public void AnotherNetworksWeightsAreRefused()
    {
        string path = Save(w => WeightFile.Add(new Classifier(device, new("smallcnn", 1, 10, [], [])).Parameters, w));
        AssertRefused(Model(2), path);
        using SafetensorsFile notWeights = SafetensorsFile.Open(Save(w => w.Add<float>("images", [1], [0])));
        Assert.Contains(
            "no first convolution", Assert.Throws<UserErrorException>(() => WeightShapes.Of(notWeights)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void InconsistentShapesAreUserErrors()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Save(w =>
        {
            w.Add<float>("conv1.weight", [8, 3, 3, 3], new float[216]);
            w.Add<float>("linear.bias", [10], new float[10]);
            w.Add<float>("projection.bias", [], [1]);
        }));
        Assert.Throws<UserErrorException>(() => WeightShapes.Of(file));
    }

    private void AddAll(SafetensorsWriter writer, string? skip = null)
    {
        foreach (NamedTensor tensor in Model(1).Parameters.All.Where(t => t.Name != skip))
            writer.Add(tensor.Name, tensor.Tensor.Shape.Sizes, tensor.Tensor.ToArray());
    }

    /// <summary>The error message; the model must be unchanged.</summary>
    private static string AssertRefused(Classifier model, string path)
    {
        float[][] before = Values(model);
        string message = Assert.Throws<UserErrorException>(() => Load(model, path)).Message;
        Assert.Equal(before, Values(model));
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private string Save(Action<SafetensorsWriter> add)
    {
        SafetensorsWriter writer = new();
        add(writer);
        string path = Path.Combine(directory.FullName, $"{directory.GetFiles().Length}.safetensors");
        writer.Save(path);
        return path;
    }

    private static void Load(Classifier model, string path, string prefix = "")
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        WeightFile.Load(model.Parameters, file, prefix);
    }

    private static float[][] Values(Classifier model) => [.. model.Parameters.All.Select(t => t.Tensor.ToArray())];
}
