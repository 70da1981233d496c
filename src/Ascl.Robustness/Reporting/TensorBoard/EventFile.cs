using System.Buffers.Binary;
using System.Numerics;
using Ascl.Kernels.Files;
using Google.Protobuf;

namespace Ascl.Robustness.Reporting.TensorBoard;

/// <summary>
/// One TensorBoard event file: TFRecord frames (length, masked CRC-32C, data, masked CRC-32C) around protobuf messages of TensorFlow's event.proto and
/// summary.proto, of which the fields used here are written by their numbers.
/// </summary>
public sealed class EventFile
{
    private const uint CrcMask = 0xa282ead8;

    private readonly double wallTime;
    private readonly MemoryStream frames = new();

    /// <param name="wallTime">Of all events, in seconds since 1970.</param>
    public EventFile(double wallTime)
    {
        this.wallTime = wallTime;
        AddFrame(Message(output =>
        {
            Double(output, 1, wallTime);
            output.WriteTag(3, WireFormat.WireType.LengthDelimited);
            output.WriteString("brain.Event:2");
        }));
    }

    public void Scalar(string tag, long step, double value) => Add(tag, step, output =>
    {
        output.WriteTag(2, WireFormat.WireType.Fixed32);
        output.WriteFloat((float)value);
    });

    /// <param name="png">A PNG file.</param>
    /// <param name="channels">1 for grey, 3 for colours.</param>
    public void Image(string tag, long step, byte[] png, int height, int width, int channels) => Add(tag, step, output => Bytes(output, 4, Message(image =>
    {
        Integer(image, 1, height);
        Integer(image, 2, width);
        Integer(image, 3, channels);
        Bytes(image, 4, png);
    })));

    /// <summary>A histogram of buckets of equal width between the smallest and the largest value. Nothing is written without values.</summary>
    public void Histogram(string tag, long step, IReadOnlyCollection<double> values)
    {
        if (values.Count == 0)
            return;
        var (limits, counts) = Buckets(values);
        Add(tag, step, output => Bytes(output, 5, Message(histogram =>
        {
            Double(histogram, 1, values.Min());
            Double(histogram, 2, values.Max());
            Double(histogram, 3, values.Count);
            Double(histogram, 4, values.Sum());
            Double(histogram, 5, values.Sum(v => v * v));
            Bytes(histogram, 6, Packed(limits));
            Bytes(histogram, 7, Packed(counts));
        })));
    }

    /// <exception cref="Kernels.Diagnostics.UserErrorException">The file cannot be written; an earlier one is then as it was.</exception>
    public void Save(string path) => AtomicFile.Write(path, file => frames.WriteTo(file));

    private void Add(string tag, long step, Action<CodedOutputStream> value) => AddFrame(Message(output =>
    {
        Double(output, 1, wallTime);
        output.WriteTag(2, WireFormat.WireType.Varint);
        output.WriteInt64(step);
        Bytes(output, 5, Message(summary => Bytes(summary, 1, Message(entry =>
        {
            entry.WriteTag(1, WireFormat.WireType.LengthDelimited);
            entry.WriteString(tag);
            value(entry);
        }))));
    }));

    private void AddFrame(byte[] data)
    {
        Span<byte> length = stackalloc byte[8], crc = stackalloc byte[4];
        BinaryPrimitives.WriteInt64LittleEndian(length, data.Length);
        frames.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(crc, MaskedCrc(length));
        frames.Write(crc);
        frames.Write(data);
        BinaryPrimitives.WriteUInt32LittleEndian(crc, MaskedCrc(data));
        frames.Write(crc);
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        uint crc = ~0u;
        foreach (byte value in data)
            crc = BitOperations.Crc32C(crc, value);
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + CrcMask;
    }

    private static (double[] Limits, double[] Counts) Buckets(IReadOnlyCollection<double> values)
    {
        const int Count = 30;
        double smallest = values.Min(), width = (values.Max() - smallest) / Count;
        double[] counts = new double[Count];
        foreach (double value in values)
            counts[width > 0 ? Math.Min((int)((value - smallest) / width), Count - 1) : 0]++;
        return ([.. counts.Select((_, i) => smallest + (i + 1) * width)], counts);
    }

    private static byte[] Message(Action<CodedOutputStream> fields)
    {
        using MemoryStream stream = new();
        using (CodedOutputStream output = new(stream, leaveOpen: true))
            fields(output);
        return stream.ToArray();
    }

    private static byte[] Packed(double[] values) => Message(output =>
    {
        foreach (double value in values)
            output.WriteDouble(value);
    });

    private static void Double(CodedOutputStream output, int field, double value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(value);
    }

    private static void Integer(CodedOutputStream output, int field, int value)
    {
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt32(value);
    }

    private static void Bytes(CodedOutputStream output, int field, byte[] value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(value));
    }
}
