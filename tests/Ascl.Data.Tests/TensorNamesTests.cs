using Ascl.Core.Files;

namespace Ascl.Data.Tests;

/// <summary>Common names, shapes and types of images and labels.</summary>
public sealed class TensorNamesTests : IDisposable
{
    private static readonly byte[] Pixels = Made.Bytes(4 * 3 * 2 * 5, 1);
    private static readonly int[] Shape = [4, 3, 2, 5];
    private static readonly long[] Labels = [0, 2, 1, 0];
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("images", "labels")]
    [InlineData("x", "y")]
    [InlineData("X", "y")]
    [InlineData("data", "labels")]
    [InlineData("data", "targets")]
    public void OnePartIsRead(string images, string labels)
    {
        DataSet set = Open(file => Add(file, images, labels));
        Assert.Equal((4, true, false), (set.Train.Count, set.HasTrainPart, set.HasTestPart));
        Assert.Contains(set.Notes, note => note.Contains("test-share 0.2"));
    }

    [Theory]
    [InlineData("train.images", "train.labels", "test.images", "test.labels")]
    [InlineData("train_images", "train_labels", "test_images", "test_labels")]
    [InlineData("X_train", "y_train", "X_test", "y_test")]
    [InlineData("x_train", "y_train", "x_val", "y_val")]
    [InlineData("train_data", "train_targets", "test_data", "test_targets")]
    [InlineData("train.x", "train.y", "val.x", "val.y")]
    public void TwoPartsAreRead(string trainImages, string trainLabels, string testImages, string testLabels)
    {
        DataSet set = Open(file =>
        {
            Add(file, trainImages, trainLabels);
            file.Add(testImages, [1, 3, 2, 5], Pixels[30..60]);
            file.Add(testLabels, [1], new long[] { 2 });
        });
        Assert.Equal((4, 1, true, true), (set.Train.Count, set.Test.Count, set.HasTrainPart, set.HasTestPart));
        Assert.Equal(Made.Image(set.Train, 1), Made.Image(set.Test, 0));
        string[] notes =
        [
            "without test images: 0, 1",
            "1 of 1 test images are also training images, pixel for pixel: accuracy on them says nothing about new images",
        ];
        Assert.Equal(testImages.Contains("val") ? ["val is read as the test part", .. notes] : notes, set.Notes);
    }

    [Fact]
    public void PartsMayBeMissing()
    {
        DataSet test = Open(file => Add(file, "test.images", "test.labels"));
        Assert.Equal((4, false, true), (test.Test.Count, test.HasTrainPart, test.HasTestPart));
        DataSet train = Open(file => Add(file, "X_train", "y_train"));
        Assert.Equal((4, true, false), (train.Train.Count, train.HasTrainPart, train.HasTestPart));
        DataSet three = Open(file =>
        {
            Add(file, "X_train", "y_train");
            Add(file, "X_val", "y_val");
            Add(file, "X_test", "y_test");
        });
        Assert.Contains("val (4 images) is left out: there is a test part", three.Notes);
    }

    [Theory]
    [InlineData("valid")]
    [InlineData("validation")]
    public void ValidationPartIsUsedAsTestPart(string name)
    {
        DataSet set = Open(file => { Add(file, "train.images", "train.labels"); Add(file, $"{name}.images", $"{name}.labels"); });
        Assert.Equal((4, true), (set.Test.Count, set.HasTestPart));
        Assert.Contains($"{name} is read as the test part", set.Notes);
    }

    [Fact]
    public void UnnamedPartIsTheTrainingPart()
    {
        DataSet set = Open(file => { Add(file, "images", "labels"); Add(file, "test.images", "test.labels"); });
        Assert.True(set.HasTrainPart);
        Assert.Contains("images of no named part are the training part", set.Notes);
        UserError.Expect(() => Open(file => { Add(file, "images", "labels"); Add(file, "train.images", "train.labels"); }),
            "has images beside train.images");
    }

    /// <summary>Images of another scale are refused: they would train, but ε 8/255 would be a large perturbation of them.</summary>
    [Fact]
    public void ImagesOfAnotherScaleAreRefused()
    {
        byte[] bits = [.. Pixels.Select(value => (byte)(value & 1))];
        float[] twice = [.. Pixels.Select(value => value / 255f / 255f)];
        UserError.Expect(() => Open(file => { file.Add("images", Shape, bits); file.Add("labels", [4], Labels); }),
            "images has no pixel above 1, though white is 255");
        UserError.Expect(() => Open(file => { file.Add("images", Shape, twice); file.Add("labels", [4], Labels); }),
            "though white is 1", "divided by 255 twice");
        UserError.Expect(() => Open(file => AddTest(file, twice)), "test.images has no pixel");
    }

    /// <summary>Dark images are not refused, because they may be meant so, but noted.</summary>
    [Fact]
    public void DarkImagesAreNoted()
    {
        byte[] dark = [.. Pixels.Select(value => (byte)(value / 16))];
        DataSet set = Open(file => AddTest(file, dark));
        Assert.Contains(
            set.Notes, note => note.StartsWith("999 of 1000 pixels of the test images are at most 15 of 255", StringComparison.Ordinal));
        Assert.Contains(set.Notes, note => note.StartsWith("training images have a mean brightness of 1", StringComparison.Ordinal));
        Assert.Empty(Open(file => AddTest(file, Made.Bytes(Pixels.Length, 2))).Notes);
    }

    [Theory]
    [InlineData("""["a", "b", "a"]""", "'a' twice")]
    [InlineData("""["a", "", "c"]""", "an empty name")]
    public void ClassNamesDefineTheClasses(string names, string problem) =>
        UserError.Expect(
            () => Open(file => { Add(file, "images", "labels"); file.Metadata["class_names"] = names; }), "class_names", problem);

    [Fact]
    public void ChannelsLastAreTransposed()
    {
        byte[] last = new byte[Pixels.Length];
        for (int i = 0; i < last.Length; i++)
            last[i / 30 * 30 + i % 10 * 3 + i / 10 % 3] = Pixels[i];
        float[] floats = [.. last.Select(value => value / 255f)];
        DataSet first = Open(file => Add(file, "images", "labels"));
        foreach (DataSet set in new[]
        {
            Open(file => { file.Add("images", [4, 2, 5, 3], last); file.Add("labels", [4], Labels); }),
            Open(file => { file.Add("images", [4, 2, 5, 3], floats); file.Add("labels", [4], Labels); }),
        })
        {
            Assert.Equal((3, 2, 5), (set.Train.Channels, set.Train.Height, set.Train.Width));
            Assert.Equal(Made.Image(first.Train, 2), Made.Image(set.Train, 2));
        }
        foreach (int[] shape in new int[][] { [4, 6, 5, 1], [4, 6, 5], [4, 1, 6, 5] })
        {
            DataSet grey = Open(file => { file.Add("images", shape, Pixels); file.Add("labels", [4], Labels); });
            Assert.Equal((1, 6, 5), (grey.Train.Channels, grey.Train.Height, grey.Train.Width));
            Assert.Equal(Pixels, grey.Train.Bytes.ToArray());
        }
        UserError.Expect(() => Open(file => { file.Add("images", [4, 3, 10, 1], Pixels); file.Add("labels", [4], Labels); }),
            "[4, 3, 10, 1]", "first or last");
    }

    [Fact]
    public void LabelsOfEverySupportedFormAreRead()
    {
        float[] oneHot = [1, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0];
        Check(file => file.Add("labels", [4, 1], Labels));
        Check(file => file.Add("labels", [4], new float[] { 0, 2, 1, 0 }));
        Check(file => file.Add("labels", [4], new double[] { 0, 2, 1, 0 }));
        Check(file => file.Add("labels", [4, 1], new Half[] { (Half)0, (Half)2, (Half)1, (Half)0 }));
        Check(file => file.Add("labels", [4, 3], oneHot));
        Check(file => file.Add("labels", [4, 3], oneHot.Select(value => (byte)value).ToArray()));
        Check(file => file.Add("labels", [4, 3], oneHot.Select(value => value > 0).ToArray()));
        Refuse(file => file.Add("labels", [4, 3], new float[12]), "[4, 3]", "row 0", "single 1");
        Refuse(file => file.Add("labels", [4, 3], new byte[] { 1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0 }), "row 1");
        Refuse(file => file.Add("labels", [4, 3], new float[] { 0.5f, 0.5f, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0 }), "0.5", "whole");
        Refuse(file => file.Add("labels", [4, 0], Array.Empty<long>()), "[4, 0]");
        Refuse(file => file.Add("labels", [4, 1, 1], Labels), "[4, 1, 1]", "[4]");

        void Check(Action<SafetensorsWriter> add)
        {
            DataSet set = Open(file => { file.Add("images", Shape, Pixels); add(file); });
            Assert.Equal([0, 2, 1, 0], set.Train.Labels.ToArray());
            Assert.Equal(3, set.ClassNames.Count);
        }

        void Refuse(Action<SafetensorsWriter> add, params string[] parts) =>
            UserError.Expect(() => Open(file => { file.Add("images", Shape, Pixels); add(file); }), parts);
    }

    [Fact]
    public void ClassesWithoutImagesAreRefused()
    {
        Refuse([1, 2, 3, 1], "labels are 1 to 3 of 4 classes; 0 has no images", "count from 0", "allow-empty-classes");
        Refuse([0, 1, 255, 0], "labels are 0 to 255 of 256 classes; 2, 3, 4, 5, 6 and 248 more have no images");
        Refuse([0, 2, 2, 0], "1 has no images");
        DataSet allowed = Open(file => Add(file, "images", "labels", [1, 2, 3, 1]), new() { AllowEmptyClasses = true });
        Assert.Equal(4, allowed.ClassNames.Count);
        Assert.Contains("without images: 0", allowed.Notes);
        // Classes without test images are allowed, but not classes without training images: these test labels count from 1.
        Action<SafetensorsWriter> shifted = file =>
        {
            Add(file, "train.images", "train.labels", [0, 1, 0, 1]);
            Add(file, "test.images", "test.labels", [1, 2, 2, 1]);
        };
        UserError.Expect(() => Open(shifted), "class 2 has no images in the training part, but in the test part");
        DataSet both = Open(shifted, new() { AllowEmptyClasses = true });
        Assert.Equal(["without training images: 2", "without test images: 0"], both.Notes.Take(2));
        Assert.Equal(
            [
                "4 of 4 test images are also training images, pixel for pixel: accuracy on them says nothing about new images",
                "3 images occur under more than one label, pixel for pixel",
            ],
            both.Notes.Skip(2));

        void Refuse(long[] labels, params string[] parts) =>
            UserError.Expect(() => Open(file => Add(file, "images", "labels", labels)), parts);
    }

    [Fact]
    public void ClassesMayBeNamed()
    {
        Assert.Equal(["cat", "dog", "wolf"], Named("""["cat", "dog", "wolf"]""").ClassNames);
        UserError.Expect(() => Named("""["cat", "dog", "wolf", "fox"]"""), "fox has no images");
        UserError.Expect(() => Named("""["cat", "dog"]"""), "class_names", "2 names", "3 classes");
        foreach (string wrong in new[] { "cat, dog", "{}", "[1, 2, 3]", "[null, null, null]", "3" })
            UserError.Expect(() => Named(wrong), "class_names", "JSON array of strings");

        DataSet Named(string names) => Open(file => { Add(file, "images", "labels"); file.Metadata["class_names"] = names; });
    }

    [Fact]
    public void FloatsOutsideTheUnitAreExplained()
    {
        float[] bytes = [.. Pixels.Select(value => (float)value)], normalised = [.. Pixels.Select(value => value / 64f - 2)];
        Refuse(bytes, "[0, 1]", $"the largest {bytes.Max()}", "divide them by 255");
        Refuse(normalised, "[0, 1]", "smallest is -1.9", "largest 1.9", "before they were normalised");

        void Refuse(float[] values, params string[] parts) =>
            UserError.Expect(() => Open(file => { file.Add("images", Shape, values); file.Add("labels", [4], Labels); }), parts);
    }

    private static void AddTest<T>(SafetensorsWriter file, T[] testImages) where T : unmanaged
    {
        Add(file, "train.images", "train.labels");
        file.Add("test.images", Shape, testImages);
        file.Add("test.labels", [4], Labels);
    }

    private static void Add(SafetensorsWriter file, string images, string labels, long[]? values = null)
    {
        file.Add(images, Shape, Pixels);
        file.Add(labels, [4], values ?? Labels);
    }

    private DataSet Open(Action<SafetensorsWriter> fill, DataOptions? options = null)
    {
        var file = new SafetensorsWriter();
        fill(file);
        string path = folder[$"{Guid.NewGuid():N}.safetensors"];
        file.Save(path);
        return DataSource.Open($"file:{path}", options);
    }
}
