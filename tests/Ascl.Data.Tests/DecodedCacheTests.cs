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
    public void SecondOpeningReadsTheCacheAndGivesTheSame()
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
    public void ChangedArchiveIsDecodedAgainAndATouchedOneIsNot()
    {
        Open();
        File.SetLastWriteTimeUtc(source, File.GetLastWriteTimeUtc(source).AddSeconds(1));
        Assert.False(Open().Decoded);
        folder.Write("pictures.tar", Made.Tar([.. Made.FolderFiles(), ("train/dog/c.png", Made.Png(13))]));
        var (set, decoded) = Open();
        Assert.True(decoded);
        Assert.Equal(6, set.Train.Count);
        Assert.Single(Directory.GetFiles(cache));
    }

    [Fact]
    public void ChangedDirectoryIsDecodedAgain()
    {
        string path = WriteDirectory("pictures");
        Assert.True(Open(path).Decoded);
        Assert.False(Open(path).Decoded);
        Assert.False(Open(path + "/").Decoded);
        string image = folder.Write("pictures/train/cat/1.png", Made.Png(5));
        Assert.True(Open(path).Decoded);
        File.Move(image, folder["pictures/train/cat/9.png"]);
        Assert.True(Open(path).Decoded);
        File.Delete(folder["pictures/train/cat/9.png"]);
        Assert.True(Open(path).Decoded);
        folder.Write("pictures/notes.txt", [1]);
        Assert.True(Open(path).Decoded);
        Directory.CreateDirectory(folder["pictures/train/bird"]);
        UserError.Expect(() => Open(path), "bird");
    }

    /// <summary>Restores the time of change, as cp -p, rsync -t and tar do.</summary>
    [Theory]
    [InlineData("archive")]
    [InlineData("directory")]
    public void OtherContentOfTheSameLengthAndTimeIsNoticed(string form)
    {
        string path = form == "archive" ? source : WriteDirectory("pictures");
        string changed = form == "archive" ? source : folder["pictures/train/cat/1.png"];
        Open(path);
        DateTime time = File.GetLastWriteTimeUtc(changed);
        byte[] bytes = File.ReadAllBytes(changed), image = Made.Png(1), other = Made.Png(2);
        Assert.Equal(image.Length, other.Length);
        int at = bytes.AsSpan().IndexOf(image);
        other.CopyTo(bytes, at);
        File.WriteAllBytes(changed, bytes);
        File.SetLastWriteTimeUtc(changed, time);
        Assert.True(Open(path).Decoded);
    }

    [Theory]
    [InlineData("files")]
    [InlineData("archive")]
    [InlineData("directory")]
    [InlineData("parts")]
    public void ChangesBehindLinksAreNoticed(string kind)
    {
        string store = WriteDirectory("store"), path = folder["linked"], changed = folder["store/train/cat/1.png"];
        byte[] change = Made.Png(99);
        if (kind == "archive")
        {
            (changed, change) = (source, Made.Tar([.. Made.FolderFiles(), ("train/dog/c.png", Made.Png(13))]));
            File.CreateSymbolicLink(path, source);
        }
        else if (kind == "directory")
            Directory.CreateSymbolicLink(path, store);
        else if (kind == "parts")
        {
            Directory.CreateDirectory(path);
            foreach (string part in new[] { "train", "test" })
                Directory.CreateSymbolicLink(Path.Combine(path, part), Path.Combine(store, part));
        }
        else
        {
            foreach (string file in Directory.GetFiles(store, "*", SearchOption.AllDirectories))
            {
                string link = Path.Combine(path, Path.GetRelativePath(store, file));
                Directory.CreateDirectory(Path.GetDirectoryName(link)!);
                File.CreateSymbolicLink(link, file);
            }
        }
        DataSet before = Open(path).Set;
        Assert.False(Open(path).Decoded);
        File.WriteAllBytes(changed, change);
        var (after, decoded) = Open(path);
        Assert.True(decoded);
        Assert.NotEqual(before.ContentHash, after.ContentHash);
    }

    [Fact]
    public void CyclicLinksTerminateAndBrokenLinksAreNamed()
    {
        string path = WriteDirectory("pictures");
        Directory.CreateSymbolicLink(folder["pictures/train/again"], path);
        Directory.CreateSymbolicLink(folder["pictures/up"], "..");
        Assert.Equal(5, Open(path).Set.Train.Count);
        File.CreateSymbolicLink(folder["pictures/train/cat/gone.png"], folder["nowhere.png"]);
        UserError.Expect(() => Open(path), path, "train/cat/gone.png", "nowhere.png");
    }

    [Fact]
    public void EachSetOfOptionsHasItsOwnEntry()
    {
        DataOptions small = new() { Resize = 4 }, empty = new() { AllowEmptyClasses = true };
        Assert.True(Open().Decoded);
        Assert.True(Open(options: small).Decoded);
        Assert.True(Open(options: empty).Decoded);
        Assert.False(Open().Decoded);
        var (set, decoded) = Open(options: small);
        Assert.False(decoded);
        Assert.Equal((4, 4), (set.Train.Height, set.Train.Width));
    }

    [Fact]
    public void CachedDataHaveTheSamePartsAndNotes()
    {
        (string Name, byte[] Data)[] files = Made.FolderFiles();
        Check([.. files, ("train/notes.txt", [1])], new(), true, true);
        Check([.. files.Where(file => file.Name.StartsWith("train"))], new(), true, false);
        Check([.. files.Where(file => file.Name.StartsWith("test"))], new(), false, true);
        (string, byte[])[] flat =
            [.. files.Where(file => file.Name.StartsWith("train")).Select(file => (file.Name["train/".Length..], file.Data))];
        Check(flat, new() { TestShare = 0.4 }, true, true);
        Check(flat, new() { TestShare = 1 }, false, true);
        string path = folder.WriteAs("tar", flat);
        Assert.True(Open(path, new() { TestShare = 0.4 }).Decoded);
        UserError.Expect(() => Open(path), "test-share");

        void Check((string, byte[])[] content, DataOptions options, bool hasTrain, bool hasTest)
        {
            string path = folder.WriteAs("tar", content);
            DataSet first = Open(path, options).Set;
            var (second, decoded) = Open(path, options);
            Assert.False(decoded);
            AssertEqual(first, second);
            Assert.Equal((hasTrain, hasTest), (second.HasTrainPart, second.HasTestPart));
            Assert.NotEmpty(first.Notes);
            Assert.Equal(first.Notes, second.Notes);
        }
    }

    [Fact]
    public void ImagesAreReadWithoutACache()
    {
        // A file in place of the cache's directory makes writing fail.
        string blocked = folder.Write("blocked", [1]);
        var remarks = new Remarks();
        DataSet set = DataSource.Open($"folder:{source}", null, blocked, remarks);
        Assert.Equal(5, set.Train.Count);
        Assert.Contains(remarks, remark => remark.What.Contains("could not be cached") && remark.What.Contains("blocked"));
        Assert.Equal([1], File.ReadAllBytes(blocked));
    }

    [Fact]
    public void ProgressCanCancelOpening()
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

    private string WriteDirectory(string name)
    {
        foreach (var (file, data) in Made.FolderFiles())
            folder.Write($"{name}/{file}", data);
        return folder[name];
    }

    private (DataSet Set, bool Decoded) Open(string? path = null, DataOptions? options = null)
    {
        var remarks = new Remarks();
        DataSet set = DataSource.Open($"folder:{path ?? source}", options, cache, remarks);
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
