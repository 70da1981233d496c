using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Models.Tests.Weights;

/// <summary>Input normalisations stored as tensors beside the weights.</summary>
public sealed class StoredNormalizationTests : IDisposable
{
    private const string Network = "resnet: 1 block a stage, widths 2,3";
    private static readonly float[] Mean = [0.4914f, 0.4822f, 0.4465f], Std = [0.2471f, 0.2435f, 0.2616f];
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
    [InlineData("", "mu", "sigma", 3, 1, 1)]
    [InlineData("model.", "mu", "sigma", 1, 3, 1, 1)]
    [InlineData("1.", "0.mean", "0.std", 3)]
    [InlineData("net.", "normalize.mean", "normalize.std", 1, 3, 1, 1)]
    [InlineData("", "_mean", "_std", 3)]
    [InlineData("", "means", "sds", 3, 1, 1)]
    [InlineData("module.model.", "module.normalizer.new_mean", "module.normalizer.new_std", 3, 1, 1)]
    public void StoredTensorsBecomeTheInputLayer(string prefix, string meanName, string stdName, params int[] shape)
    {
        Save(prefix, w => Add(w, meanName, Mean, stdName, Std, shape));
        Classifier loaded = Load();
        Assert.Equal(Mean, loaded.Spec.Mean);
        Assert.Equal(Std, loaded.Spec.Std);
        Assert.Equal(
            [$"{Path}: input normalisation 0.4914,0.4822,0.4465/0.2471,0.2435,0.2616 of its tensors '{meanName}' and '{stdName}'"], notes);
    }

    [Fact]
    public void VariancesBecomeStandardDeviations()
    {
        Save("net.", w => Add(w, "normalize.mean", Mean, "normalize.var", [0.25f, 0.0625f, 0.01f], 3));
        Assert.Equal([0.5f, 0.25f, 0.1f], Load().Spec.Std);
    }

    [Fact]
    public void OneNumberAppliesToAllChannels()
    {
        Save("", w =>
        {
            w.Add<double>("normalize.mean", [], [0.5]);
            w.Add<double>("normalize.std", [1, 1, 1, 1], [0.25]);
        });
        Classifier loaded = Load();
        Assert.Equal([0.5f, 0.5f, 0.5f], loaded.Spec.Mean);
        Assert.Equal([0.25f, 0.25f, 0.25f], loaded.Spec.Std);
    }

    /// <summary>The constants' shape and scale in Wide ResNet's own code.</summary>
    [Fact]
    public void ConstantsForGreyLevelsAreDividedBy255()
    {
        Save("", w => Add(w, "mean", [127.5f, 0, 51], "std", [63.75f, 255, 102], 3));
        Classifier loaded = Load();
        Assert.Equal([0.5f, 0, 0.2f], loaded.Spec.Mean);
        Assert.Equal([0.25f, 1, 0.4f], loaded.Spec.Std);
        Assert.EndsWith(", which are for images in 0 to 255, divided by 255", Assert.Single(notes), StringComparison.Ordinal);
    }

    [Fact]
    public void AGivenNormalizationOverridesAndIsNoted()
    {
        Save("", w => Add(w, "mu", Mean, "sigma", Std, 3));
        Assert.Equal([0.5f, 0.5f, 0.5f], Load(([0.5f, 0.5f, 0.5f], [1, 1, 1])).Spec.Mean);
        Assert.Equal(
            [
                $"{Path}: its tensors 'mu' and 'sigma' say another input normalisation, 0.4914,0.4822,0.4465/0.2471,0.2435,0.2616, "
                + "than 0.5,0.5,0.5/1,1,1, which is used",
            ],
            notes);
        notes.Clear();
        Assert.Empty(Load(([], [])).Spec.Mean);
        Assert.Contains("than none, which is used", Assert.Single(notes), StringComparison.Ordinal);
        notes.Clear();
        Load((Mean, [0.2471f, 0.2435f, 0.261600003f]));
        Assert.Empty(notes);
    }

    [Theory]
    [InlineData(0, 255, "at most 1")]
    [InlineData(0.5f, 0, "more than 0")]
    [InlineData(-0.1f, 1, "neither images in 0 to 1 nor in 0 to 255")]
    [InlineData(256, 60, "neither images in 0 to 1 nor in 0 to 255")]
    [InlineData(120, 0.25f, "neither images in 0 to 1 nor in 0 to 255")]
    [InlineData(float.NaN, 1, "neither")]
    [InlineData(0.5f, float.NaN, "more than 0")]
    public void InvalidTensorsAreRefusedUnlessOneIsGiven(float mean, float std, string problem)
    {
        Save("", w => Add(w, "mu", [mean, mean, mean], "sigma", [std, std, std], 3));
        string message = Assert.Throws<UserErrorException>(() => Load()).Message;
        Assert.StartsWith($"{Path}: its tensors 'mu' and 'sigma' are no input normalisation", message, StringComparison.Ordinal);
        Assert.Contains(problem, message, StringComparison.Ordinal);
        Assert.Equal(Mean, Load((Mean, Std)).Spec.Mean);
    }

    [Fact]
    public void TensorsNearestToTheNetworkAreTaken()
    {
        Save("model.1.", w =>
        {
            Add(w, "model.0.mean", Mean, "model.0.std", Std, 3);
            Add(w, "teacher.0.mean", Std, "teacher.0.std", Mean, 3);
        });
        Assert.Equal(Mean, Load().Spec.Mean);
        Save("1.", w =>
        {
            Add(w, "student.mean", Mean, "student.std", Std, 3);
            Add(w, "teacher.mean", Std, "teacher.std", Mean, 3);
        });
        Assert.Contains("say something else", Assert.Throws<UserErrorException>(() => Load()).Message, StringComparison.Ordinal);
    }

    /// <summary>Tensors with these names but another shape, or without their partner, are not a normalisation and are reported as left
    /// out.</summary>
    [Fact]
    public void TensorsOfAnotherShapeAreLeftOut()
    {
        Save("", w =>
        {
            w.Add("mean", [2], new float[2]);
            w.Add("std", [2], new float[2]);
            w.Add("mu", [3], new float[3]);
            w.Add<int>("x.mean", [3], [1, 2, 3]);
            w.Add<int>("x.std", [3], [1, 2, 3]);
        });
        Assert.Empty(Load().Spec.Mean);
        Assert.Contains("no input normalisation is known: images go in as they are", notes[0], StringComparison.Ordinal);
        Assert.Contains("left out", notes[1], StringComparison.Ordinal);
    }

    private static void Add(SafetensorsWriter writer, string meanName, float[] mean, string stdName, float[] std, params int[] shape)
    {
        writer.Add(meanName, shape, mean);
        writer.Add(stdName, shape, std);
    }

    private void Save(string prefix, Action<SafetensorsWriter> add)
    {
        SafetensorsWriter writer = new();
        WeightFile.Add(new Classifier(device, new(Network, 3, 10, [], [])).Parameters, writer, prefix);
        add(writer);
        writer.Save(Path);
    }

    private Classifier Load((float[], float[])? normalization = null) =>
        ClassifierFile.Load(device, Path, new() { Network = Network, Normalization = normalization, Note = notes.Add });
}
