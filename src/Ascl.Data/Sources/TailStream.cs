using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>Reads another stream and counts the zero bytes at the end of what was read. A tar archive ends in two blocks of zeros, which
/// TarReader does not require: without this check, an archive truncated between two entries would be read as a smaller one.</summary>
internal sealed class TailStream(Stream source) : ReadOnlyStream
{
    /// <summary>Number of zero bytes at the end of all bytes read so far.</summary>
    public long TrailingZeros { get; private set; }

    public override int Read(Span<byte> buffer)
    {
        int count = source.Read(buffer);
        int zeros = count - 1 - buffer[..count].LastIndexOfAnyExcept((byte)0);
        TrailingZeros = zeros == count ? TrailingZeros + zeros : zeros;
        return count;
    }
}
