using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Training;

/// <summary>Records which images a model was trained on and selected by, and finds those that leak into other parts of the data.</summary>
public static class TrainedImages
{
    /// <summary>The provenance of the weights that training produces.</summary>
    /// <param name="before">Provenance of the initial weights; null if they are random or it is unknown.</param>
    /// <param name="threat">Threat model of training.</param>
    /// <param name="run">Id of the run.</param>
    /// <param name="isEncoder">Whether only an encoder is trained.</param>
    public static Provenance Provenance(TrainingData data, Provenance? before, ThreatModel threat, string run, bool isEncoder)
    {
        ImageHashes learned = data.Learned;
        return new(NameText.Of(threat.Norm), threat.Epsilon,
            before is null ? learned : before.Images.Union(learned), run)
        {
            ChosenBy = ImageHashes.Of([.. data.Validation?.PixelHashes() ?? []]),
            Size = data.Train.Size,
            IsEncoder = isEncoder,
        };
    }

    /// <summary>Notes for the user about overlaps between parts and missing classes, one line each.</summary>
    /// <param name="data">The training and validation images.</param>
    /// <param name="all">The data set they are from.</param>
    /// <param name="limitTest">Number of test images used; null for all.</param>
    /// <param name="before">Provenance of the initial weights; null if they are random or it is unknown.</param>
    /// <param name="from">Name of the initial weights, for messages.</param>
    public static IReadOnlyList<string> Notes(TrainingData data, DataSet all, int? limitTest, Provenance? before, string? from) =>
    [
        .. ValidationOverlap(data), .. ExtraOverlap(data, all),
        .. PretrainingOverlap(data, all, before, "the weights that the run starts from", from),
        .. ClassCoverage.Notes("training", data.Train, all.Train),
        .. ClassCoverage.Notes("test", limitTest is { } limit ? all.Test.Take(limit) : all.Test, all.Test),
    ];

    /// <summary>Notes on overlaps with what the natural network was trained on, whose predictions are learned, one line each.</summary>
    /// <param name="natural">Provenance of its weights; null if it is unknown or there is no such network.</param>
    /// <param name="name">Its name, for messages.</param>
    internal static IEnumerable<string> NotesOnNatural(TrainingData data, DataSet all, Provenance? natural, string? name) =>
        PretrainingOverlap(data, all, natural, "the weights of the natural network", name);

    private static IEnumerable<string> ValidationOverlap(TrainingData data)
    {
        int known = data.Validation is null ? 0 : ImageHashes.Of(data.Train.PixelHashes()).CountOf(data.Validation.PixelHashes());
        if (known > 0)
            yield return $"warning: {known} of {data.Validation!.Count} validation images are also training images, pixel for pixel: "
                + "validation accuracy cannot tell which epoch is best";
    }

    private static IEnumerable<string> ExtraOverlap(TrainingData data, DataSet all)
    {
        if (data.Extra is null)
            yield break;
        var extra = ImageHashes.Of(data.Extra.Images.PixelHashes());
        foreach (var (part, images) in Judging(data, all))
        {
            int known = extra.CountOf(images.PixelHashes());
            if (known > 0)
                yield return $"warning: {known} of the {images.Count} {part} images are also among the extra images, pixel for pixel: "
                    + "their accuracy says nothing about new images";
        }
    }

    /// <summary>The parts that tell how good weights are.</summary>
    private static IEnumerable<(string Part, ImageSet Images)> Judging(TrainingData data, DataSet all)
    {
        if (data.Validation is not null)
            yield return ("validation", data.Validation);
        if (all.HasTestPart)
            yield return ("test", all.Test);
    }

    private static IEnumerable<string> PretrainingOverlap(TrainingData data, DataSet all, Provenance? before, string weights, string? from)
    {
        foreach (var (part, images) in Judging(data, all))
        {
            int known = before?.Images.CountOf(images.PixelHashes()) ?? 0;
            if (known > 0)
                yield return $"warning: {weights} were trained on {known} of the {images.Count} {part} images: "
                    + $"their accuracy says nothing about new images ({from}'s own seed and test-share keep its parts)";
        }
    }
}
