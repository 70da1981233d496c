using Ascl.Data;

namespace Ascl.Robustness.Training;

/// <summary>The images that are trained on, those that the best epoch is chosen by, and how the former are augmented.</summary>
/// <param name="Train">Trained on.</param>
/// <param name="Validation">Held out from training; null for none.</param>
/// <param name="Augmentation">Of the training images.</param>
public sealed record TrainingData(ImageSet Train, ImageSet? Validation, Augmentation Augmentation)
{
    /// <summary>Most images that are held out by default.</summary>
    private const int DefaultValidation = 500;

    /// <summary>The same for the same images: a run goes on with no others.</summary>
    public string ContentHash { get; init; } = Validation is null ? Train.ContentHash : $"{Train.ContentHash}-{Validation.ContentHash}";

    /// <summary>The training part of a data set, some of it held out for validation.</summary>
    /// <param name="data">Only its training part is used.</param>
    /// <param name="settings">How images are augmented, and the seed that decides which are held out.</param>
    /// <param name="validation">Images held out; 0 for none, null for a fifth, at most 500.</param>
    /// <param name="limit">Use only the first images; null for all.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">Nothing would be left to train on.</exception>
    public static TrainingData Of(DataSet data, TrainingSettings settings, int? validation = null, int? limit = null)
    {
        ImageSet all = limit is { } count ? data.Train.Take(count) : data.Train;
        int held = validation ?? ValidationCount(all.Count);
        (ImageSet train, ImageSet? validating) = held > 0 ? ValidationSplit.Of(all, held, settings.Seed) : (all, null);
        return new(train, validating, settings.AugmentationOf(data)) { ContentHash = data.ContentHash };
    }

    /// <summary>Images held out of so many by default.</summary>
    public static int ValidationCount(int images) => Math.Min(DefaultValidation, images / 5);
}
