using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;

namespace Ascl.Data;

/// <summary>How a data set is read, beyond where it is.</summary>
public sealed record DataOptions
{
    /// <summary>The largest side that images can be given.</summary>
    public const int MaxSide = 4096;

    /// <summary>Length in pixels that each image's shorter side is resized to; null leaves sizes as they are.</summary>
    [Setting("resize", "Resize each image so that its shorter side has N pixels (antialiased, as torchvision's Resize).", Min = 1, Max = MaxSide)]
    public int? Resize { get; init; }

    /// <summary>Side of the square cut from the centre of each image, after resizing; null for none.</summary>
    [Setting("crop", "Cut N x N pixels from the centre of each image, after resizing: makes images of any sizes alike.", Min = 1, Max = MaxSide)]
    public int? Crop { get; init; }

    /// <summary>Share of each class that becomes the test part of data without one, in (0, 1]; null for no split.</summary>
    [Setting("test-share", "Make this share of each class the test part of data without one: 0.2 for a fifth, always the same images; 1 for all, to evaluate on.",
        Form = "SHARE", Above = 0, Max = 1)]
    public double? TestShare { get; init; }

    /// <summary>Accept classes without images instead of refusing them.</summary>
    [Setting("allow-empty-classes", "Read classes that have no images. Without, they are an error: labels that count from 1, or a folder that is empty by mistake.",
        IsSwitch = true)]
    public bool AllowEmptyClasses { get; init; }
}
