namespace Ascl.Data.Tests;

public sealed class IdxFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly byte[] trainPixels = Made.Bytes(5 * 3 * 4, 1), testPixels = Made.Bytes(2 * 3 * 4, 2);

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, ".gz")]
    [InlineData(false, ".gz")]
    public void ReadsPlainAndGzip(bool gzip, string extension)
    {
        WriteAll(gzip, extension);
        DataSet set = DataSource.Open($"mnist:{folder.Path}");
        Assert.Equal(("mnist", 5, 2, 1, 3, 4), (set.Name, set.Train.Count, set.Test.Count, set.Train.Channels, set.Train.Height, set.Train.Width));
        Assert.Equal([0, 9, 1, 2, 3], set.Train.Labels.ToArray());
        Assert.Equal([4, 5], set.Test.Labels.ToArray());
        Assert.Equal(trainPixels.AsSpan(12, 12).ToArray().Select(b => b / 255f), Made.Image(set.Train, 1));
        Assert.Equal(testPixels.AsSpan(12, 12).ToArray().Select(b => b / 255f), Made.Image(set.Test, 1));
        Assert.Equal(Augmentation.None, set.Augmentation);
        Assert.Equal("Dress", DataSource.Open($"fashion-mnist:{folder.Path}").ClassNames[3]);
    }

    [Fact]
    public void ReadsNamesWithADot()
    {
        WriteAll(false, "");
        foreach (string file in Directory.GetFiles(folder.Path))
            File.Move(file, file.Replace("-idx", ".idx"));
        Assert.Equal(5, DataSource.Open($"mnist:{folder.Path}").Train.Count);
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
            UserError.Expect(Open, folder["train-images-idx3-ubyte"], "truncated");
        }
        for (int length = 0; length < packed.Length; length++)
        {
            folder.Write("train-images-idx3-ubyte", packed[..length]);
            UserError.Expect(Open, folder["train-images-idx3-ubyte"]);
        }
    }

    [Fact]
    public void CorruptGzipIsNoticed()
    {
        WriteAll(true, ".gz");
        byte[] packed = Made.Gzip(Made.Idx([5, 3, 4], trainPixels));
        // From the compressed data to the checksum and length at the end; the ten bytes before are mostly not looked at by anyone.
        for (int at = 10; at < packed.Length; at++)
        {
            byte[] broken = [.. packed];
            broken[at] ^= 0x10;
            folder.Write("train-images-idx3-ubyte.gz", broken);
            UserError.Expect(Open, folder["train-images-idx3-ubyte.gz"]);
        }
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
    }

    [Fact]
    public void CountsAndLabelsAreChecked()
    {
        WriteAll(false, "");
        folder.Write("train-labels-idx1-ubyte", Made.Idx([4], [0, 9, 1, 2]));
        UserError.Expect(Open, "train-images-idx3-ubyte", "5 images", "train-labels-idx1-ubyte", "4 labels");
        folder.Write("train-labels-idx1-ubyte", Made.Idx([5], [0, 9, 10, 2, 3]));
        UserError.Expect(Open, "train-labels-idx1-ubyte", "label 2 is 10");
    }

    private DataSet Open() => DataSource.Open($"mnist:{folder.Path}");

    private void WriteAll(bool gzip, string extension)
    {
        Write("train-images-idx3-ubyte", Made.Idx([5, 3, 4], trainPixels));
        Write("train-labels-idx1-ubyte", Made.Idx([5], [0, 9, 1, 2, 3]));
        Write("t10k-images-idx3-ubyte", Made.Idx([2, 3, 4], testPixels));
        Write("t10k-labels-idx1-ubyte", Made.Idx([2], [4, 5]));

        void Write(string name, byte[] data) => folder.Write(name + extension, gzip ? Made.Gzip(data) : data);
    }
}
