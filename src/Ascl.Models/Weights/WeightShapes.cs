using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Models.Weights;

/// <summary>Sizes of a network, read from the shapes of its saved weights.</summary>
/// <param name="Channels">Channels of the images: inputs of the first convolution.</param>
/// <param name="Classes">Number of logits: length of the last bias.</param>
/// <param name="ProjectionSize">Output size of the projection head; 0 without one.</param>
public sealed record WeightShapes(int Channels, int Classes, int ProjectionSize)
{
    internal static IReadOnlyList<string> FirstLayers { get; } =
        ["conv1.weight", "feature_extractor.conv1.weight", "features.0.weight", "init_conv.weight", "conv_2d.weight"];
    internal static IReadOnlyList<string> LastLayers { get; } =
        ["linear.bias", "fc.bias", "classifier.fc3.bias", "classifier.bias", "logits.bias"];

    /// <summary>Reads the sizes of the network whose weights are in a file.</summary>
    /// <param name="file">The file of weights.</param>
    /// <param name="prefix">Prefix of their names in the file; empty, or ends in a dot.</param>
    /// <exception cref="UserErrorException">The file has no first convolution or last linear layer under a known name, or their shapes are
    /// invalid.</exception>
    public static WeightShapes Of(TensorFile file, string prefix = "") => Of(new WeightSet(file, prefix));

    internal static WeightShapes Of(WeightSet set)
    {
        string path = set.File.Path;
        int[] first = Shape(FirstLayers, "first convolution"), last = Shape(LastLayers, "last layer");
        if (first.Length != 4 || last.Length != 1 || first.Contains(0) || last[0] == 0)
        {
            throw new UserErrorException(
                $"{path}: the first convolution has shape [{string.Join(", ", first)}] and the last bias [{string.Join(", ", last)}]");
        }
        int[] projection = set.Find("projection.bias") is { } head ? set.File.Shape(head) : [0];
        if (projection.Length != 1)
            throw new UserErrorException($"{path}: the projection's bias has shape [{string.Join(", ", projection)}]");
        return new(first[1], last[0], projection[0]);

        int[] Shape(IReadOnlyList<string> names, string what) =>
            names.Select(set.Find).FirstOrDefault(name => name is not null) is { } found
            ? set.File.Shape(found)
            : throw new UserErrorException($"{path}: no {what} ({string.Join(", ", names)}): these are not weights of a known network");
    }
}
