using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Data.Sources;

namespace Ascl.Data;

/// <summary>
/// An immutable, ordered set of labelled images of one size. Pixels are stored as bytes in 0…255 or floats in [0, 1], in NCHW order (image,
/// channel, row, column), and read as floats in [0, 1].
/// </summary>
/// <remarks>A subset shares the pixels of the whole set, and its images keep their <see cref="Ids"/>.</remarks>
public sealed class ImageSet
{
    private static readonly float[] ByteToUnit = [.. Enumerable.Range(0, 256).Select(value => value / 255f)];

    private readonly byte[]? bytes;
    private readonly float[]? floats;
    private readonly int[] labels;
    private readonly int[] ids;
    private ulong[]? pixelHashes;

    /// <summary>A set of images stored as bytes.</summary>
    /// <param name="name">Name in messages: the file, or data set and part.</param>
    /// <param name="classNames">Names of the classes by label.</param>
    /// <param name="channels">C, at least 1.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <param name="labels">The class of each image, 0…classes−1; kept, not copied.</param>
    /// <param name="pixels">N·C·H·W bytes; kept, not copied.</param>
    /// <exception cref="UserErrorException">There are no images, the numbers of pixels and labels do not match, or a label is out of
    /// range.</exception>
    public ImageSet(string name, IReadOnlyList<string> classNames, int channels, int height, int width, int[] labels, byte[] pixels)
        : this(name, classNames, channels, height, width, labels, [.. Enumerable.Range(0, labels.Length)])
    {
        bytes = pixels;
        Check(pixels.LongLength);
    }

    /// <summary>A set of images stored as floats.</summary>
    /// <param name="name">Name in messages: the file, or data set and part.</param>
    /// <param name="classNames">Names of the classes by label.</param>
    /// <param name="channels">C, at least 1.</param>
    /// <param name="height">H, at least 1.</param>
    /// <param name="width">W, at least 1.</param>
    /// <param name="labels">The class of each image, 0…classes−1; kept, not copied.</param>
    /// <param name="pixels">N·C·H·W floats in [0, 1]; kept, not copied.</param>
    /// <exception cref="UserErrorException">There are no images, the numbers of pixels and labels do not match, a label is out of range, or
    /// a pixel is not in [0, 1].</exception>
    public ImageSet(string name, IReadOnlyList<string> classNames, int channels, int height, int width, int[] labels, float[] pixels)
        : this(name, classNames, channels, height, width, labels, [.. Enumerable.Range(0, labels.Length)])
    {
        floats = pixels;
        Check(pixels.LongLength);
        for (int i = 0; i < pixels.Length; i++)
        {
            if (!(pixels[i] >= 0 && pixels[i] <= 1))
                throw new UserErrorException($"{name}: image {i / ImageLength} has the pixel {pixels[i]}; floats lie in [0, 1]");
        }
    }

    private ImageSet(string name, IReadOnlyList<string> classNames, int channels, int height, int width, int[] labels, int[] ids)
    {
        Name = name;
        ClassNames = classNames;
        (Channels, Height, Width) = (channels, height, width);
        this.labels = labels;
        this.ids = ids;
    }

    private ImageSet(ImageSet whole, int[] labels, int[] ids, string? name = null, IReadOnlyList<string>? classNames = null)
        : this(name ?? whole.Name, classNames ?? whole.ClassNames, whole.Channels, whole.Height, whole.Width, labels, ids)
    {
        bytes = whole.bytes;
        floats = whole.floats;
    }

    /// <summary>Name in messages: the file, or data set and part.</summary>
    public string Name { get; }

    /// <summary>Names of the classes by label.</summary>
    public IReadOnlyList<string> ClassNames { get; }

    /// <summary>Channels of each image.</summary>
    public int Channels { get; }

    /// <summary>Rows of each image.</summary>
    public int Height { get; }

    /// <summary>Columns of each image.</summary>
    public int Width { get; }

    /// <summary>Number of images.</summary>
    public int Count => labels.Length;

    /// <summary>Channels, height and width.</summary>
    public IReadOnlyList<int> Size => [Channels, Height, Width];

    /// <summary>Number of values of one image: C·H·W.</summary>
    public int ImageLength => Channels * Height * Width;

    /// <summary>The class of each image.</summary>
    public ReadOnlySpan<int> Labels => labels;

    /// <summary>The id of each image: its index in the whole set, also in subsets. Random numbers are keyed by it.</summary>
    public ReadOnlySpan<int> Ids => ids;

    /// <summary>All pixels of the whole set, if they are bytes.</summary>
    internal ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Hash (XXH128, 32 hexadecimal digits) of pixels and labels in their order, image size and class names; independent of the
    /// source.</summary>
    public string ContentHash => field ??= ComputeContentHash();

    /// <summary>Writes image <paramref name="index"/> as C·H·W floats in [0, 1]; bytes are divided by 255.</summary>
    public void CopyImage(int index, Span<float> destination)
    {
        // An image's id is its index in the shared pixels.
        int start = ids[index] * ImageLength;
        if (floats is not null)
        {
            floats.AsSpan(start, ImageLength).CopyTo(destination);
            return;
        }
        ReadOnlySpan<byte> image = bytes.AsSpan(start, ImageLength);
        destination = destination[..image.Length];
        for (int i = 0; i < image.Length; i++)
            destination[i] = ByteToUnit[image[i]];
    }

    /// <summary>The first <paramref name="count"/> images in the set's order; all of them if there are fewer.</summary>
    /// <exception cref="UserErrorException"><paramref name="count"/> is less than 1.</exception>
    public ImageSet Take(int count)
    {
        if (count < 1)
            throw new UserErrorException($"{Name}: cannot take {count} images; at least 1");
        return count >= Count ? this : new ImageSet(this, labels[..count], ids[..count]);
    }

    /// <summary>The images at these indices, in this order. They keep their <see cref="Ids"/>.</summary>
    public ImageSet Subset(ReadOnlySpan<int> indices)
    {
        int[] subsetLabels = new int[indices.Length], subsetIds = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
            (subsetLabels[i], subsetIds[i]) = (labels[indices[i]], ids[indices[i]]);
        return new ImageSet(this, subsetLabels, subsetIds);
    }

    /// <summary>The same images with other labels.</summary>
    /// <param name="labels">The class of each image, in the set's order; copied.</param>
    /// <param name="classNames">Names of the classes by label.</param>
    /// <exception cref="UserErrorException">The numbers of images and labels do not match, or a label is out of range.</exception>
    public ImageSet WithLabels(ReadOnlySpan<int> labels, IReadOnlyList<string> classNames)
    {
        if (labels.Length != Count)
            throw new UserErrorException($"{Name}: {Count} images but {labels.Length} labels");
        ImageSet labelled = new(this, labels.ToArray(), ids, classNames: classNames);
        labelled.CheckLabels();
        return labelled;
    }

    /// <summary>Number of images of the whole set, which all ids are below.</summary>
    internal int WholeCount => (bytes?.Length ?? floats!.Length) / ImageLength;

    /// <summary>The same images under another name.</summary>
    internal ImageSet Renamed(string name) => new(this, labels, ids, name);

    /// <summary>The images, resized and cropped.</summary>
    /// <exception cref="UserErrorException">They are too small for the crop, or the result is too large.</exception>
    internal ImageSet Resized(DataOptions options)
    {
        var (height, width) = ResizeAndCrop.SizeAfter($"{Name}: each image", Height, Width, options);
        if ((long)Channels * height * width * Count > Array.MaxLength)
            throw new UserErrorException($"{Name}: {Count} images of {width}x{height} are more than {Array.MaxLength} values, the limit");
        if (bytes is not null)
        {
            byte[] changed = Changed(bytes, image => ResizeAndCrop.Apply(image, Channels, Height, Width, options));
            return new(Name, ClassNames, Channels, height, width, labels, changed);
        }
        return new(Name, ClassNames, Channels, height, width, labels,
            Changed(floats!, image => ResizeAndCrop.Apply(image, Channels, Height, Width, options)));

        T[] Changed<T>(T[] pixels, Func<T[], T[]> change)
        {
            int length = Channels * height * width;
            T[] result = new T[length * Count];
            Parallel.For(0, Count, i => change(pixels[(ids[i] * ImageLength)..((ids[i] + 1) * ImageLength)]).CopyTo(result, i * length));
            return result;
        }
    }

    /// <summary>Hash (XXH3, 64 bits) of each image's pixels, rounded to 256 levels so that bytes and floats of one image agree.</summary>
    public ulong[] PixelHashes() => pixelHashes ??= ComputePixelHashes();

    private ulong[] ComputePixelHashes()
    {
        ulong[] hashes = new ulong[Count];
        Parallel.For(0, Count, index =>
        {
            int start = ids[index] * ImageLength;
            hashes[index] = XxHash3.HashToUInt64(
                bytes is null ? Levels(floats.AsSpan(start, ImageLength)) : bytes.AsSpan(start, ImageLength));
        });
        return hashes;
    }

    private static byte[] Levels(ReadOnlySpan<float> pixels)
    {
        byte[] levels = new byte[pixels.Length];
        for (int i = 0; i < levels.Length; i++)
            levels[i] = (byte)MathF.Round(pixels[i] * 255);
        return levels;
    }

    private string ComputeContentHash()
    {
        XxHash128 hash = new();
        string kind = bytes is null ? "float" : "byte";
        hash.Append(Encoding.UTF8.GetBytes($"{Channels}x{Height}x{Width} {kind} {string.Join('\0', ClassNames)}"));
        hash.Append(MemoryMarshal.AsBytes(labels.AsSpan()));
        foreach (int id in ids)
        {
            int start = id * ImageLength;
            hash.Append(bytes is null
                ? MemoryMarshal.AsBytes(floats.AsSpan(start, ImageLength))
                : bytes.AsSpan(start, ImageLength));
        }
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Number of images of each class, by label.</summary>
    public int[] CountByClass()
    {
        int[] counts = new int[ClassNames.Count];
        foreach (int label in labels)
            counts[label]++;
        return counts;
    }

    /// <summary>Mean and population standard deviation (divided by the number of pixels) of each channel, for pixels in [0, 1].</summary>
    public (float[] Mean, float[] Std) ChannelStatistics()
    {
        double[] sum = new double[Channels], squares = new double[Channels];
        int area = Height * Width;
        for (int c = 0; c < Channels; c++)
        {
            if (bytes is not null)
                AddBytes(c * area, area, ref sum[c], ref squares[c]);
            else
                AddFloats(c * area, area, ref sum[c], ref squares[c]);
        }

        float[] mean = new float[Channels], std = new float[Channels];
        double pixels = (double)Count * area;
        for (int c = 0; c < Channels; c++)
        {
            double average = sum[c] / pixels;
            mean[c] = (float)average;
            std[c] = (float)Math.Sqrt(Math.Max(0, squares[c] / pixels - average * average));
        }
        return (mean, std);
    }

    /// <summary>Adds one plane of every image through a histogram of the bytes, which is exact and fast.</summary>
    private void AddBytes(int offset, int length, ref double sum, ref double squares)
    {
        long[] counts = new long[256];
        foreach (int id in ids)
        {
            foreach (byte value in bytes.AsSpan(id * ImageLength + offset, length))
                counts[value]++;
        }
        for (int value = 0; value < counts.Length; value++)
        {
            double unit = value / 255.0;
            sum += counts[value] * unit;
            squares += counts[value] * unit * unit;
        }
    }

    private void AddFloats(int offset, int length, ref double sum, ref double squares)
    {
        foreach (int id in ids)
        {
            foreach (float value in floats.AsSpan(id * ImageLength + offset, length))
            {
                sum += value;
                squares += (double)value * value;
            }
        }
    }

    private void Check(long values)
    {
        if (Count == 0)
            throw new UserErrorException($"{Name}: holds no images");
        if (Channels < 1 || Height < 1 || Width < 1)
            throw new UserErrorException($"{Name}: images of {Channels} channels, {Height} rows and {Width} columns");
        long imageLength = (long)Channels * Height * Width;
        if (values != imageLength * Count)
            throw new UserErrorException($"{Name}: {(double)values / imageLength:0.##} images but {Count} labels");
        CheckLabels();
    }

    private void CheckLabels()
    {
        for (int i = 0; i < Count; i++)
        {
            if ((uint)labels[i] >= (uint)ClassNames.Count)
                throw new UserErrorException($"{Name}: image {i} has label {labels[i]}; there are {ClassNames.Count} classes");
        }
    }
}
