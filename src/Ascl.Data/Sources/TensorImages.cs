using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>Images of a tensor in a file, converted to NCHW order, as bytes or floats.</summary>
internal sealed record TensorImages(int Count, int Channels, int Height, int Width, byte[]? Bytes, float[]? Floats)
{
    private const int MaxByte = 255;

    /// <summary>If no pixel is brighter than this (of 255), the images have another scale.</summary>
    private const float DarkestWhite = 2;

    /// <summary>Reads a tensor [N, C, H, W], [N, H, W, C] (1 or 3 channels) or [N, H, W] of U8 or floating-point numbers.</summary>
    /// <exception cref="UserErrorException">The shape or element type is another, or pixels have another scale than 0…255 or [0,
    /// 1].</exception>
    public static TensorImages Read(TensorFile file, string name)
    {
        int[] shape = file.Shape(name);
        bool areBytes = file.Dtype(name) == TensorDtype.U8;
        string what = $"{file.Path}: {name} is [{string.Join(", ", shape)}]";
        bool isFirst = shape is [_, 1 or 3, _, _], isLast = shape is [_, _, _, 1 or 3];
        if (!areBytes && !file.Dtype(name).IsFloatingPoint())
            throw new UserErrorException($"{file.Path}: {name} is {file.Describe(name)}; U8 (0 to 255) or floats (0 to 1) are needed");
        if (shape.Contains(0) || (shape.Length != 3 && !isFirst && !isLast))
            throw new UserErrorException($"{what}; needed: [N, C, H, W] or [N, H, W, C] with 1 or 3 channels, or [N, H, W]");
        if (isFirst && isLast)
            throw new UserErrorException($"{what}: it cannot be told whether its channels come first or last");
        var (channels, height, width) = shape.Length == 3 ? (1, shape[1], shape[2])
            : isFirst ? (shape[1], shape[2], shape[3])
            : (shape[3], shape[1], shape[2]);
        byte[]? bytes = areBytes ? file.ReadBytes(name) : null;
        float[]? floats = areBytes ? null : file.ReadFloats(name);
        if (floats is not null)
            CheckRange($"{file.Path}: {name}", floats, floats.Length / shape[0]);
        float brightest = floats?.Max() * MaxByte ?? bytes!.Max();
        if (brightest <= DarkestWhite)
        {
            string most = floats is null ? $"{brightest}, though white is {MaxByte}" : $"{floats.Max()}, though white is 1";
            string advice = floats is null ? $"multiply them by {MaxByte}, or give them as F32" : $"were they divided by {MaxByte} twice?";
            throw new UserErrorException($"{file.Path}: {name} has no pixel above {most}: {advice}");
        }
        if (isLast && channels > 1)
        {
            bytes = ChannelsFirst(bytes, channels, height * width);
            floats = ChannelsFirst(floats, channels, height * width);
        }
        return new(shape[0], channels, height, width, bytes, floats);
    }

    /// <summary>The images with their labels.</summary>
    /// <param name="name">Name in messages.</param>
    /// <param name="classNames">Names of the classes by label.</param>
    /// <param name="labels">The class of each image.</param>
    public ImageSet ToSet(string name, IReadOnlyList<string> classNames, int[] labels) => Bytes is not null
        ? new ImageSet(name, classNames, Channels, Height, Width, labels, Bytes)
        : new ImageSet(name, classNames, Channels, Height, Width, labels, Floats!);

    /// <summary>Refuses floats outside [0, 1] with advice on their scale, which <see cref="ImageSet"/>'s own check does not give.</summary>
    private static void CheckRange(string name, float[] values, int imageLength)
    {
        int wrong = Array.FindIndex(values, value => !(value is >= 0 and <= 1));
        if (wrong < 0)
            return;
        float smallest = values.Min(), largest = values.Max();
        string advice = values.Any(float.IsNaN) ? ""
            : smallest < 0 ? ": give them as they were before they were normalised"
            : largest is > 2 and <= MaxByte ? $": divide them by {MaxByte}, or give them as U8"
            : "";
        throw new UserErrorException($"{name}: image {wrong / imageLength} has the pixel {values[wrong]} "
            + $"(of all, the smallest is {smallest}, the largest {largest}); floats lie in [0, 1]{advice}");
    }

    private static T[]? ChannelsFirst<T>(T[]? values, int channels, int area)
    {
        if (values is null)
            return null;
        T[] result = new T[values.Length];
        int length = channels * area;
        for (int start = 0; start < values.Length; start += length)
        {
            for (int i = 0; i < length; i++)
                result[start + i % channels * area + i / channels] = values[start + i];
        }
        return result;
    }
}
