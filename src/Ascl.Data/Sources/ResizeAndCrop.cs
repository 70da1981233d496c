using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// Resizes and crops images as torchvision's Resize (antialiased) and CenterCrop do. A pixel of the result is a weighted mean with a
/// triangle filter around its position, one pixel wide on each side, or wider by the scale where the image shrinks (antialiasing). Columns
/// are resized first, then rows, each rounded to bytes, with weights of 22 bits: the bytes are those of PIL's bilinear filter.
/// </summary>
internal static class ResizeAndCrop
{
    private const int WeightBits = 22;

    /// <summary>Height and width of an image after resizing and cropping.</summary>
    /// <param name="name">The image's name in messages.</param>
    /// <param name="height">Height before.</param>
    /// <param name="width">Width before.</param>
    /// <param name="options">The sizes to resize to and to crop.</param>
    /// <exception cref="UserErrorException">It is smaller than the crop, or becomes too large.</exception>
    public static (int Height, int Width) SizeAfter(string name, int height, int width, DataOptions options)
    {
        (long newHeight, long newWidth) = Resized(height, width, options);
        if (newHeight * newWidth > ImageDecoder.MaxPixels)
        {
            throw new UserErrorException(
                $"{name} would be {newWidth}x{newHeight} when resized; the most is {ImageDecoder.MaxPixels} pixels");
        }
        (height, width) = ((int)newHeight, (int)newWidth);
        if (options.Crop is not { } crop)
            return (height, width);
        if (crop > Math.Min(height, width))
        {
            string when = options.Resize is null ? "" : " when resized";
            throw new UserErrorException(
                $"{name} is {width}x{height}{when}, too small for crop {crop}: resize {crop} or more makes it larger");
        }
        return (crop, crop);
    }

    /// <summary>Resizes and crops an image of C·H·W bytes.</summary>
    public static byte[] Apply(byte[] image, int channels, int height, int width, DataOptions options)
    {
        var (newHeight, newWidth) = ((int, int))Resized(height, width, options);
        byte[] across = newWidth == width ? image : Along(image, channels * height, width, 1, newWidth);
        byte[] resized = newHeight == height ? across : Along(across, channels, height, newWidth, newHeight);
        return Cut(resized, channels, newHeight, newWidth, options);
    }

    /// <summary>Resizes and crops an image of C·H·W floats in [0, 1], without rounding.</summary>
    public static float[] Apply(float[] image, int channels, int height, int width, DataOptions options)
    {
        var (newHeight, newWidth) = ((int, int))Resized(height, width, options);
        float[] across = newWidth == width ? image : Along(image, channels * height, width, 1, newWidth);
        float[] resized = newHeight == height ? across : Along(across, channels, height, newWidth, newHeight);
        return Cut(resized, channels, newHeight, newWidth, options);
    }

    private static (long Height, long Width) Resized(int height, int width, DataOptions options)
    {
        if (options.Resize is not { } side)
            return (height, width);
        int shorter = Math.Min(height, width);
        return ((long)side * height / shorter, (long)side * width / shorter);
    }

    private static T[] Cut<T>(T[] image, int channels, int height, int width, DataOptions options)
    {
        if (options.Crop is not { } side || (height, width) == (side, side))
            return image;
        int top = (int)Math.Round((height - side) / 2.0, MidpointRounding.ToEven);
        int left = (int)Math.Round((width - side) / 2.0, MidpointRounding.ToEven);
        T[] cut = new T[channels * side * side];
        for (int row = 0; row < channels * side; row++)
            Array.Copy(image, (row / side * height + top + row % side) * width + left, cut, row * side, side);
        return cut;
    }

    /// <summary>Resizes the middle one of the three dimensions [outer, length, inner].</summary>
    private static byte[] Along(byte[] source, int outer, int length, int inner, int newLength)
    {
        byte[] result = new byte[checked(outer * newLength * inner)];
        (int First, double[] Weights)[] windows = Windows(length, newLength);
        for (int j = 0; j < newLength; j++)
        {
            var (first, exact) = windows[j];
            int[] weights = [.. exact.Select(weight => (int)(0.5 + weight * (1 << WeightBits)))];
            for (int o = 0; o < outer; o++)
            {
                for (int i = 0; i < inner; i++)
                {
                    int sum = 1 << (WeightBits - 1);
                    for (int k = 0; k < weights.Length; k++)
                        sum += weights[k] * source[(o * length + first + k) * inner + i];
                    result[(o * newLength + j) * inner + i] = (byte)Math.Min(sum >> WeightBits, 255);
                }
            }
        }
        return result;
    }

    private static float[] Along(float[] source, int outer, int length, int inner, int newLength)
    {
        float[] result = new float[checked(outer * newLength * inner)];
        (int First, double[] Weights)[] windows = Windows(length, newLength);
        for (int j = 0; j < newLength; j++)
        {
            var (first, weights) = windows[j];
            for (int o = 0; o < outer; o++)
            {
                for (int i = 0; i < inner; i++)
                {
                    double sum = 0;
                    for (int k = 0; k < weights.Length; k++)
                        sum += weights[k] * source[(o * length + first + k) * inner + i];
                    result[(o * newLength + j) * inner + i] = (float)Math.Clamp(sum, 0, 1);
                }
            }
        }
        return result;
    }

    /// <summary>For each position of the result, the first source position and the weights from there on, which add up to 1.</summary>
    private static (int First, double[] Weights)[] Windows(int length, int newLength)
    {
        double scale = (double)length / newLength, reach = Math.Max(scale, 1);
        return [.. Enumerable.Range(0, newLength).Select(Window)];

        (int, double[]) Window(int place)
        {
            double centre = (place + 0.5) * scale;
            int first = Math.Max((int)(centre - reach + 0.5), 0), end = Math.Min((int)(centre + reach + 0.5), length);
            double[] weights = [.. Enumerable.Range(first, end - first).Select(i => Math.Max(0, 1 - Math.Abs((i - centre + 0.5) / reach)))];
            double total = weights.Sum();
            return (first, [.. weights.Select(weight => weight / total)]);
        }
    }
}
