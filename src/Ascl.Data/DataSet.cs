using Ascl.Core.Diagnostics;

namespace Ascl.Data;

/// <summary>Training and test images with the same classes and image size. <see cref="DataSource.Open"/> opens one.</summary>
public sealed record DataSet
{
    /// <summary>A data set of two parts, or of one part given twice.</summary>
    /// <param name="name">Name in messages and reports.</param>
    /// <param name="train">The training images.</param>
    /// <param name="test">The test images; <paramref name="train"/> if there are none.</param>
    /// <param name="augmentation">The default augmentation in training.</param>
    /// <exception cref="UserErrorException">The parts differ in image size, channels or classes.</exception>
    public DataSet(string name, ImageSet train, ImageSet test, Augmentation augmentation)
    {
        Name = name;
        Train = train;
        Test = test;
        Augmentation = augmentation;
        HasTestPart = !ReferenceEquals(train, test);
        if ((train.Channels, train.Height, train.Width) != (test.Channels, test.Height, test.Width))
            throw new UserErrorException($"{name}: training images are {Size(train)} but test images {Size(test)}");
        if (!train.ClassNames.SequenceEqual(test.ClassNames))
            throw new UserErrorException($"{name}: training and test images have different classes");
    }

    /// <summary>Name in messages and reports.</summary>
    public string Name { get; }

    /// <summary>The training images, or the test images if <see cref="HasTrainPart"/> is false.</summary>
    public ImageSet Train { get; }

    /// <summary>The test images, or the training images if <see cref="HasTestPart"/> is false.</summary>
    public ImageSet Test { get; }

    /// <summary>The default augmentation in training.</summary>
    public Augmentation Augmentation { get; }

    /// <summary>Images of a second data set that training draws a share of each batch from; null for none.</summary>
    public ExtraImages? Extra { get; init; }

    /// <summary>Names of the classes by label.</summary>
    public IReadOnlyList<string> ClassNames => Train.ClassNames;

    /// <summary>The usual mean and standard deviation of each channel for this data set, for pixels in [0, 1]; null where there are
    /// none.</summary>
    public (float[] Mean, float[] Std)? KnownNormalization { get; init; }

    /// <summary>Whether there are test images. If not, <see cref="Test"/> is <see cref="Train"/>, and accuracies on it do not measure
    /// generalisation.</summary>
    public bool HasTestPart { get; init; } = true;

    /// <summary>Whether there are training images. If not, <see cref="Train"/> is <see cref="Test"/>, and the set is for evaluation
    /// only.</summary>
    public bool HasTrainPart { get; init; } = true;

    /// <summary>Notes for the user on how the data were read and what was found in them, one line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Hash of pixels, labels, sizes and class names of both parts (<see cref="ImageSet.ContentHash"/>).</summary>
    public string ContentHash => ReferenceEquals(Train, Test) ? Train.ContentHash : $"{Train.ContentHash}-{Test.ContentHash}";

    /// <summary>Mean and standard deviation of each channel for a model's input normalisation: <see cref="KnownNormalization"/>, or those
    /// of the training images. The standard deviation of a constant channel is 1.</summary>
    public (float[] Mean, float[] Std) Normalization()
    {
        if (KnownNormalization is { } known)
            return known;
        var (mean, std) = Train.ChannelStatistics();
        return (mean, [.. std.Select(value => value > 1e-6f ? value : 1)]);
    }

    private static string Size(ImageSet set) => $"{set.Channels}x{set.Height}x{set.Width}";
}
