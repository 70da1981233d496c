using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Models.Checkpoints;
using Ascl.Models.Weights;

namespace Ascl.Models.Tests.Weights;

/// <summary>The specification of a classifier in its file.</summary>
public sealed class ClassifierFileTests : IDisposable
{
    private const string Network = "resnet: 1 block a stage, widths 2,3";
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ascl-test-");
    private readonly CpuDevice device = new(1);

    private string Path => System.IO.Path.Combine(directory.FullName, "weights.safetensors");

    public void Dispose()
    {
        device.Dispose();
        directory.Delete(recursive: true);
    }

    [Fact]
    public void SpecificationRoundTrips()
    {
        ClassifierSpec spec = new(Network, 1, 3, [0.25f], [0.5f], 4, Activation.Gelu, ["cat", "dog", "\"Été\""]);
        ClassifierFile.Save(Path, new Classifier(device, spec));
        ClassifierSpec read = ClassifierFile.Load(device, Path).Spec;
        Assert.Equal(ClassifierFile.Described(spec), ClassifierFile.Described(read));
        Assert.Equal(["cat", "dog", "\"Été\""], read.ClassNames);
    }

    /// <summary>Options that override the file's specification are noted, because they change the network's accuracy.</summary>
    [Fact]
    public void OptionsThatOverrideTheFileAreNoted()
    {
        ClassifierFile.Save(Path, new Classifier(device, new(Network, 3, 2, [0.5f, 0.5f, 0.5f], [0.25f, 0.25f, 0.25f])));
        List<string> notes = [];
        ClassifierFile.Load(device, Path, new() { Note = notes.Add, Activation = Activation.Silu, Normalization = ([], []) });
        Assert.Equal(
            [
                $"{Path}: it was trained with the activation relu, not silu, which is used",
                $"{Path}: it was trained with another input normalisation, 0.5,0.5,0.5/0.25,0.25,0.25, than none, which is used",
            ],
            notes);
        notes.Clear();
        ClassifierFile.Load(device, Path, new() { Note = notes.Add, Activation = Activation.Relu });
        Assert.Empty(notes);
    }

    /// <summary>Files of earlier versions have no class names; this one is such a file (widths 2,3, one epoch on 200 images of the
    /// sample).</summary>
    [Fact]
    public void AFileWithoutClassNamesLoads()
    {
        string path = System.IO.Path.Combine(AppContext.BaseDirectory, "Weights", "files", "before-class-names.safetensors");
        List<string> notes = [];
        Classifier model = ClassifierFile.Load(device, path, new() { Note = notes.Add });
        ClassifierSpec spec = model.Spec;
        Assert.Equal((Network, 1, 10, Activation.Relu), (spec.Network, spec.Channels, spec.Classes, spec.Activation));
        Assert.Equal([0.286f], model.Spec.Mean);
        Assert.Equal([0.353f], model.Spec.Std);
        Assert.Null(model.Spec.ClassNames);
        Assert.Empty(notes);
        // Files without class names are unchanged.
        ClassifierFile.Save(Path, model);
        Assert.Equal(File.ReadAllBytes(path), File.ReadAllBytes(Path));
    }

    [Fact]
    public void NamesOfAnotherNumberOfClassesAreDropped() =>
        Assert.Null(ClassifierFile.Load(device, Described(
            $$"""{"network":"{{Network}}","channels":1,"classes":2,"mean":[],"std":[],"class_names":["a","b"]}""")).Spec.ClassNames);

    [Theory]
    [InlineData("""{"network":null,"mean":[],"std":[]}""", "it names no network")]
    [InlineData("""{"network":"","mean":[],"std":[]}""", "it names no network")]
    [InlineData("""{"network":"NETWORK","std":[]}""", "mean and std are not of one length")]
    [InlineData("""{"network":"NETWORK","mean":[0.5],"std":[]}""", "mean and std are not of one length")]
    [InlineData("""{"network":"NETWORK","mean":[0.5],"std":[0]}""", "std is not more than 0")]
    [InlineData("""{"network":"NETWORK","mean":[1e99],"std":[1]}""", "is damaged")]
    [InlineData("""{"network":"NETWORK","mean":[],"std":[],"activation":"Sine"}""", "is damaged")]
    [InlineData("""{"network":"NETWORK","mean":[],"std":[],"activation":99}""", "there is no such activation")]
    [InlineData("""{"network":"NETWORK","mean":[],"std":[],"class_names":["a",null,"c"]}""", "a class has no name")]
    [InlineData("""{"network":"NETWORK","mean":[],"std":[],"class_names":["\ud800","b","c"]}""", "is damaged")]
    [InlineData("""{"network":"NETWORK","mean":[],"std":[],"classes":"three"}""", "is damaged")]
    [InlineData("null", "it is null")]
    [InlineData("[]", "is damaged")]
    [InlineData("{", "is damaged")]
    [InlineData("", "is damaged")]
    [InlineData("""{"network":"resnet81","mean":[],"std":[]}""", "unknown model 'resnet81'")]
    [InlineData("""{"network":"NETWORK","mean":[0.5,0.5],"std":[1,1]}""", "takes images of 1 channels, the input normalisation has 2")]
    public void InvalidSpecificationsAreUserErrors(string description, string problem)
    {
        string path = Described(description.Replace("NETWORK", Network, StringComparison.Ordinal));
        string message = Assert.Throws<UserErrorException>(() => ClassifierFile.Load(device, path)).Message;
        Assert.Contains(problem, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    private string Described(string description)
    {
        SafetensorsWriter writer = new();
        WeightFile.Add(new Classifier(device, new(Network, 1, 3, [], [])).Parameters, writer);
        writer.Metadata[ClassifierFile.Key] = description;
        writer.Save(Path);
        return Path;
    }
}
