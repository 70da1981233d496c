using Ascl.Data;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>The training images, the held-out validation images, and the augmentation.</summary>
/// <param name="Train">Training images.</param>
/// <param name="Validation">Images held out to select the best epoch; null for none.</param>
/// <param name="Augmentation">Augmentation of the training images.</param>
public sealed record TrainingData(ImageSet Train, ImageSet? Validation, Augmentation Augmentation)
{
    /// <summary>Maximum number of validation images by default.</summary>
    private const int DefaultValidation = 500;

    /// <summary>Hash of the original images; a run is resumed only with the same original and extra images.</summary>
    public string ContentHash { get; init; } = Validation is null ? Train.ContentHash : $"{Train.ContentHash}-{Validation.ContentHash}";

    /// <summary>Images that take a share of each training batch; null for none.</summary>
    public ExtraImages? Extra { get; init; }

    /// <summary>Hash of the extra images, with their labels; null for none.</summary>
    internal string? ExtraHash => Extra?.Images.ContentHash;

    /// <summary>What the network learned that gave the extra images their labels; null if none did, or it is unknown.</summary>
    public ImageHashes? LearnedByLabels { get; init; }

    /// <summary>What the weights learn: hashes of the training images and the extra ones, and <see cref="LearnedByLabels"/>.</summary>
    internal ImageHashes Learned
    {
        get
        {
            var learned = ImageHashes.Of([.. Train.PixelHashes(), .. Extra?.Images.PixelHashes() ?? []]);
            return LearnedByLabels is null ? learned : learned.Union(LearnedByLabels);
        }
    }

    /// <summary>Splits the training part of a data set into training and validation images.</summary>
    /// <param name="data">Only its training part and its extra images are used.</param>
    /// <param name="settings">Determines the augmentation and the seed of the split.</param>
    /// <param name="validation">Number of validation images; 0 for none; null: a fifth, at most 500.</param>
    /// <param name="limit">Use only the first images; null for all.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">Nothing would be left to train on.</exception>
    public static TrainingData Of(DataSet data, TrainingSettings settings, int? validation = null, int? limit = null)
    {
        ImageSet all = limit is { } count ? data.Train.Take(count) : data.Train;
        int held = validation ?? ValidationCount(all.Count);
        (ImageSet train, ImageSet? validating) = held > 0 ? ValidationSplit.Of(all, held, settings.Seed) : (all, null);
        return new(train, validating, settings.AugmentationOf(data)) { ContentHash = data.ContentHash, Extra = data.Extra };
    }

    /// <summary>Default number of validation images.</summary>
    public static int ValidationCount(int images) => Math.Min(DefaultValidation, images / 5);
}
