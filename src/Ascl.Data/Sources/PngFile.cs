using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads the header of a PNG file (w3.org/TR/png) and checks that the file is complete, because the decoder ignores checksums, fills
/// missing pixels and allocates memory for any size that the header claims.
/// </summary>
internal static class PngFile
{
    private const int SignatureLength = 8, ChunkOverhead = 12, HeaderDataLength = 13;

    /// <summary>Deflate's largest expansion: 258 bytes from two bits.</summary>
    private const long MostFromOneByte = 1032;

    /// <summary>The seven passes of an Adam7-interlaced image: first column, first row, and their steps.</summary>
    private static readonly (int X, int Y, int StepX, int StepY)[] Interlaced =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    public static bool Is(ReadOnlySpan<byte> file) => file.StartsWith(Signature);

    /// <summary>Channels and size. Checks all chunks' checksums and that the compressed bytes suffice for the pixels.</summary>
    /// <exception cref="InvalidDataException">The file is truncated or damaged, or claims more pixels than it can hold.</exception>
    public static ImageHeader ReadHeader(byte[] file) => Read(file).Header;

    /// <summary>Decompresses and discards the pixels; checks their number and checksum.</summary>
    /// <exception cref="InvalidDataException">There are too few, or they are damaged.</exception>
    public static void CheckPixels(byte[] file)
    {
        Contents contents = Read(file);
        var packed = new MemoryStream();
        foreach ((int start, int length) in contents.Data)
            packed.Write(file, start, length);
        packed.Position = 0;
        using var unpacked = new ZLibStream(packed, CompressionMode.Decompress);
        byte[] piece = new byte[1 << 14];
        long found = 0;
        try
        {
            for (int read; (read = unpacked.Read(piece)) > 0;)
                found += read;
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"its packed pixels are damaged after {found} of {contents.PixelBytes} bytes", e);
        }
        if (found < contents.PixelBytes)
            throw new InvalidDataException($"its pixels end after {found} of {contents.PixelBytes} bytes");
    }

    private sealed record Contents(ImageHeader Header, List<(int Start, int Length)> Data, long PixelBytes);

    private static Contents Read(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> header = [];
        List<(int Start, int Length)> data = [];
        bool isTransparent = false;
        for (int at = SignatureLength; ;)
        {
            ReadOnlySpan<byte> rest = file[at..];
            uint length = rest.Length < ChunkOverhead ? 0 : BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (rest.Length < ChunkOverhead || length > rest.Length - ChunkOverhead)
                throw new InvalidDataException($"it ends after {file.Length} bytes, within a chunk");
            ReadOnlySpan<byte> chunk = rest.Slice(4, 4 + (int)length);
            if (Crc32.HashToUInt32(chunk) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]))
                throw new InvalidDataException($"the checksum of its chunk at byte {at} is wrong");
            if (header.IsEmpty)
            {
                header = chunk.StartsWith("IHDR"u8) && length == HeaderDataLength
                    ? chunk[4..]
                    : throw new InvalidDataException("it has no header");
            }
            else if (chunk.StartsWith("IDAT"u8))
                data.Add((at + 8, (int)length));
            else if (chunk.StartsWith("tRNS"u8))
                isTransparent = true;
            else if (chunk.StartsWith("IEND"u8))
                return Read(header, data, isTransparent);
            at += ChunkOverhead + (int)length;
        }
    }

    private static Contents Read(ReadOnlySpan<byte> header, List<(int Start, int Length)> data, bool isTransparent)
    {
        uint width = BinaryPrimitives.ReadUInt32BigEndian(header), height = BinaryPrimitives.ReadUInt32BigEndian(header[4..]);
        int bits = header[8], kind = header[9];
        (int samples, int channels, bool hasAlpha) = (kind, bits) switch
        {
            (0, 1 or 2 or 4 or 8 or 16) => (1, 1, false),
            (2, 8 or 16) => (3, 3, false),
            (3, 1 or 2 or 4 or 8) => (1, 3, false),
            (4, 8 or 16) => (2, 1, true),
            (6, 8 or 16) => (4, 3, true),
            _ => throw new InvalidDataException($"it claims {bits} bits and the colour type {kind}"),
        };
        bool areKnownMethods = header[10] == 0 && header[11] == 0 && header[12] <= 1;
        if (width is 0 or > ImageHeader.MaxSide || height is 0 or > ImageHeader.MaxSide || !areKnownMethods)
            throw new InvalidDataException($"its header is invalid ({width}x{height} pixels)");
        long pixelBytes = header[12] == 0
            ? Rows((int)width, (int)height)
            : Interlaced.Sum(pass => Rows(Steps((int)width, pass.X, pass.StepX), Steps((int)height, pass.Y, pass.StepY)));
        long packed = data.Sum(part => (long)part.Length);
        if (pixelBytes > packed * MostFromOneByte)
            throw new InvalidDataException($"it claims {width}x{height} pixels, more than its {packed} packed bytes can hold");
        return new(new(channels, (int)height, (int)width, hasAlpha || isTransparent, bits == 16), data, pixelBytes);

        // Each row begins with a byte for its filter.
        long Rows(int columns, int rows) => columns == 0 ? 0 : (1 + ((long)columns * samples * bits + 7) / 8) * rows;

        static int Steps(int length, int first, int step) => (length - first + step - 1) / step;
    }
}
