using System.Text.Json;
using System.Text.Json.Serialization;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;
using Ascl.Models.Networks;

namespace Ascl.Models.Weights;

/// <summary>A classifier in a file: its weights under PyTorch's names, and in the metadata what it is made of.</summary>
public static class ClassifierFile
{
    /// <summary>Under which a file's metadata say what the classifier is made of.</summary>
    public const string Key = "ascl.classifier";

    public static void Save(string path, Classifier model)
    {
        SafetensorsWriter writer = new();
        WeightFile.Add(model.Parameters, writer);
        Describe(model.Spec, writer);
        writer.Save(path);
    }

    /// <summary>Writes down what a classifier is made of, in a file that will hold its weights.</summary>
    public static void Describe(ClassifierSpec spec, SafetensorsWriter writer) =>
        writer.Metadata[Key] = Described(spec);

    /// <summary>What a classifier is made of, as JSON.</summary>
    public static string Described(ClassifierSpec spec) => JsonSerializer.Serialize(spec, ClassifierJson.Default.ClassifierSpec);

    /// <summary>The classifier in a file.</summary>
    /// <param name="device">Where it shall live.</param>
    /// <param name="path">Ours, or a PyTorch state dict saved as safetensors.</param>
    /// <param name="network">The network's name; null where the file says it itself, as ours do.</param>
    /// <param name="normalization">Mean and standard deviation of the input layer; null for what the file says, or none.</param>
    /// <param name="activation">Of the network; null for what the file says, or ReLU.</param>
    /// <exception cref="UserErrorException">The file is damaged, or not of this network.</exception>
    public static Classifier Load(Device device, string path, string? network = null, (float[] Mean, float[] Std)? normalization = null,
        Activation? activation = null)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        ClassifierSpec? written = Written(file);
        if (network is null && written is null)
            throw new UserErrorException($"{path}: does not say what network it is of: name it with --model");
        WeightShapes shapes = WeightShapes.Of(file);
        string name = NetworkCatalog.VariantOf(network ?? written!.Network, file.Names);
        var (mean, std) = normalization ?? (written is null ? ([], []) : (written.Mean, written.Std));
        if (mean.Length != 0 && mean.Length != shapes.Channels)
            throw new UserErrorException($"{path}: the network takes images of {shapes.Channels} channels, the input normalisation has {mean.Length}");
        Classifier model = new(device, new(name, shapes.Channels, shapes.Classes, mean, std, shapes.ProjectionSize, activation ?? written?.Activation ?? Activation.Relu), seed: null);
        WeightFile.Load(model.Parameters, file);
        return model;
    }

    /// <summary>What a file says its classifier is made of; null where it says nothing.</summary>
    /// <exception cref="UserErrorException">What it says is damaged.</exception>
    public static ClassifierSpec? Written(SafetensorsFile file)
    {
        try
        {
            return file.Metadata.TryGetValue(Key, out string? text) ? JsonSerializer.Deserialize(text, ClassifierJson.Default.ClassifierSpec) : null;
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{file.Path}: the description of the classifier in its metadata is damaged: {e.Message}", e);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ClassifierSpec))]
[JsonSerializable(typeof(string[]))]
internal sealed partial class ClassifierJson : JsonSerializerContext;
