using System.Collections.Concurrent;
using System.IO.Compression;

namespace Ascl.Core.Files;

/// <summary>The files in a zip archive. Each that is open at a time has an archive of its own, because those of one archive share its
/// position; the archives are kept for the next ones, because opening one reads its whole directory.</summary>
internal sealed class ZipFiles(string path) : IDisposable
{
    /// <summary>What one byte of deflated data can at most become.</summary>
    private const int MostInflation = 1032;

    private readonly ConcurrentBag<ZipArchive> idle = [];

    /// <summary>Calls a function with the archive; nothing of it may be used afterwards.</summary>
    /// <exception cref="InvalidDataException">The archive is damaged.</exception>
    public T Read<T>(Func<ZipArchive, T> read)
    {
        ZipArchive archive = Take();
        try
        {
            return read(archive);
        }
        finally
        {
            idle.Add(archive);
        }
    }

    /// <summary>Opens a file in the archive.</summary>
    /// <exception cref="InvalidDataException">There is no such file, or the archive is damaged.</exception>
    public Stream Open(string name)
    {
        ZipArchive archive = Take();
        try
        {
            ZipArchiveEntry entry = archive.GetEntry(name) ?? throw new InvalidDataException($"it has no {name}");
            return new OpenFile(entry.Open(), () => idle.Add(archive));
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a claimed length that the bytes in the archive cannot become.</summary>
    /// <exception cref="InvalidDataException">It is claimed.</exception>
    public void CheckLength(ZipArchiveEntry entry)
    {
        if (entry.CompressedLength > new FileInfo(path).Length || entry.Length / MostInflation > entry.CompressedLength)
            throw new InvalidDataException($"{entry.FullName}: {entry.CompressedLength} bytes that claim to be {entry.Length}");
    }

    /// <summary>Closes the archives.</summary>
    public void Dispose()
    {
        while (idle.TryTake(out ZipArchive? archive))
            archive.Dispose();
    }

    private ZipArchive Take()
    {
        if (idle.TryTake(out ZipArchive? known))
            return known;
        FileStream file = File.OpenRead(path);
        try
        {
            return new(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private sealed class OpenFile(Stream content, Action close) : ReadOnlyStream
    {
        private bool isClosed;

        public override int Read(Span<byte> buffer) => content.Read(buffer);

        protected override void Dispose(bool disposing)
        {
            if (disposing && !isClosed)
            {
                isClosed = true;
                content.Dispose();
                close();
            }
            base.Dispose(disposing);
        }
    }
}
