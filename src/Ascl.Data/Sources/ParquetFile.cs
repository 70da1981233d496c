using System.Runtime.InteropServices;
using Ascl.Core.Diagnostics;
using Parquet;
using Parquet.Schema;

namespace Ascl.Data.Sources;

/// <summary>The images and labels of a Parquet file.</summary>
/// <param name="Images">The images in the order of the rows.</param>
/// <param name="NamesIn">The class names of the metadata for a number of classes; null where there are none.</param>
/// <param name="Notes">Notes for the user, one line each.</param>
internal sealed record ParquetFile(List<EncodedImage> Images, Func<int, string[]?> NamesIn, IReadOnlyList<string> Notes)
{
    /// <summary>Bounds of what a file may claim: bytes of the file that an image has at least (smaller PNG files do not exist), how often
    /// larger than the file its unpacked pages are, and columns (nested ones are read by recursion).</summary>
    private const int LeastImageBytes = 32, MostUnpacking = 64, MostColumns = 2000;

    /// <summary>A smaller file may unpack to as much as one of this length.</summary>
    private const long SmallFile = 1 << 20;

    private const string OnlyPath = "the images are not in the file, only their paths";

    /// <summary>Number of the list of columns in the footer.</summary>
    private const int SchemaField = 2;

    private static ReadOnlySpan<byte> Magic => "PAR1"u8;

    private static ReadOnlySpan<byte> EncryptedMagic => "PARE"u8;

    /// <summary>Reads all images, encoded as they are, and labels.</summary>
    /// <param name="path">The file.</param>
    /// <param name="prefix">What stands before a row in the names of images.</param>
    /// <exception cref="UserErrorException">The file is missing, damaged, or has no images and labels of the accepted forms.</exception>
    public static ParquetFile Read(string path, string prefix) => InputFile.ReadStored(path, file =>
    {
        using var stream = new ParquetStream(file);
        long footer = Checked(path, () => CheckFooter(path, stream));
        ParquetReader reader = Checked(path, () => ParquetReader.CreateAsync(stream).GetAwaiter().GetResult());
        ParquetSchema schema = Checked(path, () => SchemaOf(reader));
        Dictionary<string, string> metadata = Checked(path, () => reader.CustomMetadata);
        ParquetColumns columns = ParquetColumns.Of(path, schema, metadata);
        List<EncodedImage> images = new((int)Checked(path, () => CountRows(reader, file.Length)));
        ParquetValues values = new(new(stream, MostUnpacking * Math.Max(file.Length, SmallFile)), footer);
        foreach (ParquetRowGroupReader group in reader.RowGroups)
        {
            var (bytes, levels) = Checked(path, () => values.Read<ReadOnlyMemory<byte>>(group, columns.Image, default));
            long?[] labels = Checked(path, () => values.Whole(group, columns.Label));
            for (int i = 0, next = 0; i < labels.Length; i++)
            {
                int row = images.Count;
                if (levels is not null && levels[i] < columns.Image.MaxDefinitionLevel)
                    throw Wrong(row, columns.ImageName, IsOnlyPath(levels[i]) ? OnlyPath : "is null");
                images.Add(new($"{prefix}row {row}, column {columns.ImageName}", Label(row, labels[i]), Bytes(bytes[next++])));
            }
        }
        return images.Count == 0
            ? throw new UserErrorException($"{path}: has no rows")
            : new ParquetFile(images, count => ParquetColumns.ClassNames(path, columns.Label, metadata, count), columns.Notes);

        bool IsOnlyPath(int level) => columns.Image.Path.Length > 1 && level == columns.Image.MaxDefinitionLevel - 1;

        int Label(int row, long? label) => label switch
        {
            null => throw Wrong(row, columns.Label.Name, "is null"),
            -1 => throw Wrong(row, columns.Label.Name, "is -1, which stands for images without labels"),
            < 0 or > ushort.MaxValue => throw Wrong(row, columns.Label.Name, $"is {label}; classes are 0 to {ushort.MaxValue}"),
            _ => (int)label,
        };

        UserErrorException Wrong(int row, string column, string problem) => new($"{path}: row {row}, column {column}: {problem}");
    });

    private static byte[] Bytes(ReadOnlyMemory<byte> value) =>
        MemoryMarshal.TryGetArray(value, out ArraySegment<byte> part) && part.Offset == 0 && part.Count == part.Array!.Length
            ? part.Array
            : value.ToArray();

    /// <summary>Position of the footer, which is checked.</summary>
    private static long CheckFooter(string path, ParquetStream stream)
    {
        int ending = sizeof(int) + Magic.Length;
        byte[] magic = stream.Length < Magic.Length + ending ? [] : InputFile.ReadBytes(stream, Magic.Length);
        if (!magic.AsSpan().SequenceEqual(Magic) && !magic.AsSpan().SequenceEqual(EncryptedMagic))
            throw new UserErrorException($"{path}: is not a Parquet file");
        stream.Position = stream.Length - ending;
        byte[] end = InputFile.ReadBytes(stream, ending);
        if (end.AsSpan(sizeof(int)).SequenceEqual(EncryptedMagic))
            throw new UserErrorException($"{path}: is encrypted");
        if (!end.AsSpan(sizeof(int)).SequenceEqual(Magic))
            throw new UserErrorException($"{path}: is truncated: a Parquet file ends in PAR1");
        int length = BitConverter.ToInt32(end);
        long start = stream.Length - ending - length;
        if (length < 1 || start < Magic.Length)
            throw new InvalidDataException($"its footer claims {length} bytes");
        stream.Position = start;
        Dictionary<int, object> footer = new ThriftReader(stream, start + length).Read(ParquetShapes.FileMetaData);
        return footer.GetValueOrDefault(SchemaField) is > 0L and <= MostColumns
            ? start
            : throw new InvalidDataException($"it claims {footer.GetValueOrDefault(SchemaField) ?? 0} columns");
    }

    private static ParquetSchema SchemaOf(ParquetReader reader) =>
        // Names stand in messages of one line.
        reader.Metadata!.Schema.Exists(column => column.Name.Any(char.IsControl))
            ? throw new InvalidDataException("the name of a column has control characters")
            : reader.Schema;

    private static long CountRows(ParquetReader reader, long length)
    {
        long rows = 0;
        foreach (ParquetRowGroupReader group in reader.RowGroups)
        {
            if (group.RowCount < 0 || group.RowCount > length / LeastImageBytes - rows)
                throw new InvalidDataException($"it claims more rows than {length} bytes can hold images");
            rows += group.RowCount;
        }
        return rows;
    }

    /// <summary>Makes a user error of whatever is thrown: Parquet.Net throws many kinds of exception for damaged files.</summary>
    private static T Checked<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not (UserErrorException or OutOfMemoryException))
        {
            throw new UserErrorException($"{path}: is damaged: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }
}
