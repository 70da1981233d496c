using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;

namespace Ascl.Models.Weights;

/// <summary>What the shapes of saved weights say about their network.</summary>
/// <param name="Channels">Of the images.</param>
/// <param name="Classes">Number of logits.</param>
/// <param name="ProjectionSize">Length of the projected latent, 0 without a projection head.</param>
public sealed record WeightShapes(int Channels, int Classes, int ProjectionSize)
{
    private static readonly string[] FirstLayers = ["conv1.weight", "feature_extractor.conv1.weight"], LastLayers = ["linear.bias", "fc.bias", "classifier.fc3.bias"];

    /// <exception cref="UserErrorException">The file holds no first convolution or no last linear layer under a name known here.</exception>
    public static WeightShapes Of(SafetensorsFile file, string prefix = "")
    {
        string? Found(params string[] names) => names.SelectMany(n => new[] { prefix + n, $"{prefix}module.{n}" }).FirstOrDefault(file.Contains);
        int[] Shape(string[] names, string what) =>
            Found(names) is { } found ? file.Shape(found) : throw new UserErrorException($"{file.Path}: no {what} ({string.Join(", ", names)}): these are not weights of a network known here");
        int[] first = Shape(FirstLayers, "first convolution"), last = Shape(LastLayers, "last layer");
        if (first.Length != 4 || last.Length != 1)
            throw new UserErrorException($"{file.Path}: the first convolution has shape [{string.Join(", ", first)}] and the last bias [{string.Join(", ", last)}]");
        int[] projection = Found("projection.bias") is { } head ? file.Shape(head) : [0];
        if (projection.Length != 1)
            throw new UserErrorException($"{file.Path}: the projection's bias has shape [{string.Join(", ", projection)}]");
        return new(first[1], last[0], projection[0]);
    }
}
