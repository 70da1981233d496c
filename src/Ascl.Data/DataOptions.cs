namespace Ascl.Data;

/// <summary>How a data set is read, beyond where it is.</summary>
public sealed record DataOptions
{
    /// <summary>Length in pixels that each image's shorter side is resized to; null leaves sizes as they are.</summary>
    public int? Resize { get; init; }

    /// <summary>Side of the square cut from the centre of each image, after resizing; null for none.</summary>
    public int? Crop { get; init; }

    /// <summary>Share of each class that becomes the test part of data without one, in (0, 1]; null for no split.</summary>
    public double? TestShare { get; init; }

    /// <summary>Accept classes without images instead of refusing them.</summary>
    public bool AllowEmptyClasses { get; init; }
}
