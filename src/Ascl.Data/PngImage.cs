using StbImageWriteSharp;

namespace Ascl.Data;

/// <summary>One image as a PNG file in memory.</summary>
public static class PngImage
{
    /// <param name="image">C·H·W values, channel after channel; below 0 is black, above 1 white. One channel is grey, three are colours.</param>
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

    /// <summary>What was added to an image, magnified until its largest value is black or white, around grey.</summary>
    public static float[] Difference(float[] natural, float[] changed)
    {
        float[] difference = [.. changed.Zip(natural, (c, n) => c - n)];
        float largest = Math.Max(difference.Max(Math.Abs), 1e-12f);
        return [.. difference.Select(d => 0.5f + 0.5f * d / largest)];
    }
}
