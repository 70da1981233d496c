using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>
/// Caches decoded images of folders and Parquet files, one file per source and options: magic, header length, header (fingerprint, names,
/// sizes, parts, notes), labels and pixels of the parts, and a checksum of header, labels and pixels. The fingerprint contains the options
/// and a hash of the source's content (of the file, or of each file of images of a directory), not lengths and times of change: these can
/// stay the same while images change, and reading is fast compared with decoding. A file with another fingerprint, length or checksum is
/// not used, and is replaced.
/// </summary>
internal static class DecodedCache
{
    /// <summary>A kind of source that decodes images.</summary>
    /// <param name="Name">Its name in specifications.</param>
    /// <param name="IsWanted">Whether the contents of a file in a directory matter, by its name.</param>
    /// <param name="Read">Reads and decodes all images of a path.</param>
    internal sealed record Kind(
        string Name, Func<string, bool> IsWanted, Func<string, DataOptions, IProgress<DataProgress>?, DecodedImages> Read);

    private const int MaxHeaderLength = 1 << 24;

    /// <summary>Ends in the version of this format and of the decoder's pixels.</summary>
    private static ReadOnlySpan<byte> Magic => "ASCLSET3"u8;

    public static DataSet Open(Kind kind, string path, DataOptions options, string? directory, IProgress<DataProgress>? progress)
    {
        string source = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Path.Exists(source))
            throw new UserErrorException($"cannot read {path}: no such file or directory");
        DecodedImages images = Open(kind, path, source, options, directory ?? DefaultDirectory(), progress);
        return images.Parts == FolderParts.None && options.TestShare is null ? throw FolderLayout.ShareNeeded(path) : images.Set;
    }

    private static DecodedImages Open(
        Kind kind, string path, string source, DataOptions options, string? directory, IProgress<DataProgress>? progress)
    {
        if (directory is null)
            return kind.Read(path, options, progress);
        // The test share is not part of the key, because it is split off afterwards.
        string key = $"{kind.Name}:{source}|resize {options.Resize}|crop {options.Crop}|empty classes {options.AllowEmptyClasses}";
        string fingerprint = $"{key}|{HashOf(kind, path, source):x32}";
        ulong keyHash = XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(key));
        string cache = Path.Combine(directory, $"{Path.GetFileName(source)}-{keyHash:x16}.images");
        if (TryRead(cache, fingerprint) is { } cached)
            return cached;
        DecodedImages decoded = kind.Read(path, options, progress);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(cache)!);
            AtomicFile.Write(cache, stream => Write(stream, fingerprint, decoded));
        }
        catch (Exception e) when (e is UserErrorException || FileProblem.Is(e))
        {
            // Not an error: the images are decoded, and the next opening decodes them again.
            progress?.Report(new DataProgress($"the decoded images could not be cached: {e.Message}", 0, 0));
        }
        return decoded;
    }

    private static string? DefaultDirectory()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length == 0 ? null : Path.Combine(home, ".cache", "ascl");
    }

    private static UInt128 HashOf(Kind kind, string path, string source) => Directory.Exists(source)
        ? DirectoryFiles.Hash(path, kind.IsWanted)
        : InputFile.ReadStored(path, stream =>
        {
            XxHash128 hash = new();
            hash.Append(stream);
            return hash.GetCurrentHashAsUInt128();
        });

    private static void Write(Stream stream, string fingerprint, DecodedImages images)
    {
        DataSet set = images.Set;
        ImageSet[] parts = ReferenceEquals(set.Train, set.Test) ? [set.Train] : [set.Train, set.Test];
        var header = new MemoryStream();
        using (var writer = new BinaryWriter(header))
        {
            writer.Write(fingerprint);
            writer.Write(set.Name);
            WriteTexts(writer, set.ClassNames);
            int secondCount = parts.Length > 1 ? parts[1].Count : 0;
            foreach (int number in new[] { set.Train.Channels, set.Train.Height, set.Train.Width, parts[0].Count, secondCount })
                writer.Write(number);
            writer.Write((int)images.Parts);
            WriteTexts(writer, set.Notes);
        }
        byte[] headerBytes = header.ToArray();
        XxHash3 checksum = new();
        stream.Write(Magic);
        stream.Write(BitConverter.GetBytes(headerBytes.Length));
        Put(headerBytes);
        foreach (ImageSet part in parts)
        {
            Put(MemoryMarshal.AsBytes(part.Labels));
            Put(part.Bytes);
        }
        stream.Write(BitConverter.GetBytes(checksum.GetCurrentHashAsUInt64()));

        void Put(ReadOnlySpan<byte> data)
        {
            stream.Write(data);
            checksum.Append(data);
        }
    }

    /// <summary>The cached set; null where the file is missing, damaged or has another fingerprint.</summary>
    private static DecodedImages? TryRead(string cache, string fingerprint)
    {
        try
        {
            using FileStream stream = File.OpenRead(cache);
            return Read(stream, fingerprint);
        }
        catch (Exception e) when (e is UserErrorException or FormatException or OverflowException || FileProblem.Is(e))
        {
            return null;
        }
    }

    private static DecodedImages? Read(FileStream stream, string fingerprint)
    {
        if (!InputFile.ReadBytes(stream, Magic.Length).AsSpan().SequenceEqual(Magic))
            return null;
        int headerLength = BitConverter.ToInt32(InputFile.ReadBytes(stream, sizeof(int)));
        if (headerLength is <= 0 or > MaxHeaderLength)
            return null;
        byte[] header = InputFile.ReadBytes(stream, headerLength);
        XxHash3 checksum = new();
        checksum.Append(header);
        using var reader = new BinaryReader(new MemoryStream(header));
        if (reader.ReadString() != fingerprint)
            return null;
        string name = reader.ReadString();
        string[] classNames = ReadTexts(reader);
        int channels = reader.ReadInt32(), height = reader.ReadInt32(), width = reader.ReadInt32();
        int firstCount = reader.ReadInt32(), secondCount = reader.ReadInt32();
        FolderParts parts = (FolderParts)reader.ReadInt32();
        string[] notes = ReadTexts(reader);
        long imageLength = checked((long)channels * height * width);
        long expected = checked(stream.Position + (firstCount + (long)secondCount) * (imageLength + sizeof(int)) + sizeof(ulong));
        if (channels < 1 || height < 1 || width < 1 || firstCount < 1 || secondCount < 0 || stream.Length != expected)
            return null;
        if ((secondCount > 0) != (parts == FolderParts.Both))
            return null;

        ImageSet first = ReadPart(parts == FolderParts.TestOnly ? "test" : "train", firstCount);
        ImageSet second = parts == FolderParts.Both ? ReadPart("test", secondCount) : first;
        if (BitConverter.ToUInt64(InputFile.ReadBytes(stream, sizeof(ulong))) != checksum.GetCurrentHashAsUInt64())
            return null;
        return EncodedImages.Decoded(name, first, second, parts, notes);

        ImageSet ReadPart(string part, int count)
        {
            int[] labels = new int[count];
            byte[] pixels = new byte[checked(count * imageLength)];
            Get(MemoryMarshal.AsBytes(labels.AsSpan()));
            Get(pixels);
            return new($"{name} {part}", classNames, channels, height, width, labels, pixels);
        }

        void Get(Span<byte> data)
        {
            stream.ReadExactly(data);
            checksum.Append(data);
        }
    }

    private static void WriteTexts(BinaryWriter writer, IReadOnlyList<string> texts)
    {
        writer.Write(texts.Count);
        foreach (string text in texts)
            writer.Write(text);
    }

    private static string[] ReadTexts(BinaryReader reader)
    {
        int count = reader.ReadInt32();
        if (count < 0 || count > reader.BaseStream.Length)
            throw new FormatException();
        string[] texts = new string[count];
        for (int i = 0; i < count; i++)
            texts[i] = reader.ReadString();
        return texts;
    }
}
