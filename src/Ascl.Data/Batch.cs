namespace Ascl.Data;

/// <summary>A reusable buffer for the images of one batch, filled by <see cref="BatchPlan"/>. With two views, the first views of all
/// images come first, then the second views in the same order.</summary>
public sealed class Batch
{
    private readonly float[] images;
    private readonly int[] labels, ids;
    private readonly float[] unchanged;
    private readonly int imageLength;

    internal Batch(ImageSet set, int capacity)
    {
        imageLength = set.ImageLength;
        images = new float[checked(capacity * imageLength)];
        labels = new int[capacity];
        ids = new int[capacity];
        unchanged = new float[imageLength];
    }

    /// <summary>All images of a set, unchanged and in the set's order.</summary>
    public static Batch Of(ImageSet set)
    {
        BatchPlan plan = BatchPlan.Evaluation(set, set.Count);
        Batch batch = plan.NewBatch();
        plan.Fill(0, batch);
        return batch;
    }

    /// <summary>Number of images in the batch; each view counts.</summary>
    public int Count { get; private set; }

    /// <summary>The pixels: Count·C·H·W floats in [0, 1], NCHW.</summary>
    public ReadOnlySpan<float> Images => images.AsSpan(0, Count * imageLength);

    /// <summary>The class of each image.</summary>
    public ReadOnlySpan<int> Labels => labels.AsSpan(0, Count);

    /// <summary>The id of each image (<see cref="ImageSet.Ids"/>), or its bitwise complement for a second view. They key the random numbers
    /// of attacks, so each view gets its own.</summary>
    public ReadOnlySpan<int> Ids => ids.AsSpan(0, Count);

    internal void Fill(ImageSet set, ReadOnlySpan<int> indices, Augmentation augmentation, ulong seed, int epoch, int views)
    {
        Count = indices.Length * views;
        for (int i = 0; i < Count; i++)
        {
            int index = indices[i % indices.Length], view = i / indices.Length;
            labels[i] = set.Labels[index];
            ids[i] = view == 0 ? set.Ids[index] : ~set.Ids[index];
            Span<float> image = images.AsSpan(i * imageLength, imageLength);
            if (augmentation == Augmentation.None)
            {
                set.CopyImage(index, image);
                continue;
            }
            set.CopyImage(index, unchanged);
            augmentation.Apply(unchanged, image, set.Channels, set.Height, set.Width, seed, epoch, set.Ids[index], view);
        }
    }
}
