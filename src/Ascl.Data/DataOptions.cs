using Ascl.Core.Diagnostics;

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

    /// <summary>The largest side that images can be given.</summary>
    public const int MaxSide = 4096;

    /// <exception cref="UserErrorException">A number that makes no sense; it is called by its option on the command line.</exception>
    internal void Check()
    {
        if (Resize is < 1 or > MaxSide)
            throw new UserErrorException($"option --resize: {Resize} is not between 1 and {MaxSide}");
        if (Crop is < 1 or > MaxSide)
            throw new UserErrorException($"option --crop: {Crop} is not between 1 and {MaxSide}");
        if (TestShare is { } share && share is not (> 0 and <= 1))
            throw new UserErrorException($"option --test-share: {share} is not above 0 and up to 1");
    }
}
