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

    /// <summary>The id of each image (<see cref="ImageSet.Ids"/>; extra images have ids above those), or its bitwise complement for a
    /// second view. They key the random numbers of attacks, so each view gets its own.</summary>
    public ReadOnlySpan<int> Ids => ids.AsSpan(0, Count);

    /// <summary>Fills the batch, given indices into the set or, above its number of images, of extra ones
    /// (<see cref="ExtraImages.Drawn"/>).</summary>
    internal void Fill(
        ImageSet set, ImageSet? extra, ReadOnlySpan<int> indices, Augmentation augmentation, ulong seed, int epoch, int views)
    {
        Count = indices.Length * views;
        for (int i = 0; i < Count; i++)
        {
            int index = indices[i % indices.Length], view = i / indices.Length, drawn = index - set.Count;
            // The ids of extra images follow those of all original ones, whichever of these are trained on.
            var (source, place, id) = drawn < 0
                ? (set, index, set.Ids[index])
                : (extra!, drawn % extra!.Count, checked(set.WholeCount + drawn));
            labels[i] = source.Labels[place];
            ids[i] = view == 0 ? id : ~id;
            Span<float> image = images.AsSpan(i * imageLength, imageLength);
            if (augmentation == Augmentation.None)
            {
                source.CopyImage(place, image);
                continue;
            }
            source.CopyImage(place, unchanged);
            augmentation.Apply(unchanged, image, set.Channels, set.Height, set.Width, seed, epoch, id, view);
        }
    }
}
