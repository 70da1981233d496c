using System.Buffers.Binary;
using System.Numerics;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Robustness.Reporting.TensorBoard;

/// <summary>
/// One TensorBoard event file: TFRecord frames (length, masked CRC-32C, data, masked CRC-32C) around protobuf messages of TensorFlow's
/// event.proto and summary.proto, whose fields are written by number.
/// </summary>
public sealed class EventFile
{
    private const uint CrcMask = 0xa282ead8;

    private readonly double wallTime;
    private readonly MemoryStream frames = new();

    /// <summary>An event file without events.</summary>
    /// <param name="wallTime">Time of all events, in seconds since 1970.</param>
    public EventFile(double wallTime)
    {
        this.wallTime = wallTime;
        AddFrame(new ProtobufMessage().Double(1, wallTime).Text(3, "brain.Event:2"));
    }

    /// <summary>Adds a point of a curve.</summary>
    public void Scalar(string tag, long step, double value) => Add(step, Entry(tag).Float(2, (float)value));

    /// <summary>Adds an image.</summary>
    /// <param name="png">A PNG file.</param>
    /// <param name="channels">1 for grey, 3 for colours.</param>
    public void Image(string tag, long step, byte[] png, int height, int width, int channels) =>
        Add(step, Entry(tag).Message(4, new ProtobufMessage().Integer(1, height).Integer(2, width).Integer(3, channels).Bytes(4, png)));

    /// <summary>Adds a histogram with buckets of equal width from the smallest to the largest value; nothing if there are no
    /// values.</summary>
    public void Histogram(string tag, long step, IReadOnlyCollection<double> values)
    {
        if (values.Count == 0)
            return;
        var (limits, counts) = Buckets(values);
        Add(step, Entry(tag).Message(5, new ProtobufMessage()
            .Double(1, values.Min()).Double(2, values.Max()).Double(3, values.Count).Double(4, values.Sum())
            .Double(5, values.Sum(v => v * v))
            .Doubles(6, limits).Doubles(7, counts)));
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file cannot be written; an existing one is unchanged.</exception>
    public void Save(string path) => AtomicFile.Write(path, file => frames.WriteTo(file));

    private static ProtobufMessage Entry(string tag) => new ProtobufMessage().Text(1, tag);

    private void Add(long step, ProtobufMessage entry) =>
        AddFrame(new ProtobufMessage().Double(1, wallTime).Integer(2, step).Message(5, new ProtobufMessage().Message(1, entry)));

    private void AddFrame(ProtobufMessage message)
    {
        ReadOnlySpan<byte> data = message.Written().Span;
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
}
