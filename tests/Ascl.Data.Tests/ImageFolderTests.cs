using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string, string> Forms()
    {
        var forms = new TheoryData<string, string>();
        foreach (string form in new[] { "directory", "tar", "tar.gz", "tgz", "zip" })
        {
            foreach (string top in new[] { "", "pictures/", "./" })
                forms.Add(form, top);
        }
        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void ReadsEveryFormClassesInTurn(string form, string top)
    {
        DataSet set = Open(Write(form, Made.FolderFiles(top)));
        Assert.Equal(["cat", "dog"], set.ClassNames);
        Assert.Equal([0, 1, 0, 1, 0], set.Train.Labels.ToArray());
        Assert.Equal([0, 1], set.Test.Labels.ToArray());
        Assert.Equal((3, 5, 6), (set.Train.Channels, set.Train.Height, set.Train.Width));
        int[] seeds = [1, 11, 2, 12, 3];
        for (int i = 0; i < seeds.Length; i++)
            Assert.Equal(Pixels(seeds[i], 3), Made.Image(set.Train, i));
        Assert.Equal(Pixels(21, 3), Made.Image(set.Test, 1));
        Assert.Equal(Augmentation.CropAndFlip, set.Augmentation);
        Assert.Null(set.KnownNormalization);
    }

    [Fact]
    public void GreyImagesHaveOneChannelAndNoAugmentation()
    {
        DataSet set = Open(Write("zip", [("train/a/1.png", Made.Png(1, channels: 1)), ("test/a/1.PNG", Made.Png(2, channels: 1))]));
        Assert.Equal(1, set.Train.Channels);
        Assert.Equal(Pixels(1, 1), Made.Image(set.Train, 0));
        Assert.Equal(Augmentation.None, set.Augmentation);
    }

    [Fact]
    public void ReadsJpeg()
    {
        DataSet set = Open(Write("tar.gz", [("train/a/1.jpg", Made.Jpeg(200, 100, 50)), ("test/a/1.JPEG", Made.Jpeg(0, 255, 0))]));
        float[] image = Made.Image(set.Train, 0);
        for (int i = 0; i < image.Length; i++)
            Assert.InRange(image[i] * 255, new[] { 200, 100, 50 }[i / 30] - 3, new[] { 200, 100, 50 }[i / 30] + 3);
    }

    [Fact]
    public void HiddenAndSystemFilesAreIgnored()
    {
        string[] names =
        [
            "train/cat/.DS_Store", "__MACOSX/train/cat/._1.png", ".git/train/cat/x", "train/cat/@eaDir/1.png/THUMB.jpg",
            "train/lost+found/1.png",
        ];
        (string, byte[])[] extra = [.. names.Select(name => (name, new byte[] { 1 }))];
        foreach (string form in new[] { "directory", "tar", "zip" })
        {
            DataSet set = Open(Write(form, [.. extra, .. Made.FolderFiles()]));
            Assert.Equal((5, 2), (set.Train.Count, set.ClassNames.Count));
            Assert.Empty(set.Notes);
        }
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("tar.gz")]
    [InlineData("zip")]
    public void WrongImagesAreNamed(string form)
    {
        Expect(("train/cat/bad.png", [1, 2, 3]), "train/cat/bad.png", "neither a JPEG nor a PNG");
        Expect(("train/cat/bad.png", []), "train/cat/bad.png", "neither");
        Expect(("train/cat/bad.png", Made.Png(1)[..^20]), "train/cat/bad.png", "truncated");
        Expect(("train/cat/bad.jpg", Made.Jpeg(1, 2, 3)[..^20]), "train/cat/bad.jpg", "truncated");
        Expect(("train/cat/bad.jpg", [.. Made.Jpeg(1, 2, 3)[..20], 0xFF, 0xD9]), "train/cat/bad.jpg");
        Expect(("train/cat/bad.jpg", LongHeader()), "train/cat/bad.jpg", "ends too early");
        Expect(("train/cat/bad.png", Made.Png(1, width: 7)), "train/cat/bad.png", "7x5", "6x5", "resize 5 and crop 5");
        Expect(("train/cat/bad.webp", [65]), "train/cat/bad.webp", ".png");
        Expect(("train/cat/bad.png", [.. "GIF89a"u8]), "train/cat/bad.png", "GIF");
        Expect(("train/loose.png", Made.Png(1)), "train", "loose.png");
        Expect(("train/cat/deep/er.png", Made.Png(1)), "train/cat/deep/er.png", "<class>");

        void Expect((string, byte[]) wrong, params string[] parts)
        {
            string path = Write(form, [.. Made.FolderFiles(), wrong]);
            UserError.Expect(() => Open(path), [path, .. parts]);
        }
    }

    [Fact]
    public void FirstWrongImageIsNamedForAnyNumberOfThreads()
    {
        (string, byte[])[] many =
            [.. Enumerable.Range(0, 200).Select(i => ($"train/a/{i:000}.png", i >= 40 && i % 2 == 0 ? [1] : Made.Png(i)))];
        string path = Write("tar", [.. many, ("test/a/0.png", Made.Png(0))]);
        for (int i = 0; i < 10; i++)
            UserError.Expect(() => Open(path), "train/a/040.png");
    }

    [Fact]
    public void CorruptPngChunkIsNoticed()
    {
        byte[] png = Made.Png(1);
        for (int at = 8; at < png.Length; at++)
        {
            byte[] broken = [.. png];
            broken[at] ^= 1;
            string path = Write("tar", [.. Made.FolderFiles(), ("train/cat/bad.png", broken)]);
            UserError.Expect(() => Open(path), "train/cat/bad.png");
        }
    }

    [Theory]
    [InlineData("tar")]
    [InlineData("zip")]
    public void NamesOutsideTheArchiveAreRefused(string form)
    {
        foreach (string name in new[] { "train/../../etc/x.png", "../x.png", "/train/cat/x.png", "C:/train/cat/x.png", "train\\..\\x.png" })
        {
            string path = Write(form, [.. Made.FolderFiles(), (name, Made.Png(1))]);
            UserError.Expect(() => Open(path), path, name, "outside");
        }
    }

    [Fact]
    public void DoubleEntriesInArchivesAreRefused() =>
        UserError.Expect(() => Open(Write("tar", [.. Made.FolderFiles(), .. Made.FolderFiles()])), "two entries");

    [Theory]
    [InlineData("directory")]
    [InlineData("tar")]
    [InlineData("zip")]
    public void MissingPartsAndEmptyClassesAreNamed(string form)
    {
        (string Name, byte[] Data)[] files = Made.FolderFiles();
        Expect([("cat/1.png", Made.Png(1))], "train", "test-share 0.2", "test-share 1");
        Expect([("1.png", Made.Png(1))], "1.png", "<class>/<image>");
        Expect([("train/cat/README", [1])], "no images", "train/<class>");
        Expect([.. files.Where(file => !file.Name.StartsWith("train/cat"))], "cat", "training", "allow-empty-classes");
        Expect([.. files, ("train/bird/", [])], "bird", "training", "allow-empty-classes");
        Expect([.. files, ("test/bird/", [])], "bird", "training", "allow-empty-classes");
        Expect([.. files, ("top/train/cat/x.png", Made.Png(1))], "top");

        void Expect((string, byte[])[] wrong, params string[] parts)
        {
            string path = Write(form, wrong);
            UserError.Expect(() => Open(path), [path, .. parts]);
        }
    }

    /// <summary>Broken archives give a user error or all images; never another exception, and never a part of the images
    /// silently.</summary>
    [Theory]
    [InlineData("tar")]
    [InlineData("tar.gz")]
    [InlineData("zip")]
    public void CorruptedArchivesOpenOrGiveAUserError(string form)
    {
        byte[] whole = File.ReadAllBytes(Write(form, Made.FolderFiles()));
        var random = new Random(1);
        for (int i = 0; i < 150; i++)
        {
            byte[] broken = [.. whole];
            int at = random.Next(whole.Length);
            broken[at] ^= (byte)(1 << random.Next(8));
            string path = folder.Write("broken", broken);
            try
            {
                Assert.InRange(Open(path).Train.Count, 1, 5);
            }
            catch (Core.Diagnostics.UserErrorException e)
            {
                Assert.Contains(path, e.Message);
            }
        }
        // Every block of the tar; of the gzip all but the end, which holds only zeros and a checksum.
        int end = form switch { "tar" => whole.Length - 1024, "tar.gz" => whole.Length - 40, _ => whole.Length };
        for (int length = 0; length < end; length += form == "tar" ? 256 : 23)
        {
            string path = folder.Write("broken", whole[..length]);
            UserError.Expect(() => Open(path), path);
        }
    }

    /// <summary>A JPEG whose first segment claims to be longer than the file: the decoder alone would search for the next one for
    /// ever.</summary>
    private static byte[] LongHeader()
    {
        byte[] jpeg = Made.Jpeg(1, 2, 3);
        jpeg[4] = 0x27;
        return jpeg;
    }

    private DataSet Open(string path) => DataSource.Open($"folder:{path}", cacheDirectory: folder["cache"]);

    private string Write(string form, (string Name, byte[] Data)[] files) => folder.WriteAs(form, files);

    /// <summary>The pixels of a 6×5 image of <see cref="Made.Png(int, int, int, int)"/>, in CHW order.</summary>
    private static float[] Pixels(int seed, int channels)
    {
        byte[] together = Made.Bytes(30 * channels, seed);
        return [.. Enumerable.Range(0, 30 * channels).Select(i => together[i % 30 * channels + i / 30] / 255f)];
    }
}
