using System.Buffers.Binary;
using Ascl.Core.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Ascl.Core.Files;

/// <summary>
/// A safetensors file opened for reading: 8 bytes little-endian header length, JSON header, raw little-endian data. Opening checks the
/// whole header; tensor data are read on demand. Thread-safe.
/// </summary>
public sealed class SafetensorsFile : TensorFile
{
    private readonly SafeFileHandle handle;
    private readonly SafetensorsHeader header;
    private readonly long dataStart;

    private SafetensorsFile(string path, SafeFileHandle handle) : base(path)
    {
        this.handle = handle;
        long length = RandomAccess.GetLength(handle);
        if (length == 0)
            throw new UserErrorException($"{path}: is empty: was it cut off in copying or downloading?");
        if (length < SafetensorsHeader.LengthBytes)
            throw NotSafetensors($"{length} bytes, shorter than the header's length");
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(Bytes(0, SafetensorsHeader.LengthBytes));
        if (headerBytes > SafetensorsHeader.MaximumBytes)
            throw NotSafetensors($"a header of {headerBytes} bytes, more than the {SafetensorsHeader.MaximumBytes} allowed");
        dataStart = SafetensorsHeader.LengthBytes + (long)headerBytes;
        if (dataStart > length)
            throw NotSafetensors($"truncated: a header of {headerBytes} bytes in a file of {length}");
        byte[] json = Bytes(SafetensorsHeader.LengthBytes, (int)headerBytes);
        if (json is not [(byte)'{', ..])
            throw NotSafetensors("the header is not a JSON object");
        header = SafetensorsHeader.Parse(path, json, length - dataStart);
    }

    /// <inheritdoc/>
    public override IReadOnlyCollection<string> Names => header.Tensors.Keys;

    /// <summary>The free-form strings under __metadata__.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => header.Metadata;

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="UserErrorException">There is no such file, or it is not a well-formed safetensors file.</exception>
    public static new SafetensorsFile Open(string path)
    {
        SafeFileHandle? handle = null;
        try
        {
            FileProblem.RequireContent(path);
            // Another process may replace the file; this handle keeps reading the one it opened.
            handle = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            return new(path, handle);
        }
        catch (Exception e)
        {
            handle?.Dispose();
            if (FileProblem.Is(e))
                throw FileProblem.Of("read", path, e);
            throw;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing)
            handle.Dispose();
        base.Dispose(isDisposing);
    }

    private protected override TensorEntry? Find(string name) => header.Tensors.GetValueOrDefault(name);

    private protected override Stream OpenData(TensorEntry entry) =>
        new FileRegion(handle, dataStart + ((SafetensorsEntry)entry).Offset, ((SafetensorsEntry)entry).Bytes);

    /// <summary>The error, with what the file is instead if that is recognised.</summary>
    private UserErrorException NotSafetensors(string problem) =>
        new($"{Path}: not a safetensors file{(ForeignFile.KindOf(Path) is { } kind ? $" but {kind}" : $": {problem}")}");

    private byte[] Bytes(long offset, int count)
    {
        byte[] bytes = new byte[count];
        return Reading(() =>
        {
            using FileRegion region = new(handle, offset, count);
            region.ReadExactly(bytes);
            return bytes;
        });
    }
}
