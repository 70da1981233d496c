// Makes the Parquet files of tests/Ascl.Data.Tests/Parquet with Apache Arrow's C++ library, which pyarrow and so Hugging Face's datasets
// write with, as datasets' ParquetDatasetWriter does: Arrow's schema and the features as JSON in the metadata, images as {bytes, path}.
//     dotnet run scripts/make-parquet-fixtures.cs
// The images are those of Made.Png(seed) in the tests: 6x5 random pixels, so tests know what has to come out.
//     dotnet run scripts/make-parquet-fixtures.cs -- ARCHIVE DIRECTORY
// writes the images of a .tar.gz with train|test/CLASS/IMAGE instead, for measurements.
#:package ParquetSharp
#:package StbImageWriteSharp
#:property PublishAot=false

using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using Apache.Arrow;
using Apache.Arrow.Types;
using ParquetSharp;
using ParquetSharp.Arrow;
using StbImageWriteSharp;

if (args is [var archive, var directory])
{
    Convert(archive, directory);
    return;
}
string target = Path.Combine(ScriptDirectory(), "../tests/Ascl.Data.Tests/Parquet");
string metadata = Metadata(["dog", "cat", "owl"]);
// Two shards with several row groups each, snappy.
WriteFile("animals/data/train-00000-of-00002.parquet", [.. Rows(1, 2, 3, 4)], "img", ["label"], metadata, rowsInGroup: 3);
WriteFile("animals/data/train-00001-of-00002.parquet", [.. Rows(5, 6, 7)], "img", ["label"], metadata, rowsInGroup: 3);
WriteFile("animals/data/test-00000-of-00001.parquet", [.. Rows(8, 9, 10)], "img", ["label"], metadata, rowsInGroup: 3);
// Pages of version 2 with checksums and an index; a dictionary that is given up after some pages; labels of two kinds.
WriteFile("pages.parquet", [.. Rows(11, 12, 11, 13, 14, 15, 16, 17)], "image", ["fine_label", "coarse_label"], null, rowsInGroup: 100,
    builder => builder.DataPageVersion(ParquetDataPageVersion.V2).EnablePageChecksum().EnableWritePageIndex().Compression(Compression.Zstd)
        .DataPagesize(300).DictionaryPagesizeLimit(400).WriteBatchSize(1));
// Plain bytes that repeat, so that pages hold numbers of a dictionary; gzip.
WriteFile("repeated.parquet", [.. Rows(21, 22, 21, 21, 22, 23, 21)], "image", ["label"], null, rowsInGroup: 100,
    builder => builder.Compression(Compression.Gzip), isPlain: true);
// Not packed at all, and with checksums.
WriteFile("stored.parquet", [.. Rows(31, 32, 33)], "image", ["label"], null, rowsInGroup: 100,
    builder => builder.Compression(Compression.Uncompressed).EnablePageChecksum());

IEnumerable<(byte[] Image, int Label)> Rows(params int[] seeds) => seeds.Select(seed => (Png(seed), seed % 3));

void WriteFile(string name, (byte[] Image, int Label)[] rows, string imageColumn, string[] labelColumns, string? metadata, int rowsInGroup,
    Func<WriterPropertiesBuilder, WriterPropertiesBuilder>? change = null, bool isPlain = false)
{
    string path = Path.Combine(target, name);
    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
    using var builder = new WriterPropertiesBuilder();
    builder.Compression(Compression.Snappy);
    change?.Invoke(builder);
    Write(path, rows, imageColumn, labelColumns, metadata, rowsInGroup, builder, isPlain);
}

void Write(string path, (byte[] Image, int Label)[] rows, string imageColumn, string[] labelColumns, string? metadata, int rowsInGroup,
    WriterPropertiesBuilder builder, bool isPlain = false)
{
    IArrowType binary = BinaryType.Default;
    StructType image = new([new Field("bytes", binary, true), new Field("path", StringType.Default, true)]);
    var schema = new Schema(
        [new Field(imageColumn, isPlain ? binary : image, true), .. labelColumns.Select(name => new Field(name, Int64Type.Default, true))],
        metadata is null ? null : new Dictionary<string, string> { ["huggingface"] = metadata });
    using WriterProperties properties = builder.Build();
    using var arrowBuilder = new ArrowWriterPropertiesBuilder();
    arrowBuilder.StoreSchema();
    using ArrowWriterProperties arrowProperties = arrowBuilder.Build();
    using var writer = new FileWriter(path, schema, properties, arrowProperties);
    foreach ((byte[] Image, int Label)[] group in rows.Chunk(rowsInGroup))
    {
        var bytes = new BinaryArray.Builder();
        var paths = new StringArray.Builder();
        foreach (var (file, _) in group)
        {
            bytes.Append(file.AsSpan());
            paths.AppendNull();
        }
        BinaryArray files = bytes.Build();
        IArrowArray images = isPlain ? files : new StructArray(image, group.Length, [files, paths.Build()], ArrowBuffer.Empty, 0);
        IArrowArray[] columns = [images, .. labelColumns.Select(name => Labels(name, group))];
        writer.WriteRecordBatch(new RecordBatch(schema, columns, group.Length), rowsInGroup);
        writer.NewBufferedRowGroup();
    }
    writer.Close();
}

// Coarse labels are all 0. Arrays are not shared between columns: each column gives its own back.
Int64Array Labels(string name, (byte[], int Label)[] rows) =>
    new Int64Array.Builder().AppendRange(rows.Select(row => name.StartsWith("coarse") ? 0L : row.Label)).Build();

void Convert(string archive, string directory)
{
    // As datasets writes image data: row groups of 100 rows.
    const int rowsInGroup = 100;
    var parts = new Dictionary<string, List<(string Class, byte[] File)>>();
    using (var tar = new TarReader(new GZipStream(File.OpenRead(archive), CompressionMode.Decompress)))
    {
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is null || entry.Name.Split('/') is not [.., var part, var name, _])
                continue;
            var file = new MemoryStream();
            entry.DataStream.CopyTo(file);
            if (!parts.TryGetValue(part, out var images))
                parts.Add(part, images = []);
            images.Add((name, file.ToArray()));
        }
    }
    string[] names = [.. parts.Values.SelectMany(images => images).Select(image => image.Class).Distinct().Order(StringComparer.Ordinal)];
    string metadata = Metadata(names);
    Directory.CreateDirectory(directory);
    foreach (var (part, images) in parts)
    {
        using var builder = new WriterPropertiesBuilder();
        builder.Compression(Compression.Snappy);
        (byte[], int)[] rows = [.. images.Select(image => (image.File, System.Array.IndexOf(names, image.Class)))];
        Write(Path.Combine(directory, $"{part}-00000-of-00001.parquet"), rows, "img", ["label"], metadata, rowsInGroup, builder);
    }
}

static string Metadata(string[] names) =>
    """{"info": {"features": {"img": {"_type": "Image"}, "label": {"names": [""" + string.Join(", ", names.Select(name => $"\"{name}\""))
    + """], "_type": "ClassLabel"}}}}""";

static byte[] Png(int seed)
{
    byte[] pixels = new byte[6 * 5 * 3];
    new Random(seed).NextBytes(pixels);
    var stream = new MemoryStream();
    new ImageWriter().WritePng(pixels, 6, 5, ColorComponents.RedGreenBlue, stream);
    return stream.ToArray();
}

static string ScriptDirectory([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
