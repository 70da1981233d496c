using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>What the shapes of saved weights say about their network.</summary>
/// <param name="Channels">Of the images.</param>
/// <param name="Classes">Number of logits.</param>
/// <param name="ProjectionSize">Length of the projected latent, 0 without a projection head.</param>
public sealed record WeightShapes(int Channels, int Classes, int ProjectionSize)
{
    internal static IReadOnlyList<string> FirstLayers { get; } = ["conv1.weight", "feature_extractor.conv1.weight"];
    internal static IReadOnlyList<string> LastLayers { get; } = ["linear.bias", "fc.bias", "classifier.fc3.bias"];

    /// <param name="file">Where the weights are.</param>
    /// <param name="prefix">Of their names in the file.</param>
    /// <exception cref="UserErrorException">The file holds no first convolution or no last linear layer under a name known here.</exception>
    public static WeightShapes Of(SafetensorsFile file, string prefix = "") => Of(new WeightSet(file, prefix));

    internal static WeightShapes Of(WeightSet set)
    {
        string path = set.File.Path;
        int[] first = Shape(FirstLayers, "first convolution"), last = Shape(LastLayers, "last layer");
        if (first.Length != 4 || last.Length != 1 || first.Contains(0) || last[0] == 0)
            throw new UserErrorException($"{path}: the first convolution has shape [{string.Join(", ", first)}] and the last bias [{string.Join(", ", last)}]");
        int[] projection = set.Find("projection.bias") is { } head ? set.File.Shape(head) : [0];
        if (projection.Length != 1)
            throw new UserErrorException($"{path}: the projection's bias has shape [{string.Join(", ", projection)}]");
        return new(first[1], last[0], projection[0]);

        int[] Shape(IReadOnlyList<string> names, string what) => names.Select(set.Find).FirstOrDefault(name => name is not null) is { } found
            ? set.File.Shape(found)
            : throw new UserErrorException($"{path}: no {what} ({string.Join(", ", names)}): these are not weights of a network known here");
    }
}
