namespace Ascl.Data.Tests;

public sealed class EmnistFilesTests : IDisposable
{
    private static readonly DataOptions AllClasses = new() { AllowEmptyClasses = true };

    private readonly TemporaryFolder folder = new();
    private readonly byte[] pixels = Made.Bytes(3 * 4 * 4, 1);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void ImagesAreTransposed()
    {
        Write("balanced", 0, 1, 46);
        DataSet set = DataSource.Open($"emnist-balanced:{folder.Path}", AllClasses);
        Assert.Equal(("emnist-balanced", 3, 3), (set.Name, set.Train.Count, set.Test.Count));
        Assert.Equal((1, 4, 4), (set.Train.Channels, set.Train.Height, set.Train.Width));
        byte[] second = pixels[16..32];
        Assert.Equal([.. Enumerable.Range(0, 16).Select(at => second[at % 4 * 4 + at / 4] / 255f)], Made.Image(set.Train, 1));
        Assert.Equal((47, "A", "a", "t"), (set.ClassNames.Count, set.ClassNames[10], set.ClassNames[36], set.ClassNames[46]));
    }

    [Theory]
    [InlineData("byclass", 62, 0, "0", "z")]
    [InlineData("bymerge", 47, 0, "0", "t")]
    [InlineData("balanced", 47, 0, "0", "t")]
    [InlineData("letters", 26, 1, "a", "z")]
    [InlineData("digits", 10, 0, "0", "9")]
    [InlineData("mnist", 10, 0, "0", "9")]
    public void EverySplitHasItsClasses(string split, int classes, int firstLabel, string first, string last)
    {
        Write(split, (byte)firstLabel, (byte)(firstLabel + 1), (byte)(firstLabel + classes - 1));
        DataSet set = DataSource.Open($"emnist-{split}:{folder.Path}", AllClasses);
        Assert.Equal((classes, first, last), (set.ClassNames.Count, set.ClassNames[0], set.ClassNames[^1]));
        Assert.Equal([0, 1, classes - 1], set.Train.Labels.ToArray());
        // The mapping of the data set itself: label and codes; that of letters has the capital and the small one.
        string mapping = string.Join('\n', set.ClassNames.Select((name, label) =>
            split == "letters" ? $"{label + 1} {char.ToUpper(name[0]) + 0} {name[0] + 0}" : $"{label} {name[0] + 0}"));
        folder.Write($"emnist-{split}-mapping.txt", [.. mapping.Select(c => (byte)c)]);
        Assert.Equal(set.ClassNames, DataSource.Open($"emnist-{split}:{folder.Path}", AllClasses).ClassNames);
    }

    [Fact]
    public void WrongFilesAreNamed()
    {
        UserError.Expect(() => DataSource.Open($"emnist-letters:{folder.Path}"), folder.Path, "emnist-letters-train-images-idx3-ubyte");
        UserError.Expect(() => DataSource.Open("emnist-letter"), "did you mean emnist-letters?");
        Write("letters", 1, 2, 0);
        UserError.Expect(() => DataSource.Open($"emnist-letters:{folder.Path}"),
            "emnist-letters-train-labels-idx1-ubyte.gz", "label 2 is 0; there are 26 classes");
        Write("letters", 1, 2, 27);
        UserError.Expect(() => DataSource.Open($"emnist-letters:{folder.Path}"), "label 2 is 27");
        Write("digits", 1, 2, 0);
        foreach (string mapping in new[] { "0 48\n0 49", "0 48\n12 49", "0", "0 x", "0 10" })
        {
            string path = folder.Write("emnist-digits-mapping.txt", [.. mapping.Select(c => (byte)c)]);
            UserError.Expect(() => DataSource.Open($"emnist-digits:{folder.Path}"), path, "is not a label of its own");
        }
        folder.Write("emnist-digits-mapping.txt", [.. "0 48\n1 49"u8]);
        UserError.Expect(() => DataSource.Open($"emnist-digits:{folder.Path}"), "emnist-digits-mapping.txt", "label 2 is missing");
    }

    private void Write(string split, params byte[] labels)
    {
        foreach (string part in new[] { "train", "test" })
        {
            folder.Write($"emnist-{split}-{part}-images-idx3-ubyte.gz", Made.Gzip(Made.Idx([3, 4, 4], pixels)));
            folder.Write($"emnist-{split}-{part}-labels-idx1-ubyte.gz", Made.Gzip(Made.Idx([3], labels)));
        }
    }
}
