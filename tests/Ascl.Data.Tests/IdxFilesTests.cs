using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

public sealed class IdxFilesTests : IDisposable
{
    /// <summary>The few images of these files do not cover all classes.</summary>
    private static readonly DataOptions AllClasses = new() { AllowEmptyClasses = true };

    private readonly TemporaryFolder folder = new();
    private readonly byte[] trainPixels = Made.Bytes(5 * 3 * 4, 1), testPixels = Made.Bytes(6 * 3 * 4, 2);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, ".gz")]
    [InlineData(false, ".gz")]
    public void ReadsPlainAndGzip(bool gzip, string extension)
    {
        WriteAll(gzip, extension);
        DataSet set = DataSource.Open($"mnist:{folder.Path}", AllClasses);
        Assert.Equal(("mnist", 5, 6), (set.Name, set.Train.Count, set.Test.Count));
        Assert.Equal((1, 3, 4), (set.Train.Channels, set.Train.Height, set.Train.Width));
        Assert.Equal([0, 1, 2, 3, 4], set.Train.Labels.ToArray());
        Assert.Equal([4, 5, 6, 7, 8, 9], set.Test.Labels.ToArray());
        Assert.Equal(trainPixels.AsSpan(12, 12).ToArray().Select(b => b / 255f), Made.Image(set.Train, 1));
        Assert.Equal(testPixels.AsSpan(12, 12).ToArray().Select(b => b / 255f), Made.Image(set.Test, 1));
        Assert.Equal(Augmentation.None, set.Augmentation);
        Assert.Equal("Dress", DataSource.Open($"fashion-mnist:{folder.Path}", AllClasses).ClassNames[3]);
    }

    [Fact]
    public void ReadsNamesWithADot()
    {
        WriteAll(false, "");
        foreach (string file in Directory.GetFiles(folder.Path))
            File.Move(file, file.Replace("-idx", ".idx"));
        Assert.Equal(5, DataSource.Open($"mnist:{folder.Path}", AllClasses).Train.Count);
    }

    [Fact]
    public void MissingFileIsNamed()
    {
        UserError.Expect(Open, folder.Path, "train-images-idx3-ubyte");
        WriteAll(false, "");
        File.Delete(folder["t10k-labels-idx1-ubyte"]);
        UserError.Expect(Open, folder.Path, "t10k-labels-idx1-ubyte");
    }

    [Fact]
    public void TruncationIsNoticedAtEveryLength()
    {
        WriteAll(false, "");
        byte[] whole = Made.Idx([5, 3, 4], trainPixels), packed = Made.Gzip(whole);
        for (int length = 0; length < whole.Length; length++)
        {
            folder.Write("train-images-idx3-ubyte", whole[..length]);
            UserError.Expect(Open, folder["train-images-idx3-ubyte"], length == 0 ? "is empty" : "truncated");
        }
        // The last bytes of a gzip file are its checksum and length: without them everything is there, but unchecked.
        for (int length = 1; length < packed.Length - 12; length++)
        {
            folder.Write("train-images-idx3-ubyte", packed[..length]);
            UserError.Expect(Open, folder["train-images-idx3-ubyte"], "truncated");
        }
    }

    [Fact]
    public void CorruptGzipIsNoticed()
    {
        WriteAll(true, ".gz");
        byte[] packed = Made.Gzip(Made.Idx([5, 3, 4], trainPixels));
        // A damaged byte may be an unused one, such as the time of packing, but the images must not change.
        int noticed = 0;
        float[] first = Made.Image(Open().Train, 0);
        for (int at = 0; at < packed.Length; at++)
        {
            byte[] broken = [.. packed];
            broken[at] ^= 0x10;
            folder.Write("train-images-idx3-ubyte.gz", broken);
            try
            {
                Assert.Equal(first, Made.Image(Open().Train, 0));
            }
            catch (Core.Diagnostics.UserErrorException e)
            {
                Assert.Contains(folder["train-images-idx3-ubyte.gz"], e.Message);
                noticed++;
            }
        }
        Assert.InRange(noticed, packed.Length - 8, packed.Length);
    }

    [Fact]
    public void WrongHeadersAreNamed()
    {
        WriteAll(false, "");
        string images = "train-images-idx3-ubyte";
        folder.Write(images, Made.Idx([5, 3, 4], trainPixels, magic: 0x0D03));
        UserError.Expect(Open, images, "0x00000D03", "0x00000803");
        folder.Write(images, Made.Idx([5, 3, 4], [.. trainPixels, 1]));
        UserError.Expect(Open, images, "goes on");
        folder.Write(images, Made.Idx([int.MaxValue, int.MaxValue, int.MaxValue], trainPixels));
        UserError.Expect(Open, images, "claims");
        folder.Write(images, Made.Idx([-5, 3, 4], trainPixels));
        UserError.Expect(Open, images, "claims");
        folder.Write(images, Made.Idx([500_000, 30, 40], trainPixels));
        UserError.Expect(Open, images, "truncated");
        // 2 GB are claimed; memory grows with the bytes that are read.
        folder.Write(images, Made.Idx([2000, 1000, 1000], trainPixels));
        long before = GC.GetAllocatedBytesForCurrentThread();
        UserError.Expect(Open, images, "truncated");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 25);
    }

    [Fact]
    public void CountsAndLabelsAreChecked()
    {
        WriteAll(false, "");
        folder.Write("train-labels-idx1-ubyte", Made.Idx([4], [0, 1, 2, 3]));
        UserError.Expect(Open, "train-images-idx3-ubyte", "5 images", "train-labels-idx1-ubyte", "4 labels");
        folder.Write("train-labels-idx1-ubyte", Made.Idx([5], [0, 1, 10, 3, 4]));
        UserError.Expect(Open, "train-labels-idx1-ubyte", "label 2 is 10");
    }

    [Fact]
    public void ClassesWithoutImagesAreRefused()
    {
        WriteAll(false, "");
        folder.Write("t10k-labels-idx1-ubyte", Made.Idx([6], [4, 5, 6, 7, 8, 8]));
        UserError.Expect(() => DataSource.Open($"mnist:{folder.Path}"),
            folder.Path, "labels are 0 to 8 of 10 classes", "9 has no images", "allow-empty-classes");
        DataSet set = DataSource.Open($"mnist:{folder.Path}", AllClasses);
        Assert.Equal(10, set.ClassNames.Count);
        Assert.Contains(set.Notes, note => note == "without images: 9");
    }

    private DataSet Open() => DataSource.Open($"mnist:{folder.Path}", AllClasses);

    private void WriteAll(bool gzip, string extension)
    {
        Write("train-images-idx3-ubyte", Made.Idx([5, 3, 4], trainPixels));
        Write("train-labels-idx1-ubyte", Made.Idx([5], [0, 1, 2, 3, 4]));
        Write("t10k-images-idx3-ubyte", Made.Idx([6, 3, 4], testPixels));
        Write("t10k-labels-idx1-ubyte", Made.Idx([6], [4, 5, 6, 7, 8, 9]));

        void Write(string name, byte[] data) => folder.Write(name + extension, gzip ? Made.Gzip(data) : data);
    }
}
