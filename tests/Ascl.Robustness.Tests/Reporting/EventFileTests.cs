using System.Buffers.Binary;
using System.Text;
using Ascl.Data;
using Ascl.Robustness.Reporting.TensorBoard;
using Xunit;

namespace Ascl.Robustness.Tests.Reporting;

/// <summary>Event files are read back by a reader of the wire format written for these tests.</summary>
public sealed class EventFileTests : IDisposable
{
    private readonly string path = Path.GetTempFileName();

    public void Dispose() => File.Delete(path);

    [Fact]
    public void ChecksumOfTheTestReaderIsCrc32C()
    {
        // RFC 3720, B.4.
        Assert.Equal(0x8a9136aau, Crc32C(new byte[32]));
        Assert.Equal(0x62a8ab43u, Crc32C([.. Enumerable.Repeat((byte)0xff, 32)]));
        Assert.Equal(0x46dd794eu, Crc32C([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
    }

    [Fact]
    public void ScalarsHistogramsAndImagesRoundTrip()
    {
        byte[] png = PngImage.Encode([0, 1, 0.5f, 0.25f], 1, 2, 2);
        EventFile file = new(1234.5);
        file.Scalar("accuracy/robust", 7, 0.375);
        file.Histogram("distance", 300, [1, 2, 2, 4]);
        file.Histogram("empty", 1, []);
        file.Image("image", 3, png, 2, 2, 1);
        file.Save(path);

        List<byte[]> events = Frames(File.ReadAllBytes(path));
        Assert.Equal(4, events.Count);
        var version = Fields(events[0]);
        Assert.Equal(1234.5, Double(version[1][0]));
        Assert.Equal("brain.Event:2", Encoding.UTF8.GetString(version[3][0]));

        var (step, tag, value) = Value(events[1]);
        Assert.Equal((7, "accuracy/robust", 0.375f), (step, tag, BinaryPrimitives.ReadSingleLittleEndian(value[2][0])));

        (step, tag, value) = Value(events[2]);
        Assert.Equal((300, "distance"), (step, tag));
        var histogram = Fields(value[5][0]);
        Assert.Equal([1, 4, 4, 9, 25], Enumerable.Range(1, 5).Select(field => Double(histogram[field][0])));
        double[] limits = Doubles(histogram[6][0]), counts = Doubles(histogram[7][0]);
        Assert.Equal((30, 30), (limits.Length, counts.Length));
        Assert.Equal(4, limits[^1], 1e-12);
        Assert.Equal((1, 2, 1, 4), (counts[0], counts[10], counts[29], counts.Sum()));

        (step, tag, value) = Value(events[3]);
        var image = Fields(value[4][0]);
        Assert.Equal((3, "image", 2, 2, 1), (step, tag, Varint(image[1][0]), Varint(image[2][0]), Varint(image[3][0])));
        Assert.Equal(png, image[4][0]);
    }

    private static (long Step, string Tag, Dictionary<int, List<byte[]>> Value) Value(byte[] message)
    {
        var fields = Fields(message);
        var value = Fields(Fields(fields[5][0])[1][0]);
        return (Varint(fields[2][0]), Encoding.UTF8.GetString(value[1][0]), value);
    }

    /// <summary>The data of each TFRecord, its checksums checked.</summary>
    private static List<byte[]> Frames(byte[] file)
    {
        List<byte[]> frames = [];
        for (int at = 0; at < file.Length;)
        {
            int length = checked((int)BinaryPrimitives.ReadInt64LittleEndian(file.AsSpan(at)));
            Assert.Equal(Masked(Crc32C(file[at..(at + 8)])), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)));
            byte[] data = file[(at + 12)..(at + 12 + length)];
            Assert.Equal(Masked(Crc32C(data)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)));
            frames.Add(data);
            at += 16 + length;
        }
        return frames;
    }

    private static uint Masked(uint crc) => unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8);

    /// <summary>Bit by bit, reflected polynomial 0x82F63B78.</summary>
    private static uint Crc32C(byte[] data)
    {
        uint crc = ~0u;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
        }
        return ~crc;
    }

    /// <summary>A protobuf message's fields by number, each value as its bytes.</summary>
    private static Dictionary<int, List<byte[]>> Fields(byte[] message)
    {
        Dictionary<int, List<byte[]>> fields = [];
        for (int at = 0; at < message.Length;)
        {
            long tag = Varint(message, ref at);
            int length = (int)(tag & 7) switch
            {
                0 => VarintLength(message, at),
                1 => 8,
                2 => (int)Varint(message, ref at),
                5 => 4,
                var other => throw new InvalidDataException($"wire type {other}"),
            };
            if (!fields.TryGetValue((int)(tag >> 3), out List<byte[]>? values))
                fields[(int)(tag >> 3)] = values = [];
            values.Add(message[at..(at + length)]);
            at += length;
        }
        return fields;
    }

    private static int VarintLength(byte[] bytes, int at)
    {
        int length = 1;
        while ((bytes[at + length - 1] & 0x80) != 0)
            length++;
        return length;
    }

    private static long Varint(byte[] bytes, ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = bytes[at++];
            value |= (long)(next & 0x7f) << shift;
            if ((next & 0x80) == 0)
                return value;
        }
    }

    private static long Varint(byte[] bytes)
    {
        int at = 0;
        return Varint(bytes, ref at);
    }

    private static double Double(byte[] bytes) => BinaryPrimitives.ReadDoubleLittleEndian(bytes);

    private static double[] Doubles(byte[] bytes) => [.. bytes.Chunk(8).Select(Double)];
}
