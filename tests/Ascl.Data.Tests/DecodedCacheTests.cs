namespace Ascl.Data.Tests;

public sealed class DecodedCacheTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string source, cache;

    public DecodedCacheTests()
    {
        source = folder.Write("pictures.tar", Made.Tar(Made.FolderFiles()));
        cache = folder["cache"];
    }

    public void Dispose() => folder.Dispose();

    [Fact]
    public void SecondOpeningDecodesNothingAndGivesTheSame()
    {
        var (first, decoded) = Open();
        var (second, decodedAgain) = Open();
        Assert.True(decoded);
        Assert.False(decodedAgain);
        AssertEqual(first, second);
        Assert.Single(Directory.GetFiles(cache));
    }

    [Fact]
    public void AnyBrokenByteOrLengthIsNoticedAndRepaired()
    {
        var (first, _) = Open();
        string file = Directory.GetFiles(cache).Single();
        byte[] whole = File.ReadAllBytes(file);
        for (int at = 0; at < whole.Length; at += at < 200 ? 1 : 7)
        {
            byte[] broken = [.. whole];
            broken[at] ^= 0x41;
            Check(broken);
        }
        for (int length = 0; length < whole.Length; length += 50)
            Check(whole[..length]);
        Check([.. whole, 0]);

        void Check(byte[] broken)
        {
            File.WriteAllBytes(file, broken);
            var (set, decoded) = Open();
            Assert.True(decoded);
            AssertEqual(first, set);
            Assert.Equal(whole, File.ReadAllBytes(file));
        }
    }

    [Fact]
    public void ChangedArchiveIsDecodedAgain()
    {
        Open();
        File.SetLastWriteTimeUtc(source, File.GetLastWriteTimeUtc(source).AddSeconds(1));
        Assert.True(Open().Decoded);
        folder.Write("pictures.tar", Made.Tar([.. Made.FolderFiles(), ("train/dog/c.png", Made.Png(13))]));
        var (set, decoded) = Open();
        Assert.True(decoded);
        Assert.Equal(6, set.Train.Count);
        Assert.Single(Directory.GetFiles(cache));
    }

    [Fact]
    public void ChangedDirectoryIsDecodedAgain()
    {
        foreach (var (name, data) in Made.FolderFiles())
            folder.Write($"pictures/{name}", data);
        string path = folder["pictures"];
        Assert.True(Open(path).Decoded);
        Assert.False(Open(path).Decoded);
        Assert.False(Open(path + "/").Decoded);
        string image = folder.Write("pictures/train/cat/1.png", Made.Png(5));
        File.SetLastWriteTimeUtc(image, DateTime.UtcNow.AddMinutes(1));
        Assert.True(Open(path).Decoded);
        File.Delete(image);
        Assert.True(Open(path).Decoded);
        Directory.CreateDirectory(folder["pictures/train/bird"]);
        UserError.Expect(() => Open(path), "bird");
    }

    [Fact]
    public void WithoutACacheTheImagesStillCome()
    {
        // A file where the cache's directory should be: nothing can be written there.
        string blocked = folder.Write("blocked", [1]);
        var remarks = new Remarks();
        DataSet set = DataSource.Open($"folder:{source}", null, blocked, remarks);
        Assert.Equal(5, set.Train.Count);
        Assert.Contains(remarks, remark => remark.What.Contains("could not be kept") && remark.What.Contains("blocked"));
        Assert.Equal([1], File.ReadAllBytes(blocked));
    }

    [Fact]
    public void ProgressCanEndTheOpening()
    {
        Assert.Throws<OperationCanceledException>(() => DataSource.Open($"folder:{source}", null, cache, new Stop()));
        Assert.False(Directory.Exists(cache));
    }

    private sealed class Stop : IProgress<DataProgress>
    {
        public void Report(DataProgress value)
        {
            if (value.Total > 0)
                throw new OperationCanceledException();
        }
    }

    private (DataSet Set, bool Decoded) Open(string? path = null)
    {
        var remarks = new Remarks();
        DataSet set = DataSource.Open($"folder:{path ?? source}", null, cache, remarks);
        return (set, remarks.Any(remark => remark.What.StartsWith("decoding")));
    }

    private static void AssertEqual(DataSet a, DataSet b)
    {
        Assert.Equal((a.Name, a.Train.Name, a.Test.Name, a.Augmentation), (b.Name, b.Train.Name, b.Test.Name, b.Augmentation));
        Assert.Equal(a.ClassNames, b.ClassNames);
        foreach (var (x, y) in new[] { (a.Train, b.Train), (a.Test, b.Test) })
        {
            Assert.Equal(x.Labels.ToArray(), y.Labels.ToArray());
            for (int i = 0; i < x.Count; i++)
                Assert.Equal(Made.Image(x, i), Made.Image(y, i));
        }
    }

    private sealed class Remarks : List<DataProgress>, IProgress<DataProgress>
    {
        public void Report(DataProgress value)
        {
            lock (this)
                Add(value);
        }
    }
}
