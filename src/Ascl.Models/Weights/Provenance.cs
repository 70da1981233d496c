using System.Text.Json;
using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>Where weights come from: what they were trained against and on. It goes with them into every file, so that no image they have learned is taken for a
/// test image later.</summary>
/// <param name="Norm">linf or l2: of the perturbations that training is about.</param>
/// <param name="Epsilon">Their bound.</param>
/// <param name="Images">The images trained on, also by the run that this one started from.</param>
/// <param name="Run">What tells the run from others of another configuration or other images.</param>
public sealed record Provenance(string Norm, double Epsilon, ImageHashes Images, string Run)
{
    /// <summary>The images that the epoch was chosen by; empty where there were none.</summary>
    public ImageHashes ChosenBy { get; init; } = ImageHashes.Of([]);

    /// <summary>Channels, height and width of all these images: those of another size cannot be looked up.</summary>
    public IReadOnlyList<int> Size { get; init; } = [];

    /// <summary>Whether the logits are those of a layer that was never trained: pre-training makes an encoder.</summary>
    public bool IsEncoder { get; init; }

    /// <summary>Under which the metadata of a file have it.</summary>
    public const string Key = "ascl.provenance";

    /// <summary>As JSON.</summary>
    public string Text() => JsonSerializer.Serialize(new(Norm, Epsilon, Images.Text(), Run, ChosenBy.Text(), Size, IsEncoder), ProvenanceJson.Default.ProvenanceText);

    /// <summary>How many of some images the weights have learned or were chosen by; null where that cannot be told, as they are of another size.</summary>
    public int? CountOf(IReadOnlyList<int> size, IEnumerable<ulong> pixelHashes) => size.SequenceEqual(Size) ? Images.Union(ChosenBy).CountOf(pixelHashes) : null;

    /// <summary>What a file's metadata say; null where they say nothing.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="UserErrorException">What they say is damaged.</exception>
    public static Provenance? Of(IReadOnlyDictionary<string, string> metadata, string path)
    {
        if (!metadata.TryGetValue(Key, out string? text))
            return null;
        try
        {
            return JsonSerializer.Deserialize(text, ProvenanceJson.Default.ProvenanceText) is { Norm: "linf" or "l2", Epsilon: >= 0 and < float.MaxValue, Images: { } images, Run: not null, ChosenBy: { } chosenBy, Size.Count: 3 } read
                ? new(read.Norm, read.Epsilon, ImageHashes.Parse(images), read.Run) { ChosenBy = ImageHashes.Parse(chosenBy), Size = read.Size, IsEncoder = read.IsEncoder }
                : throw new FormatException("a value is missing");
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            throw new UserErrorException($"{path}: the provenance of its weights in its metadata is damaged: {e.Message}", e);
        }
    }

    /// <summary>That of the weights in a safetensors file; null where it says nothing.</summary>
    /// <exception cref="UserErrorException">The file cannot be read, or what it says is damaged.</exception>
    public static Provenance? Read(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        return Of(file.Metadata, path);
    }

    /// <summary>Writes it into a file that will hold the weights; null writes nothing.</summary>
    public static void Write(Provenance? provenance, SafetensorsWriter writer)
    {
        if (provenance is not null)
            writer.Metadata[Key] = provenance.Text();
    }
}

/// <summary>A provenance as it stands in a file.</summary>
internal sealed record ProvenanceText(string Norm, double Epsilon, string Images, string Run, string ChosenBy, IReadOnlyList<int> Size, bool IsEncoder);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ProvenanceText))]
internal sealed partial class ProvenanceJson : JsonSerializerContext;
