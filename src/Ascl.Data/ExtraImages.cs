using Ascl.Core.Diagnostics;

namespace Ascl.Data;

/// <summary>Images of a second data set, of which training draws a share of each batch, such as generated ones (Wang et al. 2023). The
/// length of an epoch follows from the original images.</summary>
/// <param name="Images">Of the size and classes of the original images, with labels as these have.</param>
/// <param name="Share">Of each batch, above 0 and below 1.</param>
public sealed record ExtraImages(ImageSet Images, double Share)
{
    /// <summary>How many images of a batch are extra: the share, rounded.</summary>
    /// <param name="share">Of each batch.</param>
    /// <param name="batchSize">Images in the batch, not counting views.</param>
    public static int CountIn(double share, int batchSize) => (int)Math.Round(share * batchSize, MidpointRounding.AwayFromZero);

    /// <summary>Why batches of a size cannot have a share of extra images; null if they can.</summary>
    /// <param name="share">Of each batch.</param>
    /// <param name="batchSize">Images in the batch, not counting views.</param>
    public static string? Problem(double share, int batchSize)
    {
        int extra = CountIn(share, batchSize);
        return extra > 0 && extra < batchSize
            ? null
            : $"a batch of {batchSize} images would have {extra} extra ones, and is to have original ones, too";
    }

    /// <summary>Checks the size and the classes, and gives the images the class names of the original ones.</summary>
    /// <param name="extra">Extra images.</param>
    /// <param name="originals">Original images.</param>
    /// <exception cref="UserErrorException">They differ.</exception>
    public static ImageSet Fitted(ImageSet extra, ImageSet originals)
    {
        CheckSize(extra, originals);
        // Files without names have as many classes as their largest label tells.
        if (extra.ClassNames.Count > originals.ClassNames.Count)
            throw new UserErrorException($"{extra.Name}: extra images are of {extra.ClassNames.Count} classes, {originals.Name} of "
                + $"{originals.ClassNames.Count}");
        return ClassNames.Difference(extra.ClassNames, originals.Name, originals.ClassNames, "the extra images") is { } difference
            ? throw new UserErrorException($"{extra.Name}: {difference}")
            : extra.WithLabels(extra.Labels, originals.ClassNames);
    }

    /// <exception cref="UserErrorException">The images differ in size.</exception>
    public static void CheckSize(ImageSet extra, ImageSet originals)
    {
        if (!extra.Size.SequenceEqual(originals.Size))
            throw new UserErrorException($"{extra.Name}: extra images are {string.Join('x', extra.Size)}, those of {originals.Name} "
                + $"{string.Join('x', originals.Size)} (channels, rows, columns): resize and crop go for both");
    }

    /// <summary>
    /// The extra images of an epoch, in order. They come from one sequence over the whole training, in which each pass over the extra
    /// images is shuffled anew, so that none is drawn twice before all are drawn once.
    /// </summary>
    /// <param name="count">Images of an epoch.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <returns>For each, its index plus Images.Count times the passes that have ended since the epoch began: an image that comes twice in
    /// an epoch has two numbers, and so random numbers of its own each time.</returns>
    internal int[] Drawn(int count, ulong seed, int epoch)
    {
        int[] drawn = new int[count], order = [];
        var (pass, place) = Math.DivRem((long)epoch * count, Images.Count);
        for (int i = 0, passes = 0; i < count; i++, place++)
        {
            if (place == Images.Count)
                (place, pass, passes, order) = (0, pass + 1, passes + 1, []);
            if (order.Length == 0)
                order = BatchPlan.Shuffle(Images, new(seed, Core.Random.RandomPurpose.ExtraImages, checked((uint)pass)));
            drawn[i] = checked(passes * Images.Count + order[place]);
        }
        return drawn;
    }
}
