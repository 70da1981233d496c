using System.IO.Hashing;
using Ascl.Data.Sample;

namespace Ascl.Data.Tests;

public class FashionMnistSampleTests
{
    private const string SystemCopy = "/usr/share/datasets/fashion-mnist";
    private static readonly DataSet Sample = DataSource.Open("sample");

    [Fact]
    public void HasTheSameNumberOfEachClassInTurn()
    {
        Assert.Equal((5000, 1000), (Sample.Train.Count, Sample.Test.Count));
        Assert.Equal((1, 28, 28), (Sample.Train.Channels, Sample.Train.Height, Sample.Train.Width));
        Assert.Equal(10, Sample.ClassNames.Count);
        Assert.All(Sample.Train.CountByClass(), count => Assert.Equal(500, count));
        Assert.All(Sample.Test.CountByClass(), count => Assert.Equal(100, count));
        Assert.All(Sample.Train.Take(30).CountByClass(), count => Assert.Equal(3, count));
        Assert.Equal(Augmentation.None, Sample.Augmentation);
    }

    [Fact]
    public void PixelsAreThoseThatWereStored()
    {
        Assert.Equal(ExpectedHashes, (XxHash3.HashToUInt64(Sample.Train.Bytes), XxHash3.HashToUInt64(Sample.Test.Bytes)));
        // Fashion-MNIST's own mean and standard deviation are 0.2860 and 0.3530.
        var (mean, std) = Sample.Normalization();
        Assert.Equal(0.286, mean[0], 0.005);
        Assert.Equal(0.353, std[0], 0.005);
    }

    private static readonly (ulong Train, ulong Test) ExpectedHashes = (12173042255526409140, 3750195264668485208);

    /// <summary>Against the public files where they are installed; elsewhere against files made here, which hold the sample's images in an
    /// order of their own and others behind them.</summary>
    [Fact]
    public void PublicFilesGiveTheStoredPixels()
    {
        using var folder = new TemporaryFolder();
        bool installed = Directory.Exists(SystemCopy);
        if (!installed)
        {
            WritePart(folder, "train", Sample.Train);
            WritePart(folder, "t10k", Sample.Test);
        }
        DataSet whole = DataSource.Open($"fashion-mnist:{(installed ? SystemCopy : folder.Path)}");
        byte[] pixels = FashionMnistSample.PixelsFrom(whole);
        Assert.True(pixels.AsSpan().SequenceEqual([.. Sample.Train.Bytes, .. Sample.Test.Bytes]));
    }

    [Fact]
    public void OtherFilesAreNotTakenForFashionMnist()
    {
        var small = new DataSet("small", Made.Set(100, classes: 10), Made.Set(100, classes: 10), Augmentation.None);
        UserError.Expect(() => FashionMnistSample.PixelsFrom(small), "500 images of 28x28");
    }

    private static void WritePart(TemporaryFolder folder, string part, ImageSet set)
    {
        // Class by class, last class first, because only the order within a class counts. Then ten more images of class 0.
        int[] order = [.. Enumerable.Range(0, set.Count).OrderByDescending(i => set.Labels[i])];
        byte[] extra = new byte[10 * set.ImageLength];
        byte[] pixels = [.. order.SelectMany(i => set.Bytes.Slice(i * set.ImageLength, set.ImageLength).ToArray()), .. extra];
        byte[] labels = [.. order.Select(i => (byte)set.Labels[i]), .. new byte[10]];
        folder.Write($"{part}-images-idx3-ubyte", Made.Idx([labels.Length, 28, 28], pixels));
        folder.Write($"{part}-labels-idx1-ubyte", Made.Idx([labels.Length], labels));
    }
}
