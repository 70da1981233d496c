using Ascl.Core.Random;

namespace Ascl.Data;

/// <summary>
/// Divides one pass over an image set into batches. The last batch may be smaller.
/// </summary>
public sealed class BatchPlan
{
    private readonly int[] order;
    private readonly Augmentation augmentation;
    private readonly ulong seed;
    private readonly int epoch, views;

    private readonly ImageSet? extra;

    private BatchPlan(ImageSet set, int batchSize, int[] order, Augmentation augmentation, ulong seed, int epoch, int views,
        ImageSet? extra = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        Set = set;
        BatchSize = Math.Min(batchSize, order.Length);
        this.order = order;
        this.extra = extra;
        this.augmentation = augmentation;
        this.seed = seed;
        (this.epoch, this.views) = (epoch, views);
    }

    /// <summary>The images.</summary>
    public ImageSet Set { get; }

    /// <summary>Images per batch, not counting views; at most the number of images in the plan.</summary>
    public int BatchSize { get; }

    /// <summary>Number of batches.</summary>
    public int Count => (order.Length + BatchSize - 1) / BatchSize;

    /// <summary>Indices into the set in the order of this pass. Those above are of extra images: less the number of images in the set, and
    /// modulo that of extra ones, indices into these.</summary>
    public ReadOnlySpan<int> Order => order;

    /// <summary>An epoch of training: shuffled by (seed, epoch, image id) and augmented.</summary>
    /// <param name="set">The training images.</param>
    /// <param name="batchSize">Images per batch, not counting views; at least 1.</param>
    /// <param name="augmentation">Applied to each view of each image.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="views">Independently augmented copies of each image in its batch: 1 or 2.</param>
    /// <param name="extra">Images that take a share of each batch, augmented in the same way; null for none. The pass is over
    /// <paramref name="set"/>.</param>
    /// <exception cref="ArgumentException">The share of a batch is no image, or all of them.</exception>
    public static BatchPlan Training(ImageSet set, int batchSize, Augmentation augmentation, ulong seed, int epoch, int views = 1,
        ExtraImages? extra = null)
    {
        int[] order = Shuffle(set, new RandomKey(seed, RandomPurpose.Shuffle, (uint)epoch));
        if (extra is not null)
            order = Mixed(order, batchSize, extra, seed, epoch);
        return new(set, batchSize, order, augmentation, seed, epoch, views, extra?.Images);
    }

    /// <summary>One pass over the unchanged images in the set's order.</summary>
    public static BatchPlan Evaluation(ImageSet set, int batchSize) =>
        new(set, batchSize, [.. Enumerable.Range(0, set.Count)], Augmentation.None, 0, 0, 1);

    /// <summary>An empty buffer that is large enough for each batch of this plan.</summary>
    public Batch NewBatch() => new(Set, BatchSize * views);

    /// <summary>Images in batch <paramref name="index"/>, not counting views.</summary>
    public int CountOf(int index) => Math.Min(BatchSize, order.Length - checked(index * BatchSize));

    /// <summary>Fills <paramref name="batch"/> with batch <paramref name="index"/>, 0…<see cref="Count"/>−1.</summary>
    public void Fill(int index, Batch batch) => Fill(index, .., batch);

    /// <summary>Fills <paramref name="batch"/> with some images of batch <paramref name="index"/>.</summary>
    /// <param name="index">0…<see cref="Count"/>−1.</param>
    /// <param name="images">A range of the batch's images, not counting views.</param>
    /// <param name="batch">Receives the images.</param>
    public void Fill(int index, Range images, Batch batch) =>
        batch.Fill(Set, extra, order.AsSpan(checked(index * BatchSize), CountOf(index))[images], augmentation, seed, epoch, views);

    /// <summary>Puts extra images into each batch, evenly between the original ones, so that shards of a batch have some, too.</summary>
    private static int[] Mixed(int[] originals, int batchSize, ExtraImages extra, ulong seed, int epoch)
    {
        if (ExtraImages.Problem(extra.Share, batchSize) is { } problem)
            throw new ArgumentException(problem, nameof(extra));
        int share = ExtraImages.CountIn(extra.Share, batchSize), rest = batchSize - share;
        // The last batch has fewer of both.
        int last = originals.Length % rest, lastShare = (int)Math.Round((double)last * share / rest, MidpointRounding.AwayFromZero);
        int count = checked(originals.Length / rest * share + lastShare);
        int[] drawn = extra.Drawn(count, seed, epoch), mixed = new int[checked(originals.Length + count)];
        for (int i = 0, taken = 0; i < mixed.Length; i++)
        {
            int begin = i / batchSize * batchSize, size = Math.Min(batchSize, mixed.Length - begin);
            long own = size == batchSize ? share : lastShare;
            bool isExtra = (i - begin + 1) * own / size > (i - begin) * own / size;
            mixed[i] = isExtra ? checked(originals.Length + drawn[taken++]) : originals[i - taken];
        }
        return mixed;
    }

    /// <summary>The set's indices, sorted by 64 random bits that depend on the image's id only: the relative order of two images does not
    /// depend on the other images in the set.</summary>
    internal static int[] Shuffle(ImageSet set, RandomKey key)
    {
        int[] order = new int[set.Count];
        (ulong Rank, int Id)[] ranks = new (ulong, int)[set.Count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
            var (x, y, _, _) = Philox.Block(key.For(set.Ids[i]), 0);
            ranks[i] = ((ulong)x << 32 | y, set.Ids[i]);
        }
        Array.Sort(ranks, order);
        return order;
    }
}
