using System.Buffers.Binary;
using JpegLibrary;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads the header of a JPEG file (ITU-T T.81) and checks that the file is complete, because the decoder (stb_image) fills missing pixels
/// with grey silently. Segments are skipped by their lengths, so that the end marker of an embedded thumbnail is not taken for the image's
/// own. A second, stricter decoder reads all coefficients and detects data that end too early although an end marker follows; the pixels
/// are stb_image's.
/// </summary>
internal static class JpegFile
{
    private const byte
        StartOfImage = 0xD8, EndOfImage = 0xD9, StartOfScan = 0xDA, RestartInterval = 0xDD, ApplicationData = 0xE1, ProgressiveFrame = 0xC2;

    public static bool Is(ReadOnlySpan<byte> file) => file is [0xFF, StartOfImage, ..];

    /// <summary>Channels and size. Checks that the file has an end marker and is long enough for the pixels.</summary>
    /// <exception cref="InvalidDataException">The file is truncated or damaged, or claims more pixels than it can hold.</exception>
    public static ImageHeader ReadHeader(ReadOnlySpan<byte> file)
    {
        Frame? frame = null;
        int restartInterval = 0;
        bool hasOrientation = false;
        for (int at = 2; ;)
        {
            byte marker = NextMarker(file, ref at);
            if (marker == EndOfImage)
            {
                return frame is null
                    ? throw new InvalidDataException("it has no image")
                    : Complete(frame) with { HasOrientation = hasOrientation };
            }
            if (marker is 0x01 or >= 0xD0 and <= 0xD7)
                continue;
            ReadOnlySpan<byte> segment = Segment(file, ref at);
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC))
                frame = frame is null ? ReadFrame(marker, segment, file.Length) : throw new InvalidDataException("it has two images");
            else if (marker == ApplicationData)
                hasOrientation |= HasOtherOrientation(segment);
            else if (marker == RestartInterval)
                restartInterval = segment.Length < 2 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(segment);
            else if (marker == StartOfScan)
            {
                long units = AddScan(frame ?? throw new InvalidDataException("it has no header"), segment);
                int restarts = SkipScan(file, ref at);
                if (restartInterval > 0 && restarts < (units - 1) / restartInterval)
                    throw new InvalidDataException("a scan ends too early");
            }
        }
    }

    /// <summary>Decodes and discards all coefficients.</summary>
    /// <exception cref="Exception">Of any type: the coefficients end too early or are damaged.</exception>
    public static void CheckPixels(byte[] file)
    {
        var decoder = new JpegDecoder();
        decoder.SetInput(file);
        decoder.Identify();
        decoder.SetOutputWriter(new DiscardingWriter());
        decoder.Decode();
    }

    private sealed class DiscardingWriter : JpegBlockOutputWriter
    {
        public override void WriteBlock(ref short blockRef, int componentIndex, int x, int y) { }
    }

    /// <summary>A frame header, and what the scans have filled of it.</summary>
    /// <param name="Header">Size and channels.</param>
    /// <param name="IsProgressive">Whether the coefficients are spread over several scans.</param>
    /// <param name="Components">Identifiers of the components.</param>
    /// <param name="Blocks">By component: number of blocks of 8 by 8 samples, the coding units of a scan of one component.</param>
    /// <param name="Units">Number of coding units of a scan of several components.</param>
    /// <param name="Finished">By component: bit k is set once a scan has coded the last bits of coefficient k.</param>
    private sealed record Frame(ImageHeader Header, bool IsProgressive, byte[] Components, long[] Blocks, long Units, ulong[] Finished);

    private static byte NextMarker(ReadOnlySpan<byte> file, ref int at)
    {
        // Other bytes between segments are skipped, as by every decoder.
        while (at + 1 < file.Length)
        {
            if (file[at++] == 0xFF && file[at] is not (0 or 0xFF))
                return file[at++];
        }
        throw new InvalidDataException($"it ends after {file.Length} bytes, without an end marker");
    }

    private static ReadOnlySpan<byte> Segment(ReadOnlySpan<byte> file, ref int at)
    {
        int length = at + 2 <= file.Length ? BinaryPrimitives.ReadUInt16BigEndian(file[at..]) : 0;
        if (length < 2 || at + length > file.Length)
            throw new InvalidDataException($"it ends too early: within the segment at byte {at}");
        at += length;
        return file.Slice(at - length + 2, length - 2);
    }

    private static Frame ReadFrame(byte marker, ReadOnlySpan<byte> segment, int fileLength)
    {
        if (marker > ProgressiveFrame)
            throw new InvalidDataException($"it is a JPEG of a kind that is not read (frame 0xFF{marker:X2})");
        int count = segment.Length < 6 ? 0 : segment[5];
        if (count is not (1 or 3 or 4) || segment.Length != 6 + 3 * count || segment[0] != 8)
            throw new InvalidDataException("its header is invalid, or has other than 8 bits per channel");
        int height = BinaryPrimitives.ReadUInt16BigEndian(segment[1..]), width = BinaryPrimitives.ReadUInt16BigEndian(segment[3..]);
        byte[] components = new byte[count];
        int[] across = new int[count], down = new int[count];
        for (int i = 0; i < count; i++)
            (components[i], across[i], down[i]) = (segment[6 + 3 * i], segment[7 + 3 * i] >> 4, segment[7 + 3 * i] & 15);
        if (width == 0 || height == 0 || across.Concat(down).Any(factor => factor is < 1 or > 4) || components.Distinct().Count() != count)
            throw new InvalidDataException($"its header is invalid ({width}x{height} pixels)");
        int mostAcross = across.Max(), mostDown = down.Max();
        long[] blocks =
            [.. Enumerable.Range(0, count).Select(i => (long)Blocks(width, across[i], mostAcross) * Blocks(height, down[i], mostDown))];
        // Each block takes at least one bit.
        if (blocks.Sum() > 8L * fileLength)
            throw new InvalidDataException($"it claims {width}x{height} pixels, more than its {fileLength} bytes can hold");
        long units = (long)Blocks(width, 1, mostAcross) * Blocks(height, 1, mostDown);
        ImageHeader header = new(count == 1 ? 1 : 3, height, width, false, false);
        return new(header, marker == ProgressiveFrame, components, blocks, units, new ulong[count]);

        static int Blocks(int length, int factor, int most) => (length * factor + 8 * most - 1) / (8 * most);
    }

    /// <summary>Reads a scan header: number of components, two bytes for each, first and last coefficient, and the high and low bit
    /// positions of successive approximation. Marks the coefficients that the scan completes.</summary>
    /// <returns>Number of coding units of the scan.</returns>
    private static long AddScan(Frame frame, ReadOnlySpan<byte> segment)
    {
        int count = segment.Length < 1 ? 0 : segment[0];
        if (count is < 1 or > 4 || segment.Length != 4 + 2 * count)
            throw new InvalidDataException("a scan's header is invalid");
        int first = segment[^3], last = segment[^2], leftOut = segment[^1] & 15;
        ulong coefficients = !frame.IsProgressive ? ulong.MaxValue
            : leftOut > 0 || first > last || last > 63 ? 0
            : ulong.MaxValue >> (63 - last) & ulong.MaxValue << first;
        for (int i = 0; i < count; i++)
        {
            int component = Array.IndexOf(frame.Components, segment[1 + 2 * i]);
            if (component < 0)
                throw new InvalidDataException("a scan's header is invalid");
            frame.Finished[component] |= coefficients;
        }
        return count > 1 ? frame.Units : frame.Blocks[Array.IndexOf(frame.Components, segment[1])];
    }

    /// <summary>Skips a scan's coded data, in which 0xFF is only followed by 0 or belongs to a restart marker, up to the next other
    /// marker.</summary>
    /// <returns>Number of restart markers.</returns>
    private static int SkipScan(ReadOnlySpan<byte> file, ref int at)
    {
        for (int restarts = 0; ;)
        {
            int found = file[at..].IndexOf((byte)0xFF);
            if (found < 0 || at + found + 1 >= file.Length)
                throw new InvalidDataException($"it ends after {file.Length} bytes, within the pixels");
            at += found;
            if (file[at + 1] is not (0 or 0xFF or >= 0xD0 and <= 0xD7))
                return restarts;
            restarts += file[at + 1] is >= 0xD0 and <= 0xD7 ? 1 : 0;
            at += file[at + 1] == 0xFF ? 1 : 2;
        }
    }

    /// <summary>Whether EXIF data (a TIFF directory) have an orientation other than 1, upright.</summary>
    private static bool HasOtherOrientation(ReadOnlySpan<byte> segment)
    {
        const int HeaderLength = 6, EntryLength = 12, Orientation = 0x0112;
        if (!segment.StartsWith("Exif\0\0"u8) || segment.Length < HeaderLength + 8)
            return false;
        ReadOnlySpan<byte> tiff = segment[HeaderLength..];
        bool isLittle = tiff[0] == 'I';
        uint directory = Number(tiff[4..], 4);
        if (directory > tiff.Length - 2)
            return false;
        uint entries = Number(tiff[(int)directory..], 2);
        for (long at = directory + 2; entries-- > 0 && at + EntryLength <= tiff.Length; at += EntryLength)
        {
            ReadOnlySpan<byte> entry = tiff.Slice((int)at, EntryLength);
            if (Number(entry, 2) == Orientation)
                return Number(entry[8..], 2) is > 1 and <= 8;
        }
        return false;

        uint Number(ReadOnlySpan<byte> bytes, int length) => (isLittle, length) switch
        {
            (true, 2) => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
            (false, 2) => BinaryPrimitives.ReadUInt16BigEndian(bytes),
            (true, _) => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt32BigEndian(bytes),
        };
    }

    private static ImageHeader Complete(Frame frame) =>
        frame.Finished.All(bits => bits == ulong.MaxValue) ? frame.Header : throw new InvalidDataException("it ends before its last scan");
}
