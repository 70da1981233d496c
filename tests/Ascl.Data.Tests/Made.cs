using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using StbImageWriteSharp;

namespace Ascl.Data.Tests;

/// <summary>Makes small files of every supported kind with known contents.</summary>
public static class Made
{
    /// <summary>Reproducible bytes.</summary>
    public static byte[] Bytes(int length, int seed)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public static byte[] Gzip(byte[] data)
    {
        var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(data);
        return stream.ToArray();
    }

    public static byte[] Idx(int[] shape, byte[] data, uint? magic = null)
    {
        byte[] header = new byte[4 + 4 * shape.Length];
        BinaryPrimitives.WriteUInt32BigEndian(header, magic ?? 0x800u | (uint)shape.Length);
        for (int i = 0; i < shape.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), shape[i]);
        return [.. header, .. data];
    }

    /// <param name="pixels">H·W·C bytes, one pixel's channels together.</param>
    public static byte[] Png(int width, int height, int channels, byte[] pixels)
    {
        var stream = new MemoryStream();
        new ImageWriter().WritePng(pixels, width, height, (ColorComponents)channels, stream);
        return stream.ToArray();
    }

    public static byte[] Png(int seed, int width = 6, int height = 5, int channels = 3) =>
        Png(width, height, channels, Bytes(width * height * channels, seed));

    /// <summary>An image of one colour, which JPEG preserves within two levels.</summary>
    public static byte[] Jpeg(byte red, byte green, byte blue, int width = 6, int height = 5)
    {
        byte[] pixels = [.. Enumerable.Range(0, width * height).SelectMany(_ => new[] { red, green, blue })];
        var stream = new MemoryStream();
        new ImageWriter().WriteJpg(pixels, width, height, ColorComponents.RedGreenBlue, stream, 95);
        return stream.ToArray();
    }

    /// <summary>Images of two classes: 3 + 2 for training, 1 + 1 for testing, not in the order of their names.</summary>
    public static (string Name, byte[] Data)[] FolderFiles(string top = "") =>
    [
        ($"{top}train/dog/b.png", Png(12)), ($"{top}train/dog/a.png", Png(11)),
        ($"{top}train/cat/3.png", Png(3)), ($"{top}train/cat/1.png", Png(1)), ($"{top}train/cat/2.png", Png(2)),
        ($"{top}test/dog/x.png", Png(21)), ($"{top}test/cat/x.png", Png(22)),
    ];

    public static byte[] Tar(params (string Name, byte[] Data)[] files)
    {
        var stream = new MemoryStream();
        using (var tar = new TarWriter(stream, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var (name, data) in files)
            {
                var entry = new PaxTarEntry(name.EndsWith('/') ? TarEntryType.Directory : TarEntryType.RegularFile, name)
                {
                    ModificationTime = DateTimeOffset.UnixEpoch,
                };
                if (entry.EntryType == TarEntryType.RegularFile)
                    entry.DataStream = new MemoryStream(data);
                tar.WriteEntry(entry);
            }
        }
        return stream.ToArray();
    }

    public static byte[] Zip(params (string Name, byte[] Data)[] files)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (name, data) in files)
            {
                using Stream entry = zip.CreateEntry(name).Open();
                entry.Write(data);
            }
        }
        return stream.ToArray();
    }

    /// <summary>A set of bytes whose image i has label i mod classes.</summary>
    public static ImageSet Set(int count, int classes = 3, int channels = 3, int height = 4, int width = 5) => new(
        "made", [.. Enumerable.Range(0, classes).Select(k => $"class {k}")], channels, height, width,
        [.. Enumerable.Range(0, count).Select(i => i % classes)], Bytes(count * channels * height * width, seed: 7));

    public static float[] Image(ImageSet set, int index)
    {
        float[] image = new float[set.ImageLength];
        set.CopyImage(index, image);
        return image;
    }
}
