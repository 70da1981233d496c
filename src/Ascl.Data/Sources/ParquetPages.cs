using System.IO.Hashing;
using Parquet.Meta;
using Snappier;
using Fields = System.Collections.Generic.Dictionary<int, object>;

namespace Ascl.Data.Sources;

/// <summary>Checks the pages of columns before Parquet.Net reads them: their number of values, their sizes, packed and unpacked, and their
/// checksums where they have some.</summary>
/// <param name="stream">The file.</param>
/// <param name="most">Upper bound of the bytes that all pages have when they are unpacked.</param>
internal sealed class ParquetPages(ParquetStream stream, long most)
{
    private const int DataPage = 0, DictionaryPage = 2, DataPageV2 = 3;

    /// <summary>Number of the checksum in a page's header.</summary>
    private const int Checksum = 4;

    private static readonly CompressionCodec[] Codecs =
        [CompressionCodec.UNCOMPRESSED, CompressionCodec.SNAPPY, CompressionCodec.GZIP, CompressionCodec.ZSTD];

    private static readonly Encoding[] Encodings = [Encoding.PLAIN, Encoding.PLAIN_DICTIONARY, Encoding.RLE_DICTIONARY];

    private readonly long limit = most;
    private long left = most;

    /// <summary>Checks a column of a row group, and lets the stream end where the column does.</summary>
    /// <param name="column">What the footer says of it.</param>
    /// <param name="footer">Position of the footer.</param>
    /// <exception cref="InvalidDataException">Something does not fit.</exception>
    public void Check(ColumnMetaData column, long footer)
    {
        long[] offsets = [column.DataPageOffset, column.DictionaryPageOffset ?? 0, column.IndexPageOffset ?? 0];
        long start = offsets.Where(offset => offset != 0).DefaultIfEmpty().Min(), length = column.TotalCompressedSize;
        if (start < 0 || length < 0 || start > footer || length > footer - start)
            throw new InvalidDataException($"a column claims {length} bytes from {start} on");
        stream.End = start + length;
        bool hasDictionary = false;
        long values = 0;
        for (long at = start; values < column.NumValues;)
        {
            stream.Position = at;
            Fields header = new ThriftReader(stream, stream.End).Read(ParquetShapes.PageHeader);
            long packed = Number(header, 3), unpacked = Number(header, 2);
            at = stream.Position + packed;
            if (packed < 0 || unpacked < 0 || at > stream.End)
                throw new InvalidDataException($"a page claims {packed} bytes, and {unpacked} when unpacked");
            switch (Number(header, 1))
            {
                case DataPage:
                    values += Values(Part(header, 5), encoding: 2, column.NumValues - values);
                    CheckBytes(header, column.Codec, packed, unpacked, levels: 0);
                    break;
                case DataPageV2:
                    Fields data = Part(header, 8);
                    values += Values(data, encoding: 4, column.NumValues - values);
                    long levels = Number(data, 5) + Number(data, 6);
                    if (Number(data, 5) < 0 || Number(data, 6) < 0 || levels > Math.Min(packed, unpacked))
                        throw new InvalidDataException($"a page claims {levels} bytes of levels");
                    if (Number(data, 2) < 0 || Number(data, 2) > Number(data, 1))
                        throw new InvalidDataException($"a page claims {Number(data, 2)} nulls among {Number(data, 1)} values");
                    CheckBytes(header, Number(data, 7, 1) == 0 ? CompressionCodec.UNCOMPRESSED : column.Codec, packed, unpacked, levels);
                    break;
                case DictionaryPage when !hasDictionary:
                    hasDictionary = true;
                    Values(Part(header, 7), encoding: 2, unpacked / (column.Type == Parquet.Meta.Type.INT64 ? sizeof(long) : sizeof(int)));
                    CheckBytes(header, column.Codec, packed, unpacked, levels: 0);
                    break;
                default:
                    throw new InvalidDataException($"a page has type {Number(header, 1)}");
            }
        }
    }

    private static long Values(Fields header, int encoding, long most)
    {
        long count = Number(header, 1);
        if (count < 0 || count > most)
            throw new InvalidDataException($"a page claims {count} values");
        Encoding found = (Encoding)Number(header, encoding);
        return Encodings.Contains(found) ? count : throw new InvalidDataException($"a page is encoded as {found}; "
            + $"{string.Join(", ", Encodings)} are read");
    }

    /// <summary>Compares a page's bytes, at the stream's position, with what is said of them.</summary>
    private void CheckBytes(Fields header, CompressionCodec codec, long packed, long unpacked, long levels)
    {
        if (codec == CompressionCodec.UNCOMPRESSED && packed != unpacked)
            throw new InvalidDataException($"a page that is not packed has {packed} bytes, and {unpacked} when unpacked");
        if (!Codecs.Contains(codec))
            throw new InvalidDataException($"a column is packed as {codec}; {string.Join(", ", Codecs)} are read");
        left -= unpacked;
        if (left < 0)
            throw new InvalidDataException($"its pages claim more than {limit} bytes when unpacked");
        if (codec == CompressionCodec.UNCOMPRESSED && !header.ContainsKey(Checksum))
            return;
        byte[] bytes = InputFile.ReadBytes(stream, packed);
        if (header.ContainsKey(Checksum) && (int)Number(header, Checksum) != (int)Crc32.HashToUInt32(bytes))
            throw new InvalidDataException("a page does not fit its checksum");
        // Parquet.Net unpacks a page to the length that its bytes claim.
        ReadOnlySpan<byte> data = bytes.AsSpan((int)levels);
        long length = levels + codec switch
        {
            CompressionCodec.SNAPPY => Snappy.GetUncompressedLength(data),
            CompressionCodec.ZSTD => checked((long)ZstdSharp.Decompressor.GetDecompressedSize(data)),
            // A gzip file ends in its length.
            CompressionCodec.GZIP => BitConverter.ToUInt32(data[^sizeof(uint)..]),
            _ => data.Length,
        };
        if (length != unpacked)
            throw new InvalidDataException($"a page claims {unpacked} bytes when unpacked, its content {length}");
    }

    private static Fields Part(Fields header, int number) =>
        header.GetValueOrDefault(number) as Fields ?? throw new InvalidDataException($"a page has no field {number}");

    private static long Number(Fields header, int number, long? otherwise = null) => header.GetValueOrDefault(number) as long? ?? otherwise
        ?? throw new InvalidDataException($"a page has no field {number}");
}
