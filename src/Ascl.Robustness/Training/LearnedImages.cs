using Ascl.Data;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Training;

/// <summary>What a run learns from and is chosen by, and which of its images should not be where they are.</summary>
/// <param name="before">Of the weights that the run starts from; null where it starts anew or that is not known.</param>
public sealed class LearnedImages(RunConfig config, DataSet data, ImageSet train, ImageSet? validation, Provenance? before)
{
    /// <summary>Fewer in the mean, and some class may be missing by chance.</summary>
    private const int ImagesOfEachClass = 4;

    private readonly ImageHashes learned = ImageHashes.Of(train.PixelHashes());

    /// <summary>Of the weights that the run makes.</summary>
    public Provenance Provenance(string run) => new(config.Norm, config.Epsilon, before is null ? learned : before.Images.Union(learned), run)
    {
        ChosenBy = ImageHashes.Of([.. validation?.PixelHashes() ?? []]),
        Size = train.Size,
        IsEncoder = !RunParts.TrainsLogits(config),
    };

    /// <summary>What a user should know, a line each.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. Repeated(), .. Before("validation", validation), .. Before("test", data.HasTestPart ? data.Test : null),
        .. MissingClasses("training", train, data.Train), .. MissingClasses("test", config.LimitTest is { } limit ? data.Test.Take(limit) : data.Test, data.Test),
    ];

    private IEnumerable<string> Repeated()
    {
        int known = validation is null ? 0 : learned.CountOf(validation.PixelHashes());
        if (known > 0)
            yield return $"warning: {known} of {validation!.Count} validation images are also training images, pixel for pixel: validation accuracy does not tell which epoch is best";
    }

    private IEnumerable<string> Before(string part, ImageSet? images)
    {
        int known = images is null || before is null ? 0 : before.Images.CountOf(images.PixelHashes());
        if (known > 0)
            yield return $"warning: the weights that the run starts from were trained on {known} of the {images!.Count} {part} images: their accuracy says nothing about new images ({config.From}'s own --seed and --test-share keep its parts)";
    }

    /// <summary>Whether some images lack classes that all have, as the first images of a file that is sorted by class do; a line where they do.</summary>
    public static IEnumerable<string> MissingClasses(string part, ImageSet some, ImageSet all)
    {
        int there = some.CountByClass().Count(count => count > 0), whole = all.CountByClass().Count(count => count > 0);
        if (there < whole && some.Count >= ImagesOfEachClass * whole)
            yield return $"warning: the {some.Count} {part} images are of {there} of {whole} classes: are they sorted by class?";
    }
}
