using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Models.Tests.Weights;

/// <summary>State dicts of other code: prefixed names, several sets of weights, tensors that the network does not have.</summary>
public sealed class ThirdPartyWeightsTests : IDisposable
{
    private const string Network = "resnet: 1 block a stage, widths 4,6";
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");
    private readonly CpuDevice device = new(1);
    private readonly List<string> notes = [];

    private string Path => System.IO.Path.Combine(directory.FullName, "theirs.safetensors");

    public void Dispose()
    {
        device.Dispose();
        directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData("")]
    [InlineData("module.")]
    [InlineData("model.")]
    [InlineData("net.")]
    [InlineData("network.")]
    [InlineData("state_dict.")]
    [InlineData("_orig_mod.")]
    [InlineData("encoder.")]
    [InlineData("backbone.")]
    [InlineData("1.")]
    [InlineData("module.attacker.model.")]
    [InlineData("state_dict._orig_mod.module.1.")]
    [InlineData("anything.at.all.")]
    public void AnyPrefixOfTheNamesIsAccepted(string prefix)
    {
        Classifier model = Model(1);
        Save(w =>
        {
            WeightFile.Add(model.Parameters, w, prefix);
            w.Add<long>($"{prefix}bn1.num_batches_tracked", [], [1234]);
            w.Add<long>($"{prefix}layer1.0.bn1.num_batches_tracked", [1], [1234]);
        });
        AssertSame(model, Load());
        Assert.Empty(notes);
    }

    [Theory]
    [InlineData("smallcnn", 1)]
    [InlineData("wrn-10-1", 3)]
    [InlineData("preactresnet18", 3)]
    [InlineData("preactresnet18-bn", 3)]
    [InlineData("preactresnet50-bn", 3)]
    [InlineData("preactresnet18-swish", 3, Activation.Silu)]
    [InlineData("wrn-10-1-swish", 3, Activation.Silu)]
    [InlineData("resnet20", 3)]
    [InlineData("resnet20-a", 3)]
    [InlineData("vgg11", 1)]
    [InlineData("mobilenetv2", 3)]
    [InlineData("densenet121", 3)]
    public void EveryNetworkIsFoundBehindAPrefix(string network, int channels, Activation activation = Activation.Relu)
    {
        Classifier model = Made.Classifier(device, network, channels);
        Save(w => WeightFile.Add(model.Parameters, w, "net.module."));
        Classifier loaded = Load(network: network.Split("-bn")[0].Split("-swish")[0].Split("-a")[0]);
        Assert.Equal((network, activation), (loaded.Spec.Network, loaded.Spec.Activation));
        AssertSame(model, loaded);
    }

    /// <summary>SupContrast wraps the encoder but not the classifier; its projection head is not read.</summary>
    [Theory]
    [InlineData("encoder.", "linear.")]
    [InlineData("encoder.module.", "fc.")]
    [InlineData("module.encoder.", "module.fc.")]
    public void TheHeadMayHaveAnotherPrefix(string prefix, string head)
    {
        Classifier model = Model(1);
        Save(w =>
        {
            AddRenamed(w, model,
                name => name.StartsWith("linear.", StringComparison.Ordinal) ? head + name["linear.".Length..] : prefix + name);
            w.Add("head.0.weight", [2, 2], new float[4]);
            w.Add("head.0.bias", [2], new float[2]);
        });
        AssertSame(model, Load());
        Assert.Equal([$"{Path}: left out, as {Network} has no place for them: head.0.bias, head.0.weight"], notes);
    }

    [Fact]
    public void TorchvisionNamesAreRecognized()
    {
        Classifier model = Model(1);
        Save(w => AddRenamed(w, model, name => "module." + name.Replace("shortcut", "downsample").Replace("linear.", "fc.")));
        AssertSame(model, Load());
    }

    [Fact]
    public void AProjectionIsLoaded()
    {
        Classifier model = Made.Classifier(device, Network, projection: 5);
        Save(w => WeightFile.Add(model.Parameters, w, "model."));
        Classifier loaded = Load();
        Assert.Equal(5, loaded.Spec.ProjectionSize);
        AssertSame(model, loaded);
    }

    [Fact]
    public void OneOfSeveralSetsHasToBeNamed()
    {
        Classifier model = Model(1), average = Model(2), plain = Model(3);
        Save(w =>
        {
            WeightFile.Add(model.Parameters, w, "module.model.");
            WeightFile.Add(average.Parameters, w, "ema.model.");
        });
        Assert.Equal($"{Path}: several sets of weights that differ: choose {Path}#ema.model or {Path}#module.model", Refusal(Path));
        AssertSame(average, Load($"{Path}#ema"));
        AssertSame(average, Load($"{Path}#ema.model"));
        AssertSame(model, Load($"{Path}#module"));
        Assert.Empty(notes);
        Assert.Equal(
            $"{Path}: several sets of weights that differ: choose {Path}#ema.model or {Path}#module.model", Refusal($"{Path}#model"));
        Assert.Equal($"{Path}: no weights 'average' in it, but {Path}#ema.model or {Path}#module.model", Refusal($"{Path}#average"));
        Assert.Contains("no tensor 'ema.model.layer1.0.conv3.weight'", Refusal($"{Path}#ema", "resnet50"), StringComparison.Ordinal);

        Save(w =>
        {
            WeightFile.Add(plain.Parameters, w);
            WeightFile.Add(average.Parameters, w, "ema.");
        });
        Assert.Contains($"choose {Path}# or {Path}#ema", Refusal(Path), StringComparison.Ordinal);
        AssertSame(plain, Load($"{Path}#"));
        AssertSame(average, Load($"{Path}#ema"));
    }

    /// <summary>Madry's robustness saves its model twice under two names.</summary>
    [Fact]
    public void EqualSetsCountAsOne()
    {
        Classifier model = Model(1);
        Save(w =>
        {
            WeightFile.Add(model.Parameters, w, "module.model.");
            WeightFile.Add(model.Parameters, w, "module.attacker.model.");
            foreach (string place in new[] { "module.normalizer", "module.attacker.normalize" })
            {
                w.Add($"{place}.new_mean", [3, 1, 1], [0.1f, 0.2f, 0.3f]);
                w.Add($"{place}.new_std", [3, 1, 1], [0.4f, 0.5f, 0.6f]);
            }
        });
        Classifier loaded = Load();
        AssertSame(model, loaded);
        Assert.Equal([0.1f, 0.2f, 0.3f], loaded.Spec.Mean);
        Assert.Equal([0.4f, 0.5f, 0.6f], loaded.Spec.Std);
        Assert.Single(notes);
    }

    /// <summary>A training checkpoint: the optimiser's tensors are not taken for weights, although without BatchNorm they have all of the
    /// names.</summary>
    [Fact]
    public void MomentaAreNotTakenForWeights()
    {
        Classifier model = Made.Classifier(device, "smallcnn", channels: 1);
        Save(w =>
        {
            WeightFile.Add(model.Parameters, w, "model.");
            WeightFile.Add(Made.Classifier(device, "smallcnn", channels: 1, activation: Activation.Silu).Parameters, w, "momentum.");
        });
        AssertSame(model, Load(network: "smallcnn"));
        Assert.Empty(notes);
        Assert.Contains(
            $"no weights 'momentum' in it, but {Path}#model", Refusal($"{Path}#momentum", "smallcnn"), StringComparison.Ordinal);
    }

    [Fact]
    public void AFileWhosePathContainsTheSeparatorIsPreferred()
    {
        Classifier model = Model(1), other = Model(2);
        Save(w => WeightFile.Add(model.Parameters, w, "ema."));
        SafetensorsWriter writer = new();
        WeightFile.Add(other.Parameters, writer);
        writer.Save(Path + "#ema");
        AssertSame(other, Load(Path + "#ema"));
        File.Delete(Path + "#ema");
        AssertSame(model, Load(Path + "#ema"));
        Assert.Equal($"cannot read {Path}2: no such file", Refusal(Path + "2#ema"));
    }

    /// <summary>The normalisation of the public code is beside the weights, and the activation is its default unless given.</summary>
    [Fact]
    public void WeightsFromTrainingsOnGeneratedImages()
    {
        Classifier model = Made.Classifier(device, "wrn-10-1-swish");
        Save(w =>
        {
            WeightFile.Add(model.Parameters, w, "module.0.");
            w.Add("module.0.mean", [3, 1, 1], [0.4914f, 0.4822f, 0.4465f]);
            w.Add("module.0.std", [3, 1, 1], [0.2471f, 0.2435f, 0.2616f]);
            w.Add<long>("module.0.layer.0.block.0.batchnorm_0.num_batches_tracked", [], [1234]);
        });
        Classifier loaded = Load(network: "wrn-10-1");
        AssertSame(model, loaded);
        Assert.Equal(("wrn-10-1-swish", Activation.Silu), (loaded.Spec.Network, loaded.Spec.Activation));
        Assert.Equal([0.4914f, 0.4822f, 0.4465f], loaded.Spec.Mean);
        Assert.Equal([0.2471f, 0.2435f, 0.2616f], loaded.Spec.Std);
        Assert.Single(notes);
        Classifier relu = ClassifierFile.Load(device, Path, new() { Network = "wrn-10-1-swish", Activation = Activation.Relu });
        Assert.Equal(Activation.Relu, relu.Spec.Activation);
    }

    /// <summary>TRADES' code saves a block that it does not use.</summary>
    [Fact]
    public void UnusedTensorsAreNamedAndLeftOut()
    {
        Classifier model = Made.Classifier(device, "wrn-10-1");
        Save(w =>
        {
            WeightFile.Add(model.Parameters, w, "module.");
            foreach (NamedTensor tensor in model.Parameters.All.Where(t => t.Name.StartsWith("block1.", StringComparison.Ordinal)))
                w.Add($"module.sub_{tensor.Name}", tensor.Tensor.Shape.Sizes, tensor.Tensor.ToArray());
        });
        AssertSame(model, Load(network: "wrn-10-1"));
        Assert.Equal(
            [$"{Path}: left out, as wrn-10-1 has no place for them: "
                + "module.sub_block1.layer.0.bn1.bias, module.sub_block1.layer.0.bn1.running_mean, "
                + "module.sub_block1.layer.0.bn1.running_var and 7 more tensors"], notes);
    }

    /// <summary>Weights of a deeper network are refused although they contain all of a shallower one's names.</summary>
    [Theory]
    [InlineData("resnet: 2 blocks a stage, widths 4,6", "resnet: 1 block a stage, widths 4,6",
        "tensor 'net.layer1.1.bn1.bias' is not of this model")]
    [InlineData("wrn-16-1", "wrn-10-1", "tensor 'net.block1.layer.1.bn1.bias' is not of this model")]
    [InlineData("wrn-10-1", "resnet20", "no tensor 'net.")]
    [InlineData("wrn-10-1", "wrn-10-2", "no tensor 'net.block1.layer.0.convShortcut.weight' [32, 16, 1, 1]")]
    [InlineData("resnet: 1 block a stage, widths 4,6", "resnet: 1 block a stage, widths 4,6,8",
        "no tensor 'net.layer3.0.conv1.weight' [8, 6, 3, 3]")]
    [InlineData("smallcnn", "resnet20", "no tensor 'net.")]
    [InlineData("wrn-16-1-swish", "wrn-10-1", "tensor 'net.layer.0.block.1.batchnorm_0.bias' is not of this model")]
    [InlineData("wrn-10-1", "wrn-10-1-swish", "no tensor 'net.init_conv.weight' [16, 3, 3, 3]")]
    [InlineData("vgg13", "vgg11", "no tensor 'net.features.5.weight' [128]")]
    public void AnotherNetworksWeightsAreRefused(string theirs, string ours, string problem)
    {
        Save(w => WeightFile.Add(Made.Classifier(device, theirs).Parameters, w, "net."));
        Assert.Contains(problem, Refusal(Path, ours), StringComparison.Ordinal);
    }

    [Fact]
    public void ALayerThatTheNetworkLacksIsNamed()
    {
        Save(w =>
        {
            WeightFile.Add(Model(1).Parameters, w);
            w.Add<float>("layer9.weight", [2], [1, 2]);
        });
        Assert.Contains("tensor 'layer9.weight' is not of this model", Refusal(Path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("conv1.weight", "no first convolution (conv1.weight")]
    [InlineData("bn1.weight", "no tensor 'module.bn1.weight' [4]")]
    [InlineData("layer2.0.bn2.running_mean", "no tensor 'module.layer2.0.bn2.running_mean' [6]")]
    [InlineData("linear.weight", "no tensor 'module.linear.weight' [10, 6]")]
    [InlineData("linear.bias", "no last layer (linear.bias")]
    public void AMissingTensorIsAnError(string missing, string problem)
    {
        Save(w => AddRenamed(w, Model(1), name => name == missing ? "lost" : "module." + name));
        Assert.Contains(problem, Refusal(Path), StringComparison.Ordinal);
    }

    private Classifier Model(ulong seed) => new(device, new(Network, 3, 10, [], []), seed);

    private void Save(Action<SafetensorsWriter> add)
    {
        SafetensorsWriter writer = new();
        add(writer);
        writer.Save(Path);
    }

    private static void AddRenamed(SafetensorsWriter writer, Classifier model, Func<string, string> rename)
    {
        foreach (NamedTensor tensor in model.Parameters.All)
            writer.Add(rename(tensor.Name), tensor.Tensor.Shape.Sizes, tensor.Tensor.ToArray());
    }

    private Classifier Load(string? path = null, string network = Network) => ClassifierFile.Load(device, path ?? Path, new()
    {
        Network = network,
        // None of these files has an input normalisation.
        Note = line => notes.AddRange(line.Contains("no input normalisation is known", StringComparison.Ordinal) ? [] : [line]),
    });

    private string Refusal(string path, string network = Network)
    {
        string message = Assert.Throws<UserErrorException>(() => Load(path, network)).Message;
        Assert.Contains(Path, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private static void AssertSame(Classifier expected, Classifier actual)
    {
        Assert.Equal(expected.Parameters.All.Select(t => t.Name), actual.Parameters.All.Select(t => t.Name));
        Assert.All(expected.Parameters.All.Zip(actual.Parameters.All),
            pair => Assert.Equal(pair.First.Tensor.ToArray(), pair.Second.Tensor.ToArray()));
    }
}
