namespace Ascl.Data;

/// <summary>Room for the images of one batch, filled by <see cref="BatchPlan.Fill"/> and used again for the next.</summary>
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

    /// <summary>Images in it now.</summary>
    public int Count { get; private set; }

    /// <summary>Count·C·H·W floats in [0, 1], NCHW.</summary>
    public ReadOnlySpan<float> Images => images.AsSpan(0, Count * imageLength);

    /// <summary>The class of each image.</summary>
    public ReadOnlySpan<int> Labels => labels.AsSpan(0, Count);

    /// <summary>Each image's own number (<see cref="ImageSet.Ids"/>).</summary>
    public ReadOnlySpan<int> Ids => ids.AsSpan(0, Count);

    internal void Fill(ImageSet set, ReadOnlySpan<int> indices, Augmentation augmentation, ulong seed, int epoch)
    {
        Count = indices.Length;
        for (int i = 0; i < Count; i++)
        {
            int index = indices[i];
            labels[i] = set.Labels[index];
            ids[i] = set.Ids[index];
            Span<float> image = images.AsSpan(i * imageLength, imageLength);
            if (augmentation == Augmentation.None)
            {
                set.CopyImage(index, image);
                continue;
            }
            set.CopyImage(index, unchanged);
            augmentation.Apply(unchanged, image, set.Channels, set.Height, set.Width, seed, epoch, ids[i]);
        }
    }
}
