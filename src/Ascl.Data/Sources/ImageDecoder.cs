using Ascl.Core.Diagnostics;
using StbImageSharp;

namespace Ascl.Data.Sources;

/// <summary>The header of an image file.</summary>
/// <param name="Channels">1 for grey, 3 for RGB, a palette or CMYK.</param>
/// <param name="Height">Rows of the stored pixels.</param>
/// <param name="Width">Columns of the stored pixels.</param>
/// <param name="HasAlpha">Whether pixels may be transparent.</param>
/// <param name="Has16Bits">Whether a channel has 16 bits; otherwise it has at most 8.</param>
/// <param name="HasOrientation">Whether the EXIF orientation asks viewers to rotate or mirror the image.</param>
internal readonly record struct ImageHeader(int Channels, int Height, int Width, bool HasAlpha, bool Has16Bits, bool HasOrientation = false)
{
    /// <summary>Upper bound of height and width, JPEG's limit.</summary>
    public const int MaxSide = ushort.MaxValue;
}

/// <summary>Decodes JPEG and PNG to 8 bits per channel, grey or RGB. StbImageSharp accepts truncated and damaged files, so
/// <see cref="PngFile"/> and <see cref="JpegFile"/> check them first; <see cref="ImageStream"/> stops it where it would look for a marker
/// beyond the end forever.</summary>
internal static class ImageDecoder
{
    /// <summary>Upper bound of the pixels of one image, because a file of a few bytes can claim any number.</summary>
    public const long MaxPixels = 1 << 28;

    private const byte White = 255;

    /// <summary>Magic numbers of image formats that are not decoded, for the error message.</summary>
    private static readonly (string Kind, int At, byte[] Magic)[] OtherKinds =
    [
        ("GIF", 0, [.. "GIF8"u8]), ("BMP", 0, [.. "BM"u8]), ("WebP", 8, [.. "WEBP"u8]),
        ("TIFF", 0, [.. "II*\0"u8]), ("TIFF", 0, [.. "MM\0*"u8]),
        ("AVIF", 4, [.. "ftypavif"u8]), ("HEIC", 4, [.. "ftyphei"u8]), ("HEIC", 4, [.. "ftypmif"u8]), ("JPEG 2000", 4, [.. "jP  "u8]),
    ];

    /// <summary>Reads an image's header, and checks that the file is complete as far as this is possible without decoding.</summary>
    /// <param name="name">The image's name in messages.</param>
    /// <param name="file">The bytes of the file.</param>
    /// <exception cref="UserErrorException">It is no JPEG or PNG, is truncated or damaged, or claims more pixels than it can
    /// hold.</exception>
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
        throw new UserErrorException(
            kind is null ? $"{name}: is neither a JPEG nor a PNG image" : $"{name}: is a {kind} image; only JPEG and PNG are read");
    }

    /// <summary>The pixels as C·H·W bytes. Transparent pixels are blended with white; of 16 bits the upper 8 are kept.</summary>
    /// <param name="name">The image's name in messages.</param>
    /// <param name="file">The bytes of the file.</param>
    /// <param name="header">The result of <see cref="ReadHeader"/>.</param>
    /// <exception cref="UserErrorException">The file is truncated or damaged.</exception>
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
            return data.Length == area * samples ? data : throw new InvalidDataException($"it decodes to {data.Length} bytes");
        });
        byte[] planes = new byte[area * header.Channels];
        for (int c = 0; c < header.Channels; c++)
        {
            Span<byte> plane = planes.AsSpan(c * area, area);
            for (int i = 0; i < area; i++)
            {
                byte value = pixels[i * samples + c];
                plane[i] = header.HasAlpha ? OnWhite(value, pixels[i * samples + samples - 1]) : value;
            }
        }
        return planes;
    }

    private static byte OnWhite(int value, int alpha) => (byte)((value * alpha + White * (255 - alpha) + 127) / 255);

    /// <summary>Turns any exception of the decoding libraries into a user error; they throw various ones for damaged images.</summary>
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

    /// <summary>A stream of an image's bytes that throws after many reads beyond its end.</summary>
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
