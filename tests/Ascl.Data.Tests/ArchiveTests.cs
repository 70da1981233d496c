using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Ascl.Data.Tests;

/// <summary>Links in archives, and archives with false lengths.</summary>
public sealed class ArchiveTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(TarEntryType.HardLink, "train/cat/1.png")]
    [InlineData(TarEntryType.SymbolicLink, "1.png")]
    [InlineData(TarEntryType.SymbolicLink, "../cat/./1.png")]
    public void LinksToOtherEntriesAreRead(TarEntryType type, string target)
    {
        foreach (bool isFirst in new[] { true, false })
        {
            DataSet set = Open(Tar(isFirst, Link(type, "train/cat/9.png", target)));
            Assert.Equal([4, 2], set.Train.CountByClass());
            Assert.Equal(Made.Image(set.Train, 0), Made.Image(set.Train, 5));
        }
    }

    /// <summary>Content-addressed stores keep files without image extensions; a link may lead to another link.</summary>
    [Fact]
    public void LinksIntoAStoreAreRead()
    {
        DataSet set = Open(Tar(true,
            Link(TarEntryType.SymbolicLink, "train/cat/9.png", "../../.store/5f"),
            Link(TarEntryType.SymbolicLink, "train/dog/9.png", "../cat/9.png")));
        Assert.Equal([4, 3], set.Train.CountByClass());
        Assert.Equal(Made.Image(set.Train, 1), Made.Image(set.Train, 6));
        Assert.Equal(
            [
                "1 of 7 training images are repeats of others, pixel for pixel",
                "1 image occurs under more than one label, pixel for pixel",
            ],
            set.Notes);
    }

    [Theory]
    [InlineData(TarEntryType.SymbolicLink, "/etc/passwd")]
    [InlineData(TarEntryType.SymbolicLink, "../../../x.png")]
    [InlineData(TarEntryType.SymbolicLink, "nothing.png")]
    [InlineData(TarEntryType.SymbolicLink, "x.png")]
    [InlineData(TarEntryType.HardLink, "train/nothing.png")]
    [InlineData(TarEntryType.SymbolicLink, "../dog")]
    public void OtherLinksAreRefusedByName(TarEntryType type, string target) =>
        UserError.Expect(() => Open(Tar(true, Link(type, "train/cat/x.png", target))), "train/cat/x.png", "link");

    [Fact]
    public void LinkedClassFoldersAreRefused() =>
        UserError.Expect(() => Open(Tar(true, Link(TarEntryType.SymbolicLink, "train/wolf", "dog"))), "train/wolf", "directory train/dog");

    [Fact]
    public void LinksInZipFilesAreRead()
    {
        string path = folder.WriteAs("zip", Made.FolderFiles());
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Update))
        {
            ZipArchiveEntry entry = zip.CreateEntry("train/cat/9.png");
            entry.ExternalAttributes = unchecked((int)0xA1FF0000);
            using Stream data = entry.Open();
            data.Write("1.png"u8);
        }
        Assert.Equal([4, 2], Open(path).Train.CountByClass());
    }

    /// <summary>A zip file's directory may claim any length, and many entries may share the same bytes.</summary>
    [Fact]
    public void WrongLengthsInZipFilesAreRefused()
    {
        byte[] zip = Made.Zip([.. Made.FolderFiles()]);
        int entry = zip.AsSpan().IndexOf("PK\x01\x02"u8);
        foreach (uint claimed in new[] { 3u, 1000u, 1u << 25, 1u << 27, uint.MaxValue - 1 })
        {
            byte[] lying = [.. zip];
            BinaryPrimitives.WriteUInt32LittleEndian(lying.AsSpan(entry + 24), claimed);
            string path = folder.Write("lying.zip", lying);
            long before = GC.GetTotalAllocatedBytes();
            UserError.Expect(() => Open(path), path);
            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1 << 26);
        }
    }

    [Fact]
    public void DecompressionBombsAreRefused()
    {
        byte[] empty = new byte[1 << 26];
        string path = folder["bomb.zip"];
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            using (Stream data = zip.CreateEntry("train/a/0.png", CompressionLevel.Optimal).Open())
                data.Write(empty);
        }
        // The same entry, seventeen times in the directory at the end.
        byte[] one = File.ReadAllBytes(path);
        int directory = one.AsSpan().LastIndexOf("PK\x01\x02"u8), end = one.AsSpan().LastIndexOf("PK\x05\x06"u8);
        byte[][] entries = [.. Enumerable.Range(0, 17).Select(Entry)];
        byte[] tail = one[end..];
        BinaryPrimitives.WriteUInt16LittleEndian(tail.AsSpan(8), 17);
        BinaryPrimitives.WriteUInt16LittleEndian(tail.AsSpan(10), 17);
        BinaryPrimitives.WriteInt32LittleEndian(tail.AsSpan(12), 17 * (end - directory));
        File.WriteAllBytes(path, [.. one[..directory], .. entries.SelectMany(entry => entry), .. tail]);
        UserError.Expect(() => Open(path), path, "unpacks to more than");

        byte[] Entry(int index)
        {
            byte[] entry = one[directory..end];
            entry[46 + 8] = (byte)('a' + index);
            return entry;
        }
    }

    [Fact]
    public void WrongLengthsInTarFilesAreRefused()
    {
        byte[] tar = File.ReadAllBytes(Tar(true));
        int header = tar.AsSpan().IndexOf("train/dog/b.png"u8);
        foreach (string claimed in new[] { "00000000001", "00077777777", "00400000000", "77777777777" })
        {
            byte[] lying = [.. tar];
            Encoding.ASCII.GetBytes(claimed).CopyTo(lying, header + 124);
            lying.AsSpan(header + 148, 8).Fill((byte)' ');
            string checksum = Convert.ToString(lying.AsSpan(header, 512).ToArray().Sum(b => b), 8).PadLeft(6, '0') + "\0 ";
            Encoding.ASCII.GetBytes(checksum).CopyTo(lying, header + 148);
            string path = folder.Write("lying.tar", lying);
            long before = GC.GetTotalAllocatedBytes();
            UserError.Expect(() => Open(path), path);
            Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 1 << 26);
        }
    }

    private static PaxTarEntry Link(TarEntryType type, string name, string target) => new(type, name) { LinkName = target };

    /// <summary>The usual files, a hidden store, and these links before or after them.</summary>
    private string Tar(bool linksComeFirst, params PaxTarEntry[] links)
    {
        var stream = new MemoryStream();
        using (var tar = new TarWriter(stream, TarEntryFormat.Ustar, leaveOpen: true))
        {
            foreach (PaxTarEntry link in linksComeFirst ? links : [])
                tar.WriteEntry(link);
            foreach (var (name, data) in new[] { (".store/5f", Made.Png(77)) }.Concat(Made.FolderFiles()))
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(data) });
            foreach (PaxTarEntry link in linksComeFirst ? [] : links)
                tar.WriteEntry(link);
        }
        return folder.Write($"{Guid.NewGuid():N}.tar", stream.ToArray());
    }

    private DataSet Open(string path) => DataSource.Open($"folder:{path}", cacheDirectory: folder["cache"]);
}
