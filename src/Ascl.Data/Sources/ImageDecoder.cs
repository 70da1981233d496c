using System.Buffers.Binary;
using System.IO.Hashing;
using Ascl.Kernels.Diagnostics;
using StbImageSharp;

namespace Ascl.Data.Sources;

/// <summary>Decodes JPEG and PNG of 8 bits a channel, grey or RGB. The library below forgives cut-off files and never looks at checksums,
/// so both are looked at here first. After some broken headers it looks for a marker for ever, far behind the end:
/// <see cref="ImageStream"/> ends that.
/// </summary>
internal static class ImageDecoder
{
    private const int PngHeaderLength = 8, ChunkOverhead = 12;

    private static ReadOnlySpan<byte> PngHeader => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>Channels, height and width, from the image's header alone.</summary>
    /// <param name="name">What messages call the image.</param>
    public static (int Channels, int Height, int Width) Size(string name, byte[] file)
    {
        bool isJpeg = file is [0xFF, 0xD8, ..], isPng = file.AsSpan().StartsWith(PngHeader);
        if (!isJpeg && !isPng)
            throw new UserErrorException($"{name}: is neither a JPEG nor a PNG image");
        ImageInfo info = Decode(name, () => ImageInfo.FromStream(new ImageStream(file)) ?? throw new InvalidDataException());
        if (info.BitsPerChannel != 8)
            throw new UserErrorException($"{name}: has {info.BitsPerChannel} bits a channel; only 8 are read");
        int channels = info.ColorComponents switch
        {
            ColorComponents.Grey => 1,
            ColorComponents.RedGreenBlue => 3,
            _ => throw new UserErrorException($"{name}: has an alpha channel; only grey and RGB images are read"),
        };
        return (channels, info.Height, info.Width);
    }

    /// <summary>Writes the pixels as C·H·W bytes.</summary>
    /// <param name="size">What <see cref="Size"/> gave.</param>
    public static void Decode(string name, byte[] file, (int Channels, int Height, int Width) size, Span<byte> destination)
    {
        if (!IsWhole(file))
            throw new UserErrorException($"{name}: the image is truncated or corrupt");
        ImageResult image = Decode(name, () => ImageResult.FromStream(new ImageStream(file), (ColorComponents)size.Channels));
        int area = size.Height * size.Width;
        if (image.Data.Length != area * size.Channels)
            throw new UserErrorException($"{name}: the image is corrupt");
        for (int c = 0; c < size.Channels; c++)
        {
            Span<byte> plane = destination.Slice(c * area, area);
            for (int i = 0; i < area; i++)
                plane[i] = image.Data[i * size.Channels + c];
        }
    }

    /// <summary>A JPEG has an end marker; a PNG's chunks have right checksums up to the last, IEND.</summary>
    private static bool IsWhole(ReadOnlySpan<byte> file)
    {
        if (file[0] == 0xFF)
            return file.LastIndexOf([(byte)0xFF, (byte)0xD9]) > 0;
        for (ReadOnlySpan<byte> rest = file[PngHeaderLength..]; rest.Length >= ChunkOverhead;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - ChunkOverhead)
                return false;
            ReadOnlySpan<byte> chunk = rest.Slice(4, 4 + (int)length);
            if (Crc32.HashToUInt32(chunk) != BinaryPrimitives.ReadUInt32BigEndian(rest[(8 + (int)length)..]))
                return false;
            if (chunk.StartsWith("IEND"u8))
                return true;
            rest = rest[(ChunkOverhead + (int)length)..];
        }
        return false;
    }

    /// <summary>The library reports a broken image by whatever exception its parsing ends in.</summary>
    private static T Decode<T>(string name, Func<T> decode)
    {
        try
        {
            return decode();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new UserErrorException($"{name}: the image cannot be decoded: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>An image's bytes; an error for who goes on reading behind them.</summary>
    private sealed class ImageStream(byte[] file) : MemoryStream(file, writable: false)
    {
        private const int AllowedReadsBehindTheEnd = 4096;
        private int readsBehindTheEnd;

        public override int ReadByte()
        {
            int value = base.ReadByte();
            CountEnd(value < 0);
            return value;
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = base.Read(buffer, offset, count);
            CountEnd(read == 0);
            return read;
        }

        private void CountEnd(bool isBehindTheEnd)
        {
            if (isBehindTheEnd && ++readsBehindTheEnd > AllowedReadsBehindTheEnd)
                throw new EndOfStreamException("it ends too early");
        }
    }
}
