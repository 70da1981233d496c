namespace Ascl.Data.Tests;

public sealed class CifarFilesTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>Five training files of two images and a test file of one; labels count up.</summary>
    private static (string Name, byte[] Data)[] Files10(string top = "") =>
    [
        .. Enumerable.Range(0, 5).Select(i => ($"{top}data_batch_{i + 1}.bin", TwoRecords(i))),
        ($"{top}test_batch.bin", Record([7], 99)),
        ($"{top}batches.meta.txt", [65]),
    ];

    private static byte[] TwoRecords(int file) =>
        [.. Record([(byte)(2 * file)], file), .. Record([(byte)(2 * file + 1)], 50 + file)];

    private static byte[] Record(byte[] labels, int seed) => [.. labels, .. Made.Bytes(3072, seed)];

    [Theory]
    [InlineData("directory")]
    [InlineData("nested directory")]
    [InlineData("tar.gz")]
    public void ReadsCifar10(string form)
    {
        string path = folder.Path;
        if (form == "tar.gz")
            path = folder.Write("cifar-10-binary.tar.gz", Made.Gzip(Made.Tar(Files10("cifar-10-batches-bin/"))));
        else
            WriteAll(Files10(form == "directory" ? "" : "cifar-10-batches-bin/"));
        DataSet set = DataSource.Open($"cifar10:{path}");
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], set.Train.Labels.ToArray());
        Assert.Equal([7], set.Test.Labels.ToArray());
        Assert.Equal("horse", set.ClassNames[7]);
        Assert.Equal((3, 32, 32), (set.Train.Channels, set.Train.Height, set.Train.Width));
        Assert.Equal(Made.Bytes(3072, 51).Select(b => b / 255f), Made.Image(set.Train, 3));
        Assert.Equal(Augmentation.CropAndFlip, set.Augmentation);
        Assert.Equal([0.4914f, 0.4822f, 0.4465f], set.Normalization().Mean);
        Assert.Equal([0.2471f, 0.2435f, 0.2616f], set.Normalization().Std);
    }

    /// <summary>Pickles of Python 2 and 3, which tests/fixtures/cifar_python.py wrote: pixel j of image i is 31·i + 7·j modulo
    /// 256.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void ReadsThePythonVersion(bool isArchive)
    {
        string pickles = Path.Combine(AppContext.BaseDirectory, "fixtures", "cifar-python");
        (string, byte[])[] files =
            [.. Directory.GetFiles(pickles).Select(file => ($"cifar-10-batches-py/{Path.GetFileName(file)}", File.ReadAllBytes(file)))];
        string path = isArchive ? folder.Write("cifar-10-python.tar.gz", Made.Gzip(Made.Tar(files))) : pickles;
        DataSet set = DataSource.Open($"cifar10:{path}");
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], set.Train.Labels.ToArray());
        Assert.Equal([0, 1], set.Test.Labels.ToArray());
        for (int i = 0; i < 10; i++)
            Assert.Equal(Enumerable.Range(0, 3072).Select(j => (31 * i + 7 * j) % 256 / 255f), Made.Image(set.Train, i));
    }

    [Fact]
    public void ReadsTheFineLabelsOfCifar100()
    {
        WriteAll([("train.bin", [.. Record([3, 99], 1), .. Record([4, 0], 2)]), ("test.bin", Record([19, 50], 3))]);
        DataSet set = DataSource.Open($"cifar100:{folder.Path}", new() { AllowEmptyClasses = true });
        Assert.Equal([99, 0], set.Train.Labels.ToArray());
        Assert.Equal([50], set.Test.Labels.ToArray());
        Assert.Equal(100, set.ClassNames.Distinct().Count());
        Assert.Equal(set.ClassNames.Order(StringComparer.Ordinal), set.ClassNames);
        Assert.Equal(Made.Bytes(3072, 2).Select(b => b / 255f), Made.Image(set.Train, 1));
    }

    [Fact]
    public void WrongFilesAreNamed()
    {
        UserError.Expect(() => DataSource.Open($"cifar10:{folder["nowhere"]}"), "nowhere", "no such file");
        WriteAll(Files10());
        File.Delete(folder["data_batch_3.bin"]);
        UserError.Expect(Open, folder.Path, "data_batch_3.bin");
        folder.Write("data_batch_3.bin", Record([1], 1)[..3000]);
        UserError.Expect(Open, "data_batch_3.bin", "3000 bytes", "3073");
        folder.Write("data_batch_3.bin", []);
        UserError.Expect(Open, "data_batch_3.bin", "0 bytes");
        folder.Write("data_batch_3.bin", [.. Record([1], 1), .. Record([10], 1)]);
        UserError.Expect(Open, "data_batch_3.bin", "image 1", "label 10");
        folder.Write("data_batch_3.bin", Record([1], 1));
        folder.Write("copy/data_batch_3.bin", Record([1], 1));
        UserError.Expect(Open, "more than one file data_batch_3.bin");
    }

    private DataSet Open() => DataSource.Open($"cifar10:{folder.Path}");

    private void WriteAll((string Name, byte[] Data)[] files)
    {
        foreach (var (name, data) in files)
            folder.Write(name, data);
    }
}
