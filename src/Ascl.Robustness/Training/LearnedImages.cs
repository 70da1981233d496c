using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Training;

/// <summary>Which images training learns from and chooses by, and which of them are in a part where they should not be.</summary>
public static class LearnedImages
{
    /// <summary>Of the weights that training makes.</summary>
    /// <param name="before">Of the weights that it starts from; null where they are new or it is not known.</param>
    /// <param name="threat">What is trained against.</param>
    /// <param name="run">What tells the run from others.</param>
    /// <param name="isEncoder">Whether no classifier is trained.</param>
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

    /// <summary>What a user should know of the parts, a line each.</summary>
    /// <param name="data">Trained on.</param>
    /// <param name="all">The data set that it is of.</param>
    /// <param name="limitTest">Test images that are used; null for all.</param>
    /// <param name="before">Of the weights that training starts from; null where they are new or it is not known.</param>
    /// <param name="from">What these weights are called.</param>
    public static IReadOnlyList<string> Notes(TrainingData data, DataSet all, int? limitTest, Provenance? before, string? from) =>
    [
        .. Repeated(data), .. Before("validation", data.Validation, before, from),
        .. Before("test", all.HasTestPart ? all.Test : null, before, from),
        .. ClassCoverage.Notes("training", data.Train, all.Train),
        .. ClassCoverage.Notes("test", limitTest is { } limit ? all.Test.Take(limit) : all.Test, all.Test),
    ];

    private static IEnumerable<string> Repeated(TrainingData data)
    {
        int known = data.Validation is null ? 0 : ImageHashes.Of(data.Train.PixelHashes()).CountOf(data.Validation.PixelHashes());
        if (known > 0)
            yield return $"warning: {known} of {data.Validation!.Count} validation images are also training images, pixel for pixel: "
                + "validation accuracy does not tell "
                + "which epoch is best";
    }

    private static IEnumerable<string> Before(string part, ImageSet? images, Provenance? before, string? from)
    {
        int known = images is null || before is null ? 0 : before.Images.CountOf(images.PixelHashes());
        if (known > 0)
            yield return $"warning: the weights that the run starts from were trained on {known} of the {images!.Count} {part} images: "
                + "their accuracy says nothing about new "
                + $"images ({from}'s own seed and test-share keep its parts)";
    }
}
