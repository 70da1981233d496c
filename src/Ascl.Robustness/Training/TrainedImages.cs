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
        ImageHashes learned = ImageHashes.Of(data.Train.PixelHashes());
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
        .. ValidationOverlap(data), .. PretrainingOverlap("validation", data.Validation, before, from),
        .. PretrainingOverlap("test", all.HasTestPart ? all.Test : null, before, from),
        .. ClassCoverage.Notes("training", data.Train, all.Train),
        .. ClassCoverage.Notes("test", limitTest is { } limit ? all.Test.Take(limit) : all.Test, all.Test),
    ];

    private static IEnumerable<string> ValidationOverlap(TrainingData data)
    {
        int known = data.Validation is null ? 0 : ImageHashes.Of(data.Train.PixelHashes()).CountOf(data.Validation.PixelHashes());
        if (known > 0)
            yield return $"warning: {known} of {data.Validation!.Count} validation images are also training images, pixel for pixel: "
                + "validation accuracy cannot tell which epoch is best";
    }

    private static IEnumerable<string> PretrainingOverlap(string part, ImageSet? images, Provenance? before, string? from)
    {
        int known = images is null || before is null ? 0 : before.Images.CountOf(images.PixelHashes());
        if (known > 0)
            yield return $"warning: the weights that the run starts from were trained on {known} of the {images!.Count} {part} images: "
                + $"their accuracy says nothing about new images ({from}'s own seed and test-share keep its parts)";
    }
}
