using System.Text.Json;
using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>The origin of weights: the threat model and the images of their training. Every file of weights carries it, so that an
/// evaluation can detect training images among its test images.</summary>
/// <param name="Norm">Norm of the training perturbations, linf or l2.</param>
/// <param name="Epsilon">Bound of that norm, for pixels in [0, 1].</param>
/// <param name="Images">The training images, including those of the run that this one started from.</param>
/// <param name="Run">Identifies the run: differs for another configuration or other images.</param>
public sealed record Provenance(string Norm, double Epsilon, ImageHashes Images, string Run)
{
    /// <summary>The validation images that selected the checkpoint; empty if there were none.</summary>
    public ImageHashes ChosenBy { get; init; } = ImageHashes.Of([]);

    /// <summary>Channels, height and width of all these images; images of another size cannot be looked up.</summary>
    public IReadOnlyList<int> Size { get; init; } = [];

    /// <summary>Whether the classification head is untrained, as after contrastive pre-training of the encoder.</summary>
    public bool IsEncoder { get; init; }

    /// <summary>Metadata key of the provenance in a file.</summary>
    public const string Key = "ascl.provenance";

    /// <summary>The provenance as JSON, with snake_case keys.</summary>
    public string Text()
    {
        ProvenanceText text = new(Norm, Epsilon, Images.Text(), Run, ChosenBy.Text(), Size, IsEncoder);
        return JsonSerializer.Serialize(text, ProvenanceJson.Default.ProvenanceText);
    }

    /// <summary>How many of the given images were used for training or for the choice of the checkpoint; null if they have another size,
    /// because their hashes cannot be compared then.</summary>
    /// <param name="size">Channels, height and width of the images.</param>
    /// <param name="pixelHashes">One 64-bit hash per image.</param>
    public int? CountOf(IReadOnlyList<int> size, IEnumerable<ulong> pixelHashes) =>
        size.SequenceEqual(Size) ? Images.Union(ChosenBy).CountOf(pixelHashes) : null;

    /// <summary>Reads the provenance from a file's metadata; null where there is none.</summary>
    /// <param name="metadata">Metadata of a safetensors or ONNX file.</param>
    /// <param name="path">The file's name in error messages.</param>
    /// <exception cref="UserErrorException">The JSON is invalid, or a value is missing or out of range.</exception>
    public static Provenance? Of(IReadOnlyDictionary<string, string> metadata, string path)
    {
        if (!metadata.TryGetValue(Key, out string? text))
            return null;
        try
        {
            ProvenanceText? read = JsonSerializer.Deserialize(text, ProvenanceJson.Default.ProvenanceText);
            if (read is not { Images: not null, Run: not null, ChosenBy: not null, Size.Count: 3 }
                || read is not { Norm: "linf" or "l2", Epsilon: >= 0 and < float.MaxValue })
            {
                throw new FormatException("a value is missing");
            }
            return new(read.Norm, read.Epsilon, ImageHashes.Parse(read.Images), read.Run)
            {
                ChosenBy = ImageHashes.Parse(read.ChosenBy),
                Size = read.Size,
                IsEncoder = read.IsEncoder,
            };
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new UserErrorException($"{path}: the provenance of its weights in its metadata is damaged: {e.Message}", e);
        }
    }

    /// <summary>Reads the provenance of the weights in a safetensors file; null where there is none.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or its provenance is damaged.</exception>
    public static Provenance? Read(string path)
    {
        using TensorFile file = TensorFile.Open(path);
        return Of(file.Metadata, path);
    }

    /// <summary>Adds a provenance to the metadata of a file that is being written; null adds nothing.</summary>
    public static void Write(Provenance? provenance, SafetensorsWriter writer)
    {
        if (provenance is not null)
            writer.Metadata[Key] = provenance.Text();
    }
}

/// <summary>The JSON form of a <see cref="Provenance"/>.</summary>
internal sealed record ProvenanceText(
    string Norm, double Epsilon, string Images, string Run, string ChosenBy, IReadOnlyList<int> Size, bool IsEncoder);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProvenanceText))]
internal sealed partial class ProvenanceJson : JsonSerializerContext;
