using Ascl.Core.Random;

namespace Ascl.Data;

/// <summary>
/// Random changes of a training image that keep its class. The result depends on (seed, epoch, image id, view) only.
/// </summary>
/// <param name="CropPadding">Zero pixels added on each side before a random crop of the image's own size; 0 for no crop.</param>
/// <param name="HorizontalFlip">Flip each image horizontally with probability 0.5.</param>
public sealed record Augmentation(int CropPadding, bool HorizontalFlip)
{
    /// <summary>No changes: for digits, garments and other images whose class a flip or shift may change.</summary>
    public static Augmentation None { get; } = new(0, false);

    /// <summary>Random crop with padding 4 and horizontal flip: the standard for small natural images.</summary>
    public static Augmentation CropAndFlip { get; } = new(4, true);

    /// <summary>The default for image folders and files: colour images are mostly natural photographs, grey ones digits and the
    /// like.</summary>
    internal static Augmentation ForChannels(int channels) => channels == 3 ? CropAndFlip : None;

    /// <summary>Writes the augmented image.</summary>
    /// <param name="image">The image, C·H·W values.</param>
    /// <param name="destination">Receives C·H·W values; must not overlap <paramref name="image"/>.</param>
    /// <param name="channels">C.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="epoch">Number of the epoch, from 0.</param>
    /// <param name="imageId">The image's id (<see cref="ImageSet.Ids"/>).</param>
    /// <param name="view">Number of the view, from 0: each view of an image is augmented independently.</param>
    public void Apply(
        ReadOnlySpan<float> image, Span<float> destination, int channels, int height, int width,
        ulong seed, int epoch, int imageId, int view = 0)
    {
        int down = 0, right = 0;
        if (CropPadding > 0)
        {
            var (x, y, _, _) = Philox.Block(new RandomKey(seed, RandomPurpose.Crop, (uint)epoch, (uint)imageId), (uint)view);
            down = Philox.ToIndex(x, 2 * CropPadding + 1) - CropPadding;
            right = Philox.ToIndex(y, 2 * CropPadding + 1) - CropPadding;
        }
        bool mirror = HorizontalFlip
            && Philox.ToIndex(Philox.Word(new RandomKey(seed, RandomPurpose.Flip, (uint)epoch, (uint)imageId), (uint)view), 2) == 1;

        // Before flipping, the output's row r, column k is the image's row r + down, column k + right, or padding. Columns from…to−1 are
        // inside the image.
        int from = Math.Clamp(-right, 0, width), to = Math.Clamp(width - right, from, width);
        for (int plane = 0; plane < channels; plane++)
        {
            for (int row = 0; row < height; row++)
            {
                Span<float> output = destination.Slice((plane * height + row) * width, width);
                output.Clear();
                int source = row + down;
                if ((uint)source >= (uint)height || from == to)
                    continue;
                image.Slice((plane * height + source) * width + from + right, to - from).CopyTo(output[from..]);
                if (mirror)
                    output.Reverse();
            }
        }
    }
}
