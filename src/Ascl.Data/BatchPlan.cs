using Ascl.Core.Random;

namespace Ascl.Data;

/// <summary>
/// Which images of a set make up which batch of one pass over it. The last batch holds what is left and may be smaller.
/// </summary>
public sealed class BatchPlan
{
    private readonly int[] order;
    private readonly Augmentation augmentation;
    private readonly ulong seed;
    private readonly int epoch, views;

    private BatchPlan(ImageSet set, int batchSize, int[] order, Augmentation augmentation, ulong seed, int epoch, int views)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        Set = set;
        BatchSize = Math.Min(batchSize, set.Count);
        this.order = order;
        this.augmentation = augmentation;
        this.seed = seed;
        (this.epoch, this.views) = (epoch, views);
    }

    public ImageSet Set { get; }

    /// <summary>Images of every batch but perhaps the last, each counted once.</summary>
    public int BatchSize { get; }

    /// <summary>Number of batches.</summary>
    public int Count => (order.Length + BatchSize - 1) / BatchSize;

    /// <summary>The places in the set, in the order of this pass.</summary>
    public ReadOnlySpan<int> Order => order;

    /// <summary>An epoch of training: shuffled and augmented by (seed, epoch, image id).</summary>
    /// <param name="views">How often a batch holds each of its images, every time augmented in another way: 1 or 2.</param>
    public static BatchPlan Training(ImageSet set, int batchSize, Augmentation augmentation, ulong seed, int epoch, int views = 1) =>
        new(set, batchSize, Shuffle(set, new RandomKey(seed, RandomPurpose.Shuffle, (uint)epoch)), augmentation, seed, epoch, views);

    /// <summary>The images as they are, in the set's order.</summary>
    public static BatchPlan Evaluation(ImageSet set, int batchSize) =>
        new(set, batchSize, [.. Enumerable.Range(0, set.Count)], Augmentation.None, 0, 0, 1);

    /// <summary>Room for any batch of this plan.</summary>
    public Batch NewBatch() => new(Set, BatchSize * views);

    /// <summary>Puts batch number <paramref name="index"/> (0…<see cref="Count"/>−1) into <paramref name="batch"/>.</summary>
    public void Fill(int index, Batch batch)
    {
        int start = checked(index * BatchSize);
        batch.Fill(Set, order.AsSpan(start, Math.Min(BatchSize, order.Length - start)), augmentation, seed, epoch, views);
    }

    /// <summary>The set's places in the order of 64 random bits drawn for each image by its id: two images keep their order whatever other
    /// images are in the set.</summary>
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
