using Ascl.Data;

namespace Ascl.Robustness.Training;

/// <summary>The training images, the held-out validation images, and the augmentation.</summary>
/// <param name="Train">Training images.</param>
/// <param name="Validation">Images held out to select the best epoch; null for none.</param>
/// <param name="Augmentation">Augmentation of the training images.</param>
public sealed record TrainingData(ImageSet Train, ImageSet? Validation, Augmentation Augmentation)
{
    /// <summary>Maximum number of validation images by default.</summary>
    private const int DefaultValidation = 500;

    /// <summary>Hash of the images; a run is resumed only with the same images.</summary>
    public string ContentHash { get; init; } = Validation is null ? Train.ContentHash : $"{Train.ContentHash}-{Validation.ContentHash}";

    /// <summary>Splits the training part of a data set into training and validation images.</summary>
    /// <param name="data">Only its training part is used.</param>
    /// <param name="settings">Determines the augmentation and the seed of the split.</param>
    /// <param name="validation">Number of validation images; 0 for none; null: a fifth, at most 500.</param>
    /// <param name="limit">Use only the first images; null for all.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">Nothing would be left to train on.</exception>
    public static TrainingData Of(DataSet data, TrainingSettings settings, int? validation = null, int? limit = null)
    {
        ImageSet all = limit is { } count ? data.Train.Take(count) : data.Train;
        int held = validation ?? ValidationCount(all.Count);
        (ImageSet train, ImageSet? validating) = held > 0 ? ValidationSplit.Of(all, held, settings.Seed) : (all, null);
        return new(train, validating, settings.AugmentationOf(data)) { ContentHash = data.ContentHash };
    }

    /// <summary>Default number of validation images.</summary>
    public static int ValidationCount(int images) => Math.Min(DefaultValidation, images / 5);
}
