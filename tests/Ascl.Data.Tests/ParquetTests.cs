using Ascl.Core.Diagnostics;

namespace Ascl.Data.Tests;

/// <summary>Reads files that Arrow's C++ library wrote in Hugging Face's form (scripts/make-parquet-fixtures.cs).</summary>
public sealed class ParquetTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ReadsWhatAFolderOfTheSameImagesGives()
    {
        string[] names = ["dog", "cat", "owl"];
        (string, byte[])[] files =
        [
            .. Enumerable.Range(1, 10).Select(seed => ($"{(seed < 8 ? "train" : "test")}/{names[seed % 3]}/{seed:00}.png", Made.Png(seed))),
        ];
        DataSet expected = DataSource.Open($"folder:{folder.WriteAs("zip", files)}", cacheDirectory: folder["cache"]);
        DataSet set = Open(Fixture("animals"));
        Assert.Equal(names, set.ClassNames);
        Assert.Equal([1, 2, 0, 1, 2, 0, 1], set.Train.Labels.ToArray());
        Assert.Equal([2, 0, 1], set.Test.Labels.ToArray());
        Assert.Equal(Augmentation.CropAndFlip, set.Augmentation);
        Assert.Equal(ByClass(expected.Train), ByClass(set.Train));
        Assert.Equal(ByClass(expected.Test), ByClass(set.Test));
        CheckImages(set.Train, 1, 2, 3, 4, 5, 6, 7);
        Assert.Empty(set.Notes);

        static string[] ByClass(ImageSet images) =>
        [
            .. images.PixelHashes().Select((hash, i) => $"{images.ClassNames[images.Labels[i]]} {hash}").Order(StringComparer.Ordinal),
        ];
    }

    [Theory]
    [InlineData("pages", "11 12 11 13 14 15 16 17")]
    [InlineData("repeated", "21 22 21 21 22 23 21")]
    [InlineData("stored", "31 32 33")]
    public void ReadsEveryFormOfPages(string name, string seeds)
    {
        int[] expected = [.. seeds.Split(' ').Select(int.Parse)];
        DataSet set = Open(Fixture($"{name}.parquet"));
        CheckImages(set.Train, expected);
        Assert.Equal([.. expected.Select(seed => seed % 3)], set.Train.Labels.ToArray());
        Assert.Equal(["0", "1", "2"], set.ClassNames);
        Assert.False(set.HasTestPart);
        Assert.Equal(name == "pages", set.Notes.Contains("fine_label is read, coarse_label left out"));
    }

    [Fact]
    public void AFileIsThePartThatItsNameTells()
    {
        DataSet train = Open(Fixture("animals/data/train-00001-of-00002.parquet"), new() { AllowEmptyClasses = true });
        Assert.Equal((true, false, 3), (train.HasTrainPart, train.HasTestPart, train.Train.Count));
        Assert.Contains(train.Notes, note => note.Contains("is one of 2 files"));
        DataSet test = Open(Fixture("animals/data/test-00000-of-00001.parquet"));
        Assert.Equal((false, true, 3), (test.HasTrainPart, test.HasTestPart, test.Test.Count));
        CheckImages(test.Test, 8, 9, 10);
    }

    [Fact]
    public void ImagesAreResizedAndCroppedAsThoseOfFolders()
    {
        DataOptions options = new() { Resize = 4, Crop = 3, TestShare = 0.4 };
        (string, byte[])[] files = [.. new[] { 31, 32, 33 }.Select(seed => ($"{seed % 3}/{seed}.png", Made.Png(seed)))];
        DataOptions whole = options with { TestShare = 1 };
        DataSet expected = DataSource.Open($"folder:{folder.WriteAs("zip", files)}", whole, folder["cache"]);
        DataSet set = Open(Fixture("stored.parquet"), whole);
        Assert.Equal((3, 3), (set.Test.Height, set.Test.Width));
        Assert.Equal(expected.Test.PixelHashes().Order(), set.Test.PixelHashes().Order());
        Assert.Equal(3, Open(Fixture("repeated.parquet"), options with { Crop = null }).Test.Count);
    }

    [Fact]
    public void DecodedImagesAreCachedUntilTheFileChanges()
    {
        string path = folder.Write("mine.parquet", File.ReadAllBytes(Fixture("stored.parquet")));
        Assert.True(Decodes(path));
        Assert.False(Decodes(path));
        folder.Write("mine.parquet", File.ReadAllBytes(Fixture("repeated.parquet")));
        Assert.True(Decodes(path));

        bool Decodes(string path)
        {
            bool decodes = false;
            var progress = new Reports(report => decodes |= report.What.StartsWith("decoding"));
            DataSource.Open($"parquet:{path}", null, folder["cache"], progress);
            return decodes;
        }
    }

    [Fact]
    public void ShardsAreReadInTheirOrderAndMissingOnesNamed()
    {
        byte[] first = File.ReadAllBytes(Fixture("stored.parquet")), second = File.ReadAllBytes(Fixture("repeated.parquet"));
        Write("a/train-00001-of-00002-0123456789abcdef.parquet", second);
        Expect("a", "train-00000-of-00002.parquet is missing");
        Write("a/train-00000-of-00002-fedcba9876543210.parquet", first);
        CheckImages(Open(folder["a"]).Train, 31, 32, 33, 21, 22, 21, 21, 22, 23, 21);
        Write("a/train-00000-of-00002.parquet", first);
        Expect("a", "has both");
        for (int i = 0; i < 12; i++)
            Write($"b/test/{i:0000}.parquet", i == 9 ? second : first);
        DataSet numbered = Open(folder["b"]);
        Assert.False(numbered.HasTrainPart);
        Assert.Equal(21 % 3, numbered.Test.Labels[27]);
        File.Delete(folder["b/test/0004.parquet"]);
        Expect("b", "number 4", "0000.parquet", "is missing");
        Write("c/train-00000-of-00001.parquet", first);
        Write("c/other/train-00000-of-00001.parquet", first);
        Expect("c", "not files of one series");
        Write("d/extra-00000-of-00001.parquet", first);
        Write("d/more-00000-of-00001.parquet", first);
        Expect("d", "no file is of a part by its name", "extra-00000-of-00001.parquet");
        Write("d/cropped_train-00000-of-00001.parquet", first);
        Write("d/cropped_validation-00000-of-00001.parquet", second);
        DataSet parts = Open(folder["d"]);
        Assert.Equal((3, 7), (parts.Train.Count, parts.Test.Count));
        Assert.Contains(parts.Notes, note => note.Contains("extra-00000-of-00001.parquet"));
        Assert.Contains(parts.Notes, note => note.Contains("validation") && note.Contains("is read as the test part"));
        Write("d/cropped_test-00000-of-00001.parquet", second);
        Assert.Contains(Open(folder["d"]).Notes, note => note.Contains("validation") && note.Contains("is left out"));
        Write("e/notes.txt", first);
        Expect("e", "has no .parquet files");

        void Write(string name, byte[] file) => folder.Write(name, file);

        void Expect(string name, params string[] parts) => UserError.Expect(() => Open(folder[name]), [folder[name], .. parts]);
    }

    [Fact]
    public void OtherFilesAreRefused()
    {
        byte[] whole = File.ReadAllBytes(Fixture("stored.parquet"));
        Expect([], "is empty");
        Expect([1, 2, 3], "is not a Parquet file");
        Expect(Made.Png(1), "is not a Parquet file");
        Expect(whole[..^1], "is truncated");
        Expect(whole[..(whole.Length / 2)], "is truncated");
        Expect([.. whole[..^4], .. "PARE"u8], "is encrypted");
        Expect([.. whole[..^8], .. BitConverter.GetBytes(int.MaxValue), .. "PAR1"u8], "is damaged", "footer claims 2147483647 bytes");
        Expect([.. whole[..^8], .. BitConverter.GetBytes(-1), .. "PAR1"u8], "is damaged", "footer claims -1 bytes");
        byte[] broken = [.. whole];
        broken[whole.AsSpan().IndexOf("IDAT"u8) + 6] ^= 1;
        Expect(broken, "is damaged", "checksum");

        void Expect(byte[] file, params string[] parts)
        {
            string path = folder.Write("wrong.parquet", file);
            UserError.Expect(() => Open(path), [path, .. parts]);
        }
    }

    private DataSet Open(string path, DataOptions? options = null) => DataSource.Open($"parquet:{path}", options, folder["cache"]);

    internal static string Fixture(string name) => Path.Combine(AppContext.BaseDirectory, "Parquet", name);

    private static void CheckImages(ImageSet images, params int[] seeds)
    {
        Assert.Equal(seeds.Length, images.Count);
        for (int i = 0; i < seeds.Length; i++)
        {
            byte[] pixels = Made.Bytes(6 * 5 * 3, seeds[i]);
            Assert.Equal([.. Enumerable.Range(0, 90).Select(at => pixels[at % 30 * 3 + at / 30] / 255f)], Made.Image(images, i));
        }
    }

    private sealed class Reports(Action<DataProgress> report) : IProgress<DataProgress>
    {
        public void Report(DataProgress value)
        {
            lock (this)
                report(value);
        }
    }
}
