using Parquet;
using Parquet.Schema;

namespace Ascl.Data.Tests;

/// <summary>Sound Parquet files whose columns are not what is wanted.</summary>
public sealed class ParquetRefusalTests : IDisposable
{
    private static readonly byte[][] Images = [.. Enumerable.Range(1, 4).Select(seed => Made.Png(seed))];

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task ColumnsThatAreMissingOrManyAreNamed()
    {
        Column image = Bytes("image", Images), label = Whole("label", 0, 1, 1, 0);
        await Expect([label], "no column holds images", "label (INT64)");
        await Expect([image, Bytes("mask", Images), label], "several columns: image, mask");
        await Expect([image, Whole("digit", 0, 1, 1, 0)], "has no column of labels", "image (BYTE_ARRAY), digit (INT64)");
        await Expect([image, label, Whole("two\nlines", 0, 1, 1, 0)], "is damaged: the name of a column has control characters");
        await Expect([image, label, Whole("target", 0, 1, 1, 0)], "several columns of labels: label, target");
        DataField<double> wrong = new("label");
        await Expect([image, new(wrong, group => group.WriteAsync<double>(wrong, new double[4]))], "column label is of DOUBLE");
    }

    [Fact]
    public async Task NullsAreNamedByRowAndColumn()
    {
        Column image = Bytes("image", Images), label = Whole("label", 0, 1, 1, 0);
        await Expect([Bytes("image", Images[0], Images[1], null, Images[3]), label], "row 2, column image: is null");
        DataField<int?> some = new("label");
        Column numbers = new(some, group => group.WriteAsync<int>(some, new int?[] { 0, 1, 1, null }));
        await Expect([image, numbers], "row 3, column label: is null");
    }

    [Fact]
    public async Task ImagesThatAreOnlyPathsAreRefused()
    {
        DataField<byte[]> bytes = new("bytes", true);
        DataField<string> path = new("path");
        // Level 2 are bytes, level 1 an image without, level 0 no image.
        Column image = new(new StructField("image", bytes, path), async group =>
        {
            ReadOnlyMemory<byte>[] files = [Images[0], Images[1], Images[2]];
            ReadOnlyMemory<char>[] paths = [.. Enumerable.Repeat("a.png".AsMemory(), 4)];
            await group.WriteAllPartsAsync<ReadOnlyMemory<byte>>(bytes, files, new[] { 2, 2, 1, 2 }, null, default);
            await group.WriteAllPartsAsync<ReadOnlyMemory<char>>(path, paths, new[] { 2, 2, 2, 2 }, null, default);
        });
        await Expect(
            [image, Whole("label", 0, 1, 1, 0)], "row 2, column image: the images are not in the file, only their paths");
    }

    [Fact]
    public async Task SeveralValuesARowAreRefused()
    {
        DataField<int> one = new("element");
        int[] values = [0, 1, 0, 1], defined = [3, 3, 3, 3], begins = [0, 0, 0, 0];
        Column labels = new(new ListField("label", one), group => group.WriteAllPartsAsync<int>(one, values, defined, begins, default));
        await Expect([Bytes("image", Images), labels], "column label has several values a row");
    }

    [Fact]
    public async Task LabelsMustBeClasses()
    {
        Column image = Bytes("image", Images);
        await Expect([image, Whole("label", 0, 1, -1, 0)], "row 2, column label: is -1, which stands for images without labels");
        await Expect([image, Whole("label", 0, 1, 2, 1L << 40)], "row 3, column label: is 1099511627776");
        Column[] three = [image, Whole("label", 0, 1, 2, 0)];
        await Names("""["cat", "dog"]""", "metadata of label, names, has 2 names, the labels are of 3 classes");
        await Names("""["cat", "dog", "cat"]""", "'cat' twice");
        await Names("""["cat", "do\ng", "owl"]""", "a name with control characters");
        await Names("""["cat", "dog", 3]""", "not a JSON array of strings");
        await Names("""["cat", "dog", "owl", "elk"]""", "elk has no images", "allow-empty-classes");
        string path = await Write("wrong.parquet", three, "{");
        UserError.Expect(() => Open(path), path, "metadata huggingface is not JSON");
        // Metadata of another form say nothing.
        Assert.Equal(["0", "1", "2"], Open(await Write("fine.parquet", three, """{"info": [1]}""")).ClassNames);
        Assert.Equal(["c", "b", "a"], Open(await Write("fine.parquet", three, Features("""["c", "b", "a"]"""))).ClassNames);

        async Task Names(string names, params string[] parts)
        {
            string path = await Write("wrong.parquet", three, Features(names));
            UserError.Expect(() => Open(path), [path, .. parts]);
        }
    }

    [Fact]
    public async Task WrongImagesAreNamedByRow()
    {
        Column label = Whole("label", 0, 1, 1, 0);
        foreach (var (wrong, problem) in new[]
        {
            (Made.Png(3)[..^20], "the image is truncated"), (Made.Png(3, width: 7), "is 7x5, but row 0, column image is 6x5"),
            ([1, 2], "is neither a JPEG nor a PNG image"), ([], "is neither"),
        })
        {
            await Expect([Bytes("image", Images[0], Images[1], wrong, Images[3]), label], "row 2, column image", problem);
        }
    }

    [Fact]
    public async Task ShardsMustAgreeInTheirNames()
    {
        Column[] columns = [Bytes("image", Images), Whole("label", 0, 1, 1, 0)];
        await Write("both/train-00000-of-00002.parquet", columns, Features("""["cat", "dog"]"""));
        await Write("both/train-00001-of-00002.parquet", columns, Features("""["dog", "cat"]"""));
        UserError.Expect(() => Open(folder["both"]),
            "train-00000-of-00002.parquet and train-00001-of-00002.parquet have different class names");
    }

    [Fact]
    public void MatlabFilesAreExplained() =>
        UserError.Expect(() => DataSource.Open("file:train_32x32.mat"), "train_32x32.mat", "cropped_digits", "Parquet");

    /// <summary>A column, and what writes its values.</summary>
    private sealed record Column(Field Field, Func<ParquetRowGroupWriter, Task> Write);

    private static Column Bytes(string name, params byte[]?[] values)
    {
        DataField<byte[]> field = new(name, values.Contains(null));
        return new(field, group => group.WriteAsync(field, values!));
    }

    private static Column Whole(string name, params long[] values)
    {
        DataField<long> field = new(name);
        return new(field, group => group.WriteAsync<long>(field, values));
    }

    private static string Features(string names) =>
        """{"info": {"features": {"label": {"_type": "ClassLabel", "names": """ + names + "}}}}";

    private DataSet Open(string path) => DataSource.Open($"parquet:{path}", null, folder["cache"]);

    private async Task Expect(Column[] columns, params string[] parts)
    {
        string path = await Write("wrong.parquet", columns, metadata: null);
        UserError.Expect(() => Open(path), [path, .. parts]);
    }

    private async Task<string> Write(string name, Column[] columns, string? metadata)
    {
        using var stream = new MemoryStream();
        ParquetSchema schema = new(columns.Select(column => column.Field));
        ParquetOptions options = new() { CompressionMethod = CompressionMethod.Snappy };
        // Otherwise numbers are written as differences, which are not read.
        foreach (DataField field in schema.DataFields)
            options.ColumnEncodingHints[field.Path.ToString()] = EncodingHint.Dictionary;
        await using (ParquetWriter writer = await ParquetWriter.CreateAsync(schema, stream, options))
        {
            if (metadata is not null)
                writer.CustomMetadata = new Dictionary<string, string> { ["huggingface"] = metadata };
            using ParquetRowGroupWriter group = writer.CreateRowGroup();
            foreach (Column column in columns)
                await column.Write(group);
        }
        return folder.Write(name, stream.ToArray());
    }
}
