namespace Ascl.Data.Tests;

public sealed class FolderLayoutTests : IDisposable
{
    private const string Composed = "caf\u00e9", Decomposed = "cafe\u0301";
    private static readonly byte[] Image = Made.Png(1);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("train", "test")]
    [InlineData("Train", "TEST")]
    [InlineData("training", "testing")]
    [InlineData("train", "val")]
    [InlineData("train", "Valid")]
    [InlineData("Training", "validation")]
    public void CommonNamesOfPartsAreRecognized(string train, string test)
    {
        DataSet set = Open(Parts((train, 3), (test, 2)));
        Assert.Equal((6, 4, true, true), (set.Train.Count, set.Test.Count, set.HasTrainPart, set.HasTestPart));
        Assert.Equal(test.StartsWith("val", StringComparison.OrdinalIgnoreCase) ? [$"{test} is read as the test part"] : [], set.Notes);
    }

    [Fact]
    public void TestIsPreferredToVal()
    {
        DataSet set = Open(Parts(("train", 3), ("val", 2), ("test", 1)));
        Assert.Equal((6, 2), (set.Train.Count, set.Test.Count));
        Assert.Equal(["val (4 images) is left out: test is the test part"], set.Notes);
    }

    [Theory]
    [InlineData("test")]
    [InlineData("val")]
    public void TestImagesAloneAreForEvaluation(string part)
    {
        DataSet set = Open(Parts((part, 2)));
        Assert.Equal((4, true, false), (set.Test.Count, set.HasTestPart, set.HasTrainPart));
        Assert.Same(set.Test, set.Train);
        Assert.Contains(set.Notes, note => note.Contains("evaluation only"));
        UserError.Expect(() => Open(Parts((part, 2)), new() { TestShare = 0.5 }), "test-share 0.5", "these have 4");
    }

    [Fact]
    public void TrainingImagesAloneStandInForTestImagesOrAreSplit()
    {
        DataSet set = Open(Parts(("train", 5)));
        Assert.Equal((10, false, true), (set.Train.Count, set.HasTestPart, set.HasTrainPart));
        Assert.Contains(set.Notes, note => note.Contains("test-share 0.2"));
        DataSet split = Open(Parts(("train", 5)), new() { TestShare = 0.2 });
        Assert.Equal([4, 4], split.Train.CountByClass());
        Assert.Equal([1, 1], split.Test.CountByClass());
        Assert.True(split.HasTestPart);
    }

    [Theory]
    [InlineData("")]
    [InlineData("photos/")]
    [InlineData("some/photos/")]
    public void ClassesWithoutPartsNeedAShare(string top)
    {
        (string, byte[])[] files = [.. Parts(("x", 5)).Select(file => (top + file.Name["x/".Length..], file.Data))];
        UserError.Expect(() => Open(files), "test-share 0.2");
        DataSet set = Open(files, new() { TestShare = 0.4 });
        Assert.Equal(["a", "b"], set.ClassNames);
        Assert.Equal((6, 4), (set.Train.Count, set.Test.Count));
        DataSet all = Open(files, new() { TestShare = 1 });
        Assert.Equal((10, true, false), (all.Test.Count, all.HasTestPart, all.HasTrainPart));
    }

    [Fact]
    public void ClassesMayBeNamedLikeParts()
    {
        DataSet flat = Open([("car/1.png", Image), ("train/1.png", Image)], new() { TestShare = 1 });
        Assert.Equal(["car", "train"], flat.ClassNames);
        DataSet parts = Open(
            [("train/test/1.png", Image), ("train/val/1.png", Image), ("test/test/1.png", Image), ("test/val/1.png", Image)]);
        Assert.Equal(["test", "val"], parts.ClassNames);
        Assert.Equal((2, 2), (parts.Train.Count, parts.Test.Count));
    }

    [Fact]
    public void ASingleClassIsAccepted() => Assert.Equal(["a"], Open([("train/a/1.png", Image), ("test/a/1.png", Image)]).ClassNames);

    [Fact]
    public void ReadsTinyImageNet()
    {
        const string top = "tiny-imagenet-200/";
        (string, byte[])[] files =
        [
            ($"{top}wnids.txt", [1]), ($"{top}train/n01/n01_boxes.txt", [1]), ($"{top}train/n01/images/n01_0.JPEG", Made.Jpeg(9, 9, 9)),
            ($"{top}train/n02/n02_boxes.txt", [1]), ($"{top}train/n02/images/n02_0.JPEG", Made.Jpeg(8, 8, 8)),
            ($"{top}val/val_annotations.txt", [.. "val_0.JPEG\tn02\t0\t32\t44\t62\r\nval_1.JPEG\tn01\t52\t55\t57\t59\n"u8]),
            ($"{top}val/images/val_0.JPEG", Made.Jpeg(0, 0, 250)), ($"{top}val/images/val_1.JPEG", Made.Jpeg(250, 0, 0)),
            ($"{top}test/images/test_0.JPEG", Made.Jpeg(1, 1, 1)),
        ];
        foreach (string form in new[] { "directory", "zip" })
        {
            DataSet set = Open(files, form: form);
            Assert.Equal(["n01", "n02"], set.ClassNames);
            Assert.Equal([0, 1], set.Train.Labels.ToArray());
            Assert.Equal([0, 1], set.Test.Labels.ToArray());
            Assert.InRange(Made.Image(set.Test, 0)[0], 0.9f, 1f);
            Assert.Contains("test is left out: its images have no classes", set.Notes);
            Assert.Contains("passed over 3 files that are no images: n01_boxes.txt, n02_boxes.txt, wnids.txt", set.Notes);
        }
        UserError.Expect(() => Open([.. files, ($"{top}val/images/val_2.JPEG", Made.Jpeg(1, 1, 1))]), "val_2.JPEG", "val_annotations.txt");
        UserError.Expect(() => Open([.. files[..6], .. files[7..]]), "val_0.JPEG", "is missing");
    }

    [Fact]
    public void StrayFilesAreCountedInOneNote()
    {
        DataSet set = Open(
        [
            .. Parts(("train", 2), ("test", 2)),
            ("train/a/Thumbs.db", [1]), ("train/b/Thumbs.db", [1]), ("train/classes.csv", [1]), ("LICENSE", [1]), ("test/x.json", [1]),
        ]);
        Assert.Equal(["passed over 5 files that are no images: LICENSE, x.json, Thumbs.db, …"], set.Notes);
        set = Open([.. Parts(("train", 2), ("test", 2)), ("readme.txt", [1])]);
        Assert.Equal(["passed over 1 file that is no image: readme.txt"], set.Notes);
    }

    [Fact]
    public void ImagesOutsideThePartsAreCounted() => Assert.Equal(
        ["passed over 2 images outside test/, train/"],
        Open([.. Parts(("train", 2), ("test", 2)), ("logo.png", Image), ("drafts/a/1.jpg", Image)]).Notes);

    [Theory]
    [InlineData(".webp")]
    [InlineData(".GIF")]
    [InlineData(".bmp")]
    [InlineData(".tif")]
    [InlineData(".heic")]
    [InlineData(".avif")]
    public void UnsupportedImageFormatsAreRefused(string extension)
    {
        (string Name, byte[] Data)[] files = [.. Parts(("train", 2), ("val", 1), ("test", 2))];
        UserError.Expect(() => Open([.. files, ($"train/a/x{extension}", [1])]), $"train/a/x{extension}", ".jpg", ".png");
        UserError.Expect(() => Open([($"cats/x{extension}", [1])], new() { TestShare = 1 }), $"cats/x{extension}", ".png");
    }

    [Theory]
    [InlineData("directory")]
    [InlineData("tar")]
    [InlineData("zip")]
    public void NamesAreTheSameComposedAndDecomposed(string form)
    {
        (string, byte[])[] files =
        [
            ($"train/{Composed}/1.png", Image), ($"test/{Decomposed}/1.png", Image),
            ("train/猫 кошка/1.png", Image), ("test/猫 кошка/1.png", Image),
        ];
        DataSet set = Open(files, form: form);
        Assert.Equal([Composed, "猫 кошка"], set.ClassNames);
        UserError.Expect(
            () => Open([($"train/a/{Composed}.png", Image), ($"train/a/{Decomposed}.png", Image)], form: form), "two entries", Composed);
    }

    [Fact]
    public void ClassesWithoutImages()
    {
        (string, byte[])[] files = [.. Parts(("train", 2), ("test", 2))];
        DataSet untested = Open([.. files, ("train/c/1.png", Image)]);
        Assert.Equal([2, 2, 1], untested.Train.CountByClass());
        Assert.Equal([2, 2, 0], untested.Test.CountByClass());
        Assert.Contains("without test images: c; accuracies say nothing about this class", untested.Notes);
        UserError.Expect(
            () => Open([.. files, ("test/c/1.png", Image)]), "class c has no images in the training part", "allow-empty-classes");
        IEnumerable<(string, byte[])> empty = Enumerable.Range(1, 7).Select(i => ($"train/c{i}/", Array.Empty<byte>()));
        UserError.Expect(() => Open([.. files, .. empty]), "classes c1, c2, c3, c4, c5 and 2 more have");
        DataSet allowed = Open([.. files, ("train/c/", [])], new() { AllowEmptyClasses = true });
        Assert.Equal(["a", "b", "c"], allowed.ClassNames);
        Assert.Contains("without images in the training part: c", allowed.Notes);
    }

    [Fact]
    public void TwoFoldersOfOnePartAreRefused() =>
        UserError.Expect(() => Open(Parts(("train", 1), ("val", 1), ("validation", 1))), "val and validation");

    /// <summary>Files of two classes for each part, each with other pixels.</summary>
    private static (string Name, byte[] Data)[] Parts(params (string Part, int Count)[] parts) =>
    [
        .. parts.SelectMany((part, p) => Enumerable.Range(0, 2 * part.Count)
            .Select(i => ($"{part.Part}/{"ab"[i % 2]}/{i:00}.png", Made.Png(100 * p + i)))),
    ];

    private DataSet Open((string, byte[])[] files, DataOptions? options = null, string form = "directory") =>
        DataSource.Open($"folder:{folder.WriteAs(form, files)}", options, folder["cache"]);
}
