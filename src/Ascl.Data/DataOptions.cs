using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;

namespace Ascl.Data;

/// <summary>Settings of how a data set is read.</summary>
public sealed record DataOptions
{
    /// <summary>Upper bound of <see cref="Resize"/> and <see cref="Crop"/>, in pixels.</summary>
    public const int MaxSide = 4096;

    /// <summary>Resizes each image so that its shorter side has this length in pixels; null for no resizing.</summary>
    [Setting("resize", "Resize each image so that its shorter side has N pixels (antialiased, as torchvision's Resize).",
        Min = 1, Max = MaxSide)]
    public int? Resize { get; init; }

    /// <summary>Crops a square with this side in pixels from the centre of each image, after resizing; null for no crop.</summary>
    [Setting("crop", "Cut N x N pixels from the centre of each image, after resizing: makes images of any sizes alike.",
        Min = 1, Max = MaxSide)]
    public int? Crop { get; init; }

    /// <summary>Fraction of each class, in (0, 1], that becomes the test part of data without one; null for no split.</summary>
    [Setting("test-share",
        "Make this share of each class the test part of data without one: 0.2 for a fifth, always the same images; "
            + "1 for all, to evaluate on.",
        Form = "SHARE", Above = 0, Max = 1)]
    public double? TestShare { get; init; }

    /// <summary>Whether to accept classes without images, which are an error by default.</summary>
    [Setting("allow-empty-classes",
        "Read classes that have no images. Without, they are an error: labels that count from 1, or a folder that is empty by mistake.",
        IsSwitch = true)]
    public bool AllowEmptyClasses { get; init; }
}
