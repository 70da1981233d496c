using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>Labels of a tensor in a file: [N] or [N, 1] whole numbers, stored as integers or floats, or one-hot [N,
/// K].</summary>
/// <param name="Classes">The class of each image.</param>
/// <param name="ClassCount">K, or one more than the largest label.</param>
internal sealed record TensorLabels(int[] Classes, int ClassCount)
{
    /// <summary>Reads a tensor of labels.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="images">Name of the images' tensor, for messages.</param>
    /// <param name="count">Number of images.</param>
    /// <exception cref="UserErrorException">The shape does not fit, a number is not whole or not in 0…65535, or a row is not
    /// one-hot.</exception>
    public static TensorLabels Read(TensorFile file, string name, string images, int count)
    {
        int[] shape = file.Shape(name);
        if (shape is not ([_] or [_, > 0]) || shape[0] != count)
        {
            throw new UserErrorException(
                $"{file.Path}: {name} is [{string.Join(", ", shape)}]; {images} has {count} images: needed is [{count}]");
        }
        long[] values = Whole(file, name);
        if (shape is [_, > 1 and var classes])
            return OneHot($"{file.Path}: {name}", values, count, classes);
        int wrong = Array.FindIndex(values, label => label is < 0 or > ushort.MaxValue);
        if (wrong >= 0)
            throw new UserErrorException($"{file.Path}: {name}[{wrong}] is {values[wrong]}; classes are 0 to {ushort.MaxValue}");
        return new([.. values.Select(label => (int)label)], 1 + (int)values.Max());
    }

    private static TensorLabels OneHot(string what, long[] values, int count, int classes)
    {
        int[] labels = new int[count];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<long> row = values.AsSpan(i * classes, classes);
            labels[i] = row.IndexOf(1);
            if (labels[i] < 0 || row.Count(0) != classes - 1)
            {
                throw new UserErrorException(
                    $"{what} is [{count}, {classes}], but row {i} is not a single 1 among zeros: give the classes as [{count}]");
            }
        }
        return new(labels, classes);
    }

    private static long[] Whole(TensorFile file, string name)
    {
        if (!file.Dtype(name).IsFloatingPoint())
            return file.ReadIntegers(name);
        double[] values = file.ReadDoubles(name);
        int wrong = Array.FindIndex(values, value => value != Math.Floor(value) || Math.Abs(value) > int.MaxValue);
        if (wrong >= 0)
        {
            throw new UserErrorException(
                $"{file.Path}: {name} is {file.Dtype(name)} and its number {wrong} is {values[wrong]}; labels are whole numbers");
        }
        return [.. values.Select(value => (long)value)];
    }
}
