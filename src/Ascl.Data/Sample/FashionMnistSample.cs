using System.IO.Compression;
using Ascl.Core.Diagnostics;
using Ascl.Data.Sources;

namespace Ascl.Data.Sample;

/// <summary>
/// The built-in data set: the first 500 training and 100 test images of each class of Fashion-MNIST (Zalando, MIT licence, see NOTICE), in
/// the files' order within a class; image i is of class i mod 10. Stored as the pixels of all 6,000 images, Brotli-compressed; predicting
/// pixels from their neighbours first (PNG's filters, JPEG-LS) made it larger.
/// </summary>
internal static class FashionMnistSample
{
    public const int TrainCount = 5000, TestCount = 1000, Side = 28;
    private const int Area = Side * Side;
    private const string Resource = "fashion-mnist-sample.br";

    public static DataSet Open()
    {
        using Stream stored = typeof(FashionMnistSample).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"the resource {Resource} is missing");
        using var pixels = new BrotliStream(stored, CompressionMode.Decompress);
        ImageSet train = Read("sample train", pixels, TrainCount);
        return new DataSet("sample", train, Read("sample test", pixels, TestCount), Augmentation.None);
    }

    /// <summary>Selects the sample's pixels from the public data set.</summary>
    /// <exception cref="UserErrorException">A class has too few images, or they have another size.</exception>
    public static byte[] PixelsFrom(DataSet fashionMnist)
    {
        byte[] pixels = new byte[(TrainCount + TestCount) * Area];
        Select(fashionMnist.Train, pixels.AsSpan(0, TrainCount * Area));
        Select(fashionMnist.Test, pixels.AsSpan(TrainCount * Area));
        return pixels;
    }

    public static void Write(DataSet fashionMnist, Stream destination)
    {
        using var compressed = new BrotliStream(destination, new BrotliCompressionOptions { Quality = 11 }, leaveOpen: true);
        compressed.Write(PixelsFrom(fashionMnist));
    }

    private static ImageSet Read(string name, Stream pixels, int count)
    {
        IReadOnlyList<string> classNames = KnownClasses.FashionMnist;
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % classNames.Count)];
        return new ImageSet(name, classNames, 1, Side, Side, labels, InputFile.ReadBytes(pixels, count * Area));
    }

    private static void Select(ImageSet set, Span<byte> destination)
    {
        int classes = set.ClassNames.Count, perClass = destination.Length / Area / classes;
        if (set.ImageLength != Area || set.CountByClass().Min() < perClass)
            throw new UserErrorException($"{set.Name}: {perClass} images of {Side}x{Side} pixels of each class are needed");
        int[] taken = new int[classes];
        for (int i = 0; i < set.Count; i++)
        {
            int label = set.Labels[i];
            if (taken[label] < perClass)
                set.Bytes.Slice(i * Area, Area).CopyTo(destination.Slice((taken[label]++ * classes + label) * Area, Area));
        }
    }
}
