using Ascl.Core.Diagnostics;
using StbImageSharp;

namespace Ascl.Data.Sources;

/// <summary>What an image's header says.</summary>
/// <param name="Channels">1 for grey, 3 for colours: red, green and blue, a palette, or CMYK.</param>
/// <param name="HasAlpha">Some pixels may be transparent.</param>
/// <param name="Has16Bits">A channel has 16 bits and not up to 8.</param>
/// <param name="IsTurned">Its metadata ask to turn or mirror it for showing.</param>
internal readonly record struct ImageHeader(int Channels, int Height, int Width, bool HasAlpha, bool Has16Bits, bool IsTurned = false)
{
    /// <summary>The longest side that is read, a JPEG's limit.</summary>
    public const int MaxSide = ushort.MaxValue;
}

/// <summary>Decodes JPEG and PNG to 8 bits a channel, grey or RGB. The library below forgives cut-off and damaged files: <see cref="PngFile"/> and
/// <see cref="JpegFile"/> look for that first. What passes them and still makes it look for a marker for ever, far behind the end, <see cref="ImageStream"/> ends.</summary>
internal static class ImageDecoder
{
    /// <summary>More pixels in one image are not read: a few bytes may claim them.</summary>
    public const long MaxPixels = 1 << 28;

    private const byte White = 255;

    /// <summary>Kinds of images that are not decoded, by their first bytes.</summary>
    private static readonly (string Kind, int At, byte[] Magic)[] OtherKinds =
    [
        ("GIF", 0, [.. "GIF8"u8]), ("BMP", 0, [.. "BM"u8]), ("WebP", 8, [.. "WEBP"u8]), ("TIFF", 0, [.. "II*\0"u8]), ("TIFF", 0, [.. "MM\0*"u8]),
        ("AVIF", 4, [.. "ftypavif"u8]), ("HEIC", 4, [.. "ftyphei"u8]), ("HEIC", 4, [.. "ftypmif"u8]), ("JPEG 2000", 4, [.. "jP  "u8]),
    ];

    /// <summary>What the image is, from its header; that it is complete is checked in passing as far as that is quick.</summary>
    /// <param name="name">What messages call the image.</param>
    /// <exception cref="UserErrorException">It is no JPEG or PNG, is cut off or damaged, or claims more pixels than it can hold.</exception>
    public static ImageHeader ReadHeader(string name, byte[] file)
    {
        if (JpegFile.Is(file) || PngFile.Is(file))
        {
            ImageHeader header = Checked(name, () => JpegFile.Is(file) ? JpegFile.ReadHeader(file) : PngFile.ReadHeader(file));
            return (long)header.Height * header.Width <= MaxPixels
                ? header
                : throw new UserErrorException($"{name}: is {header.Width}x{header.Height}; the most is {MaxPixels} pixels");
        }
        string? kind = OtherKinds.FirstOrDefault(other => file.Length > other.At && file.AsSpan(other.At).StartsWith(other.Magic)).Kind;
        throw new UserErrorException(kind is null ? $"{name}: is neither a JPEG nor a PNG image" : $"{name}: is a {kind} image; only JPEG and PNG are read");
    }

    /// <summary>The pixels as C·H·W bytes. Transparent pixels are put on white; of 16 bits the upper 8 are kept.</summary>
    /// <param name="header">What <see cref="ReadHeader"/> gave.</param>
    /// <exception cref="UserErrorException">It is cut off or damaged.</exception>
    public static byte[] Decode(string name, byte[] file, ImageHeader header)
    {
        int samples = header.Channels + (header.HasAlpha ? 1 : 0), area = header.Height * header.Width;
        byte[] pixels = Checked(name, () =>
        {
            if (JpegFile.Is(file))
                JpegFile.CheckPixels(file);
            else
                PngFile.CheckPixels(file);
            byte[] data = ImageResult.FromStream(new ImageStream(file), (ColorComponents)samples).Data;
            return data.Length == area * samples ? data : throw new InvalidDataException($"{data.Length} bytes came of it");
        });
        byte[] planes = new byte[area * header.Channels];
        for (int c = 0; c < header.Channels; c++)
        {
            Span<byte> plane = planes.AsSpan(c * area, area);
            for (int i = 0; i < area; i++)
                plane[i] = header.HasAlpha ? OnWhite(pixels[i * samples + c], pixels[i * samples + samples - 1]) : pixels[i * samples + c];
        }
        return planes;
    }

    private static byte OnWhite(int value, int alpha) => (byte)((value * alpha + White * (255 - alpha) + 127) / 255);

    /// <summary>The libraries report a broken image by whatever exception their parsing ends in.</summary>
    private static T Checked<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new UserErrorException($"{name}: the image is truncated or corrupt: {e.Message.ReplaceLineEndings(" ")}", e);
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
