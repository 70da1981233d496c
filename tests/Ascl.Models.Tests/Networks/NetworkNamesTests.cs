using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Models.Weights;

namespace Ascl.Models.Tests.Networks;

/// <summary>Names, shapes and counts are those of public PyTorch code, so that weights can be exchanged.</summary>
public sealed class NetworkNamesTests
{
    /// <summary>Counts of trained values for 10 classes. Published: resnet18, resnet34, resnet50 and preactresnet18 of pytorch-cifar,
    /// wrn-34-10 of TRADES, resnet20, 56 and 110 with plain shortcuts; resnet20 is 269,722 (He et al. 2016 by its count) + 2,752 for its
    /// two 1×1 convolution shortcuts with BatchNorm.</summary>
    [Theory]
    [InlineData("resnet18", 3, 11_173_962)]
    [InlineData("resnet34", 3, 21_282_122)]
    [InlineData("resnet50", 3, 23_520_842)]
    [InlineData("resnet20", 3, 272_474)]
    [InlineData("resnet56", 3, 855_770)]
    [InlineData("resnet20-a", 3, 269_722)]
    [InlineData("resnet56-a", 3, 853_018)]
    [InlineData("resnet110-a", 3, 1_727_962)]
    [InlineData("preactresnet18", 3, 11_171_146)]
    [InlineData("preactresnet18-bn", 3, 11_172_170)]
    [InlineData("wrn-16-2", 3, 691_674)]
    [InlineData("wrn-34-10", 3, 46_160_474)]
    [InlineData("smallcnn", 1, 312_202)]
    [InlineData("preactresnet34", 3, 21_279_306)]
    [InlineData("preactresnet50", 3, 23_509_066)]
    [InlineData("vgg11", 3, 9_231_114)]
    [InlineData("vgg13", 3, 9_416_010)]
    [InlineData("vgg16", 3, 14_728_266)]
    [InlineData("vgg19", 3, 20_040_522)]
    [InlineData("mobilenetv2", 3, 2_296_922)]
    [InlineData("densenet121", 3, 6_956_298)]
    [InlineData("densenet169", 3, 12_493_322)]
    [InlineData("wrn-28-10-swish", 3, 36_479_194)]
    [InlineData("preactresnet18-swish", 3, 12_548_426)]
    public void ParameterCountsMatchKnownValues(string network, int channels, int expected)
    {
        using CpuDevice device = new(1);
        Classifier model = new(device, new(network, channels, 10, [], []), seed: null);
        Assert.Equal(expected, model.Parameters.Trained.Sum(t => (long)t.Shape.Length));
    }

    [Fact]
    public void ResNet18HasPyTorchsNames()
    {
        List<string> expected = [Conv("conv1", 64, 3, 3), .. Norm("bn1", 64)];
        int inputs = 64;
        foreach (var (stage, width) in new[] { (1, 64), (2, 128), (3, 256), (4, 512) })
            foreach (int block in new[] { 0, 1 })
            {
                string name = $"layer{stage}.{block}";
                expected.AddRange([Conv($"{name}.conv1", width, inputs, 3), .. Norm($"{name}.bn1", width)]);
                expected.AddRange([Conv($"{name}.conv2", width, width, 3), .. Norm($"{name}.bn2", width)]);
                if (inputs != width)
                    expected.AddRange([Conv($"{name}.shortcut.0", width, inputs, 1), .. Norm($"{name}.shortcut.1", width)]);
                inputs = width;
            }
        expected.AddRange(["linear.weight [10, 512]", "linear.bias [10]"]);
        Assert.Equal(102, expected.Count);
        AssertTensors("resnet18", 3, 10, expected);
    }

    [Fact]
    public void PreActResNet18HasPyTorchsNames()
    {
        List<string> expected = [Conv("conv1", 64, 1, 3)];
        int inputs = 64;
        foreach (var (stage, width) in new[] { (1, 64), (2, 128), (3, 256), (4, 512) })
            foreach (int block in new[] { 0, 1 })
            {
                string name = $"layer{stage}.{block}";
                expected.AddRange([.. Norm($"{name}.bn1", inputs), Conv($"{name}.conv1", width, inputs, 3)]);
                expected.AddRange([.. Norm($"{name}.bn2", width), Conv($"{name}.conv2", width, width, 3)]);
                if (inputs != width)
                    expected.Add(Conv($"{name}.shortcut.0", width, inputs, 1));
                inputs = width;
            }
        expected.AddRange(["linear.weight [100, 512]", "linear.bias [100]"]);
        AssertTensors("preactresnet18", 1, 100, expected);
        AssertTensors("preactresnet18-bn", 1, 100, [.. expected, .. Norm("bn", 512)]);
    }

    [Fact]
    public void ResNet50HasPyTorchsBottlenecks()
    {
        using CpuDevice device = new(1);
        string[] names = Tensors(device, "resnet50", 3, 10);
        Assert.Equal(5 + 16 * 15 + 4 * 5 + 2, names.Length);
        string[] some =
        [
            Conv("layer1.0.conv1", 64, 64, 1), Conv("layer1.0.conv3", 256, 64, 1), Conv("layer1.0.shortcut.0", 256, 64, 1),
            Conv("layer3.5.conv2", 256, 256, 3), Conv("layer4.0.shortcut.0", 2048, 1024, 1), "layer4.2.bn3.running_var [2048]",
            "linear.weight [10, 2048]",
        ];
        foreach (string name in some)
            Assert.Contains(name, names);
    }

    [Fact]
    public void WideResNetHasPyTorchsNames()
    {
        using CpuDevice device = new(1);
        string[] names = Tensors(device, "wrn-16-2", 3, 7);
        Assert.Equal(1 + 6 * 10 + 3 + 4 + 2, names.Length);
        string[] some =
        [
            Conv("conv1", 16, 3, 3), "block1.layer.0.bn1.weight [16]", Conv("block1.layer.0.convShortcut", 32, 16, 1),
            Conv("block1.layer.1.conv1", 32, 32, 3), "block2.layer.0.bn1.weight [32]", Conv("block3.layer.0.convShortcut", 128, 64, 1),
            "bn1.running_mean [128]", "fc.weight [7, 128]", "fc.bias [7]",
        ];
        foreach (string name in some)
            Assert.Contains(name, names);
        Assert.DoesNotContain(names, n => n.StartsWith("block1.layer.1.convShortcut", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("resnet20")]
    [InlineData("wrn-10-1")]
    [InlineData("smallcnn")]
    public void NamesAreThoseOfTheFilesFromPyTorch(string network)
    {
        using CpuDevice device = new(1);
        using SafetensorsFile file = SafetensorsFile.Open(Made.Fixture(network));
        IEnumerable<string> weights = file.Names.Where(n => n.StartsWith("weights.", StringComparison.Ordinal));
        AssertTensors(network, network == "smallcnn" ? 1 : 3, 10,
            [.. weights.Select(n => $"{n["weights.".Length..]} [{string.Join(", ", file.Shape(n))}]")]);
    }

    [Theory]
    [InlineData("resnet20", 1, 2)]
    [InlineData("wrn-10-1", 1, 100)]
    [InlineData("smallcnn", 3, 3, 28)]
    [InlineData("resnet: 2 blocks a stage, widths 8,24", 3, 1)]
    [InlineData("preactresnet18", 1, 5)]
    [InlineData("preactresnet50-bn", 1, 5)]
    [InlineData("preactresnet18-swish", 1, 3)]
    [InlineData("wrn-10-1-swish", 1, 12)]
    [InlineData("vgg11", 1, 3, 32)]
    [InlineData("mobilenetv2", 1, 6)]
    [InlineData("densenet121", 1, 4)]
    public void ChannelsClassesAndProjectionCanBeChosen(string network, int channels, int classes, int size = 8)
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Classifier(device, network, channels, classes, projection: 6);
        ModelOutput output = model.Forward(Made.Images(device, 3, channels, size), ForwardMode.Evaluate);
        Assert.Equal(new(3, classes), output.Logits.Shape);
        int latent = output.Latent.Shape[1];
        Assert.Equal(new(3, 6), model.Project(output.Latent).Shape);
        IEnumerable<NamedTensor> head = model.Parameters.All.Where(t => t.Name.StartsWith("projection", StringComparison.Ordinal));
        Assert.Equal([$"projection.weight [6, {latent}]", "projection.bias [6]"], head.Select(t => $"{t.Name} {t.Tensor.Shape}"));
        Classifier bare = Made.Classifier(device, network, channels, classes);
        Assert.Equal(model.Parameters.All.Count - 2, bare.Parameters.All.Count);
        Assert.Same(output.Latent, bare.Project(output.Latent));
        Assert.Throws<ShapeException>(() => model.Forward(Made.Images(device, 3, channels + 1, 28), ForwardMode.Evaluate));
    }

    [Fact]
    public void OnlyRunningStatisticsAreNotTrained()
    {
        using CpuDevice device = new(1);
        Assert.All(Made.Classifier(device, "resnet20").Parameters.All,
            t => Assert.Equal(!t.Name.Contains("running_", StringComparison.Ordinal), t.Trained));
    }

    [Fact]
    public void StartingWeightsDependOnTheSeedOnly()
    {
        using CpuDevice one = new(1), two = new(2);
        static float[] Start(Device device, ulong seed)
        {
            Classifier model = new(device, new("resnet20", 3, 10, [], []), seed);
            return model.Parameters.All.Single(t => t.Name == "layer2.0.conv1.weight").Tensor.ToArray();
        }
        float[] start = Start(one, 1);
        Assert.Equal(start, Start(two, 1));
        Assert.NotEqual(start, Start(one, 2));
        // He: √(2/fan-in), fan-in 16·9.
        Assert.InRange(start.Average(v => (double)v * v) / (2.0 / 144), 0.9, 1.1);
    }

    [Theory]
    [InlineData("resnet81", "resnet18")]
    [InlineData("smallcn", "smallcnn")]
    public void AnUnknownNameSuggestsTheNearest(string name, string nearest)
    {
        using CpuDevice device = new(1);
        Assert.Contains(nearest, Assert.Throws<UserErrorException>(() => Made.Classifier(device, name)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrn-35-10")]
    [InlineData("wrn-4-1")]
    [InlineData("wrn-16-0")]
    [InlineData("wrn-16-2-relu")]
    [InlineData("wrn-16-0-swish")]
    [InlineData("wrn-99999999999-1")]
    [InlineData("resnet: 0 blocks a stage, widths 8,16")]
    [InlineData("resnet: 1 block a stage, widths 0")]
    [InlineData("")]
    public void InvalidNetworksAreUserErrors(string name)
    {
        using CpuDevice device = new(1);
        Assert.Throws<UserErrorException>(() => Made.Classifier(device, name));
    }

    private static void AssertTensors(string network, int channels, int classes, IEnumerable<string> expected)
    {
        using CpuDevice device = new(1);
        Assert.Equal(expected.Order(StringComparer.Ordinal), Tensors(device, network, channels, classes).Order(StringComparer.Ordinal));
    }

    private static string[] Tensors(CpuDevice device, string network, int channels, int classes) =>
        [.. Made.Classifier(device, network, channels, classes).Parameters.All.Select(t => $"{t.Name} {t.Tensor.Shape}")];

    private static string Conv(string name, int outputs, int inputs, int kernel) =>
        $"{name}.weight [{outputs}, {inputs}, {kernel}, {kernel}]";

    private static IEnumerable<string> Norm(string name, int channels) =>
        new[] { "weight", "bias", "running_mean", "running_var" }.Select(part => $"{name}.{part} [{channels}]");
}
