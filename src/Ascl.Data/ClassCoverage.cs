namespace Ascl.Data;

/// <summary>Detects subsets of images that lack classes, such as the first images of a file that is sorted by class.</summary>
public static class ClassCoverage
{
    /// <summary>With fewer images per class on average, a class may be missing by chance.</summary>
    private const int ImagesOfEachClass = 4;

    /// <summary>A warning if a subset lacks classes of the whole set and is too large for that to be chance; otherwise nothing.</summary>
    /// <param name="part">Name of the part in the warning, such as "test".</param>
    /// <param name="some">The subset.</param>
    /// <param name="all">The whole set.</param>
    public static IEnumerable<string> Notes(string part, ImageSet some, ImageSet all)
    {
        int there = some.CountByClass().Count(count => count > 0), whole = all.CountByClass().Count(count => count > 0);
        if (there < whole && some.Count >= ImagesOfEachClass * whole)
            yield return $"warning: the {some.Count} {part} images are of {there} of {whole} classes: are they sorted by class?";
    }
}
