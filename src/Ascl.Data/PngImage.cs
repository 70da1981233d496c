using StbImageWriteSharp;

namespace Ascl.Data;

/// <summary>Encodes single images as PNG for reports.</summary>
public static class PngImage
{
    /// <summary>The bytes of a PNG file of one image.</summary>
    /// <param name="image">C·H·W values in [0, 1], CHW order; others are clamped.</param>
    /// <param name="channels">1 for grey, 3 for RGB.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    public static byte[] Encode(ReadOnlySpan<float> image, int channels, int height, int width)
    {
        byte[] bytes = new byte[image.Length];
        int pixels = height * width;
        for (int i = 0; i < image.Length; i++)
            bytes[i % pixels * channels + i / pixels] = (byte)MathF.Round(Math.Clamp(image[i], 0, 1) * 255);
        using MemoryStream file = new();
        new ImageWriter().WritePng(bytes, width, height, channels == 1 ? ColorComponents.Grey : ColorComponents.RedGreenBlue, file);
        return file.ToArray();
    }

    /// <summary>A perturbation as an image: (changed − natural), scaled so that its largest absolute value becomes 0.5, plus 0.5.</summary>
    public static float[] Difference(float[] natural, float[] changed)
    {
        float[] difference = [.. changed.Zip(natural, (c, n) => c - n)];
        float largest = Math.Max(difference.Max(Math.Abs), 1e-12f);
        return [.. difference.Select(d => 0.5f + 0.5f * d / largest)];
    }
}
