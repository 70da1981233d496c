namespace Ascl.Data;

/// <summary>Whether some images are of all classes.</summary>
public static class ClassCoverage
{
    /// <summary>Fewer in the mean, and some class may be missing by chance.</summary>
    private const int ImagesOfEachClass = 4;

    /// <summary>A line where some of the images lack classes that all have, as the first images of a file that is sorted by class do.</summary>
    /// <param name="part">What the images are, as in "test".</param>
    public static IEnumerable<string> Notes(string part, ImageSet some, ImageSet all)
    {
        int there = some.CountByClass().Count(count => count > 0), whole = all.CountByClass().Count(count => count > 0);
        if (there < whole && some.Count >= ImagesOfEachClass * whole)
            yield return $"warning: the {some.Count} {part} images are of {there} of {whole} classes: are they sorted by class?";
    }
}
