using Ascl.Core.Diagnostics;

namespace Ascl.Data;

/// <summary>Training and test images of the same classes and size. Opened by <see cref="DataSource.Open"/>.</summary>
public sealed record DataSet
{
    /// <param name="augmentation">What suits these images in training.</param>
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

    public string Name { get; }
    public ImageSet Train { get; }
    public ImageSet Test { get; }
    public Augmentation Augmentation { get; }
    public IReadOnlyList<string> ClassNames => Train.ClassNames;

    /// <summary>The mean and standard deviation a channel that the field uses for this data set; null where there is none.</summary>
    public (float[] Mean, float[] Std)? KnownNormalization { get; init; }

    /// <summary>Whether there are test images. Without, <see cref="Test"/> is <see cref="Train"/>: an accuracy there says nothing about new
    /// images.</summary>
    public bool HasTestPart { get; init; } = true;

    /// <summary>Whether there are training images. Without, <see cref="Train"/> is <see cref="Test"/>: for evaluation only.</summary>
    public bool HasTrainPart { get; init; } = true;

    /// <summary>What a user should know of how the data were read, a line each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Hash of both parts: their pixels, labels, sizes and class names.</summary>
    public string ContentHash => ReferenceEquals(Train, Test) ? Train.ContentHash : $"{Train.ContentHash}-{Test.ContentHash}";

    /// <summary>Mean and standard deviation a channel for the model's input layer: the known ones, or those of the training images. A
    /// channel that never changes gets 1, so that it can be divided by.</summary>
    public (float[] Mean, float[] Std) Normalization()
    {
        if (KnownNormalization is { } known)
            return known;
        var (mean, std) = Train.ChannelStatistics();
        return (mean, [.. std.Select(value => value > 1e-6f ? value : 1)]);
    }

    private static string Size(ImageSet set) => $"{set.Channels}x{set.Height}x{set.Width}";
}
