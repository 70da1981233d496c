using Ascl.Core.Random;

namespace Ascl.Data;

/// <summary>
/// Random changes of a training image that keep its class. What an image becomes depends on (seed, epoch, image id) and on nothing else.
/// </summary>
/// <param name="CropPadding">Zero pixels put round the image before a crop of the image's own size is cut out at random; 0 for no
/// crop.</param>
/// <param name="HorizontalFlip">Flip each image horizontally with probability 0.5.</param>
public sealed record Augmentation(int CropPadding, bool HorizontalFlip)
{
    /// <summary>Leaves images as they are: digits, garments, anything that a mirror or a shift would change.</summary>
    public static Augmentation None { get; } = new(0, false);

    /// <summary>Padding 4 and flip: the field's standard for small natural images.</summary>
    public static Augmentation CropAndFlip { get; } = new(4, true);

    /// <summary>Natural photographs come in colour; grey images are more often digits and the like.</summary>
    internal static Augmentation ForChannels(int channels) => channels == 3 ? CropAndFlip : None;

    /// <summary>Writes the changed image; both images are C·H·W and must not overlap.</summary>
    /// <param name="view">0 or more: other views of an image are changed in other ways.</param>
    public void Apply(
        ReadOnlySpan<float> image, Span<float> destination, int channels, int height, int width, ulong seed, int epoch, int imageId, int view = 0)
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

        // Output row r, column k (before the mirror) is the image's row r + down, column k + right, or padding. Columns from…to−1 are
        // inside.
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
