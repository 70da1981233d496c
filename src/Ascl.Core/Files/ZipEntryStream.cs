using System.IO.Compression;

namespace Ascl.Core.Files;

/// <summary>A file in a zip archive, which is opened for it alone, so that several can be read at once.</summary>
internal sealed class ZipEntryStream : ReadOnlyStream
{
    /// <summary>What one byte of deflated data can at most become.</summary>
    private const int MostInflation = 1032;

    private readonly FileStream file;
    private readonly ZipArchive archive;
    private readonly Stream content;

    /// <summary>Opens a file in an archive.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged, or has changed.</exception>
    public ZipEntryStream(string path, string name)
    {
        file = File.OpenRead(path);
        try
        {
            archive = new(file);
            content = (archive.GetEntry(name) ?? throw new InvalidDataException($"it has no {name} any more")).Open();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a claimed length that the bytes in the archive cannot become.</summary>
    /// <exception cref="InvalidDataException">It is claimed.</exception>
    public static void CheckLength(ZipArchiveEntry entry, long archiveLength)
    {
        if (entry.CompressedLength > archiveLength || entry.Length / MostInflation > entry.CompressedLength)
            throw new InvalidDataException($"{entry.FullName}: {entry.CompressedLength} bytes that claim to be {entry.Length}");
    }

    public override int Read(Span<byte> buffer) => content.Read(buffer);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            content.Dispose();
            archive.Dispose();
            file.Dispose();
        }
        base.Dispose(disposing);
    }
}
