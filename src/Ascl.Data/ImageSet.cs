using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Data.Sources;

namespace Ascl.Data;

/// <summary>
/// An immutable, ordered set of labelled images of one size. Pixels are kept as they came, as bytes 0…255 or as floats 0…1, in NCHW order
/// (image, channel, row, column), and are handed out as floats in [0, 1].
/// </summary>
/// <remarks>A subset shares its pixels with the set it was taken from, and its images keep their <see cref="Ids"/>.</remarks>
public sealed class ImageSet
{
    private static readonly float[] ByteToUnit = [.. Enumerable.Range(0, 256).Select(value => value / 255f)];

    private readonly byte[]? bytes;
    private readonly float[]? floats;
    private readonly int[] labels;
    private readonly int[] ids;
    private ulong[]? pixelHashes;

    /// <param name="name">What messages call the set: its file, or its data set and part.</param>
    /// <param name="labels">The class of each image, 0…classes−1.</param>
    /// <param name="pixels">N·C·H·W bytes, 0…255; kept, not copied.</param>
    /// <exception cref="UserErrorException">No image, counts that do not fit together, or a label that is no class.</exception>
    public ImageSet(string name, IReadOnlyList<string> classNames, int channels, int height, int width, int[] labels, byte[] pixels)
        : this(name, classNames, channels, height, width, labels, [.. Enumerable.Range(0, labels.Length)])
    {
        bytes = pixels;
        Check(pixels.LongLength);
    }

    /// <param name="pixels">N·C·H·W floats in [0, 1]; kept, not copied.</param>
    /// <inheritdoc cref="ImageSet(string, IReadOnlyList{string}, int, int, int, int[], byte[])"/>
    /// <exception cref="UserErrorException">As for bytes, and a pixel that is not a number in [0, 1].</exception>
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

    private ImageSet(ImageSet whole, int[] labels, int[] ids, string? name = null)
        : this(name ?? whole.Name, whole.ClassNames, whole.Channels, whole.Height, whole.Width, labels, ids)
    {
        bytes = whole.bytes;
        floats = whole.floats;
    }

    public string Name { get; }
    public IReadOnlyList<string> ClassNames { get; }
    public int Channels { get; }
    public int Height { get; }
    public int Width { get; }
    public int Count => labels.Length;

    /// <summary>Channels, height and width.</summary>
    public IReadOnlyList<int> Size => [Channels, Height, Width];

    /// <summary>Values of one image: C·H·W.</summary>
    public int ImageLength => Channels * Height * Width;

    /// <summary>The class of each image.</summary>
    public ReadOnlySpan<int> Labels => labels;

    /// <summary>Each image's own number: its place in the whole set, whatever subset it is seen in. The index of its random
    /// numbers.</summary>
    public ReadOnlySpan<int> Ids => ids;

    /// <summary>The pixels of a whole set of bytes.</summary>
    internal ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Hash (XXH128, 32 hexadecimal digits) of the images' pixels and labels in their order, their size and the class names: the same
    /// for the same content, wherever it was read from.</summary>
    public string ContentHash => field ??= ComputeContentHash();

    /// <summary>Writes image <paramref name="index"/> as C·H·W floats in [0, 1]; bytes are divided by 255.</summary>
    public void CopyImage(int index, Span<float> destination)
    {
        // An image's id is its place in the shared pixels.
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
    public ImageSet Take(int count)
    {
        if (count < 1)
            throw new UserErrorException($"{Name}: cannot take {count} images; at least 1");
        return count >= Count ? this : new ImageSet(this, labels[..count], ids[..count]);
    }

    /// <summary>The images at these places, in this order. They keep their <see cref="Ids"/>.</summary>
    public ImageSet Subset(ReadOnlySpan<int> indices)
    {
        int[] subsetLabels = new int[indices.Length], subsetIds = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
            (subsetLabels[i], subsetIds[i]) = (labels[indices[i]], ids[indices[i]]);
        return new ImageSet(this, subsetLabels, subsetIds);
    }

    /// <summary>The same images under another name.</summary>
    internal ImageSet Renamed(string name) => new(this, labels, ids, name);

    /// <summary>The images in another size.</summary>
    /// <exception cref="UserErrorException">They are too small to be cut.</exception>
    internal ImageSet Resized(DataOptions options)
    {
        var (height, width) = ResizeAndCrop.SizeAfter($"{Name}: each image", Height, Width, options);
        if ((long)Channels * height * width * Count > Array.MaxLength)
            throw new UserErrorException($"{Name}: {Count} images of {width}x{height} are more than {Array.MaxLength} values, the limit");
        return bytes is not null
            ? new(Name, ClassNames, Channels, height, width, labels, Changed(bytes, image => ResizeAndCrop.Apply(image, Channels, Height, Width, options)))
            : new(Name, ClassNames, Channels, height, width, labels, Changed(floats!, image => ResizeAndCrop.Apply(image, Channels, Height, Width, options)));

        T[] Changed<T>(T[] pixels, Func<T[], T[]> change)
        {
            T[] result = new T[Channels * height * width * Count];
            Parallel.For(0, Count, i => change(pixels[(ids[i] * ImageLength)..((ids[i] + 1) * ImageLength)]).CopyTo(result, i * Channels * height * width));
            return result;
        }
    }

    /// <summary>Hash (XXH3) of each image's pixels, rounded to 256 grey levels: the same for the same image in bytes and in floats.</summary>
    public ulong[] PixelHashes() => pixelHashes ??= ComputePixelHashes();

    private ulong[] ComputePixelHashes()
    {
        ulong[] hashes = new ulong[Count];
        Parallel.For(0, Count, index =>
        {
            int start = ids[index] * ImageLength;
            hashes[index] = XxHash3.HashToUInt64(bytes is null ? Levels(floats.AsSpan(start, ImageLength)) : bytes.AsSpan(start, ImageLength));
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
        hash.Append(Encoding.UTF8.GetBytes($"{Channels}x{Height}x{Width} {(bytes is null ? "float" : "byte")} {string.Join('\0', ClassNames)}"));
        hash.Append(MemoryMarshal.AsBytes(labels.AsSpan()));
        foreach (int id in ids)
            hash.Append(bytes is null ? MemoryMarshal.AsBytes(floats.AsSpan(id * ImageLength, ImageLength)) : bytes.AsSpan(id * ImageLength, ImageLength));
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    /// <summary>Images in each class.</summary>
    public int[] CountByClass()
    {
        int[] counts = new int[ClassNames.Count];
        foreach (int label in labels)
            counts[label]++;
        return counts;
    }

    /// <summary>Mean and standard deviation (of all the pixels, not of a sample: divided by N) of each channel, of pixels in
    /// [0, 1].</summary>
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

    /// <summary>Adds up one plane of every image by counting how often each byte occurs: exact, and quick.</summary>
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
        for (int i = 0; i < Count; i++)
        {
            if ((uint)labels[i] >= (uint)ClassNames.Count)
                throw new UserErrorException($"{Name}: image {i} has label {labels[i]}; there are {ClassNames.Count} classes");
        }
    }
}
