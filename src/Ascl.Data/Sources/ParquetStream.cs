namespace Ascl.Data.Sources;

/// <summary>A Parquet file whose bytes from <see cref="End"/> on cannot be read: reading single bytes there throws, because Parquet.Net
/// does not look whether there is one.</summary>
internal sealed class ParquetStream(FileStream file) : Stream
{
    /// <summary>Position of the first byte that is out of reach.</summary>
    public long End { get; set; } = file.Length;

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => false;
    public override long Length => file.Length;
    public override long Position { get => file.Position; set => file.Position = value; }

    public override int ReadByte() =>
        file.Position < End && file.ReadByte() is >= 0 and var value ? value : throw new EndOfStreamException("it ends too early");

    public override int Read(Span<byte> buffer)
    {
        long left = Math.Max(0, End - file.Position);
        return file.Read(buffer.Length > left ? buffer[..(int)left] : buffer);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Read(buffer.Span));

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Task.FromResult(Read(buffer.AsSpan(offset, count)));

    public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() { }
}
