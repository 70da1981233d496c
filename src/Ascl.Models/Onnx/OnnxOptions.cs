namespace Ascl.Models.Onnx;

/// <summary>Settings of <see cref="Classifier.FromOnnx"/>.</summary>
public sealed record OnnxOptions
{
    /// <summary>Mean and standard deviation of each channel for images in [0, 1], applied before the file's first layer; null, or both
    /// empty, for none. A file with an input normalisation inside takes no other one.</summary>
    public (float[] Mean, float[] Std)? Normalization { get; init; }

    /// <summary>Whether nodes without a gradient (Round, Floor, Ceil, Sign, casts to integers) pass it on unchanged, instead of
    /// zero.</summary>
    public bool StraightThrough { get; init; }

    /// <summary>Receives what was found in the file, one line each. Null discards it.</summary>
    public Action<string>? Note { get; init; }
}
