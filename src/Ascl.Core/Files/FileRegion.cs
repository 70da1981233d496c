using Microsoft.Win32.SafeHandles;

namespace Ascl.Core.Files;

/// <summary>A part of an open file; several may be read at once.</summary>
internal sealed class FileRegion(SafeFileHandle handle, long offset, long length) : ReadOnlyStream
{
    private long position;

    public override int Read(Span<byte> buffer)
    {
        int count = (int)Math.Min(buffer.Length, length - position);
        int read = count == 0 ? 0 : RandomAccess.Read(handle, buffer[..count], offset + position);
        position += read;
        return read;
    }
}
