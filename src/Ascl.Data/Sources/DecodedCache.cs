using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;

namespace Ascl.Data.Sources;

/// <summary>
/// Decoded image folders, kept so that they need decoding only once: one file a source, in the order magic, header length, header
/// (fingerprint, names, sizes), labels and pixels of both parts, checksum of all that comes before it. The fingerprint holds path, length
/// and time of change of the source (of every file of a directory); a file with another fingerprint, length or checksum is not used, and is
/// replaced.
/// </summary>
internal static class DecodedCache
{
    private const int MaxHeaderLength = 1 << 24;

    private static ReadOnlySpan<byte> Magic => "ASCLSET2"u8;

    public static DataSet Open(string path, string? directory, IProgress<DataProgress>? progress)
    {
        string source = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Path.Exists(source))
            throw new UserErrorException($"cannot read {path}: no such file or directory");
        if (directory is null && DefaultDirectory() is null)
            return ImageFolder.Read(path, progress);

        string fingerprint = Fingerprint(path, source);
        string name = Path.GetFileName(source);
        string cache = Path.Combine(directory ?? DefaultDirectory()!, $"{name}-{XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(source)):x16}.images");
        if (TryRead(cache, fingerprint) is { } cached)
            return cached;
        DataSet decoded = ImageFolder.Read(path, progress);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(cache)!);
            AtomicFile.Write(cache, stream => Write(stream, fingerprint, decoded));
        }
        catch (Exception e) when (e is UserErrorException || FileProblem.Is(e))
        {
            // The images are here; only the next opening will be as slow as this one.
            progress?.Report(new DataProgress($"the decoded images could not be kept for the next time: {e.Message}", 0, 0));
        }
        return decoded;
    }

    private static string? DefaultDirectory()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return home.Length == 0 ? null : Path.Combine(home, ".cache", "ascl");
    }

    private static string Fingerprint(string path, string source)
    {
        try
        {
            if (!Directory.Exists(source))
                return Line(source, new FileInfo(source));
            IEnumerable<string> lines = FileEntry.Walk(source)
                .Select(item => item.Info is FileInfo file ? Line(item.Name, file) : item.Name).Order(StringComparer.Ordinal);
            return $"{source}|{XxHash3.HashToUInt64(Encoding.UTF8.GetBytes(string.Join('\n', lines))):x16}";
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }

        static string Line(string name, FileInfo file) => $"{name}|{file.Length}|{file.LastWriteTimeUtc.Ticks}";
    }

    private static void Write(Stream stream, string fingerprint, DataSet set)
    {
        var header = new MemoryStream();
        using (var writer = new BinaryWriter(header))
        {
            writer.Write(fingerprint);
            writer.Write(set.Name);
            writer.Write(set.ClassNames.Count);
            foreach (string className in set.ClassNames)
                writer.Write(className);
            foreach (int number in new[] { set.Train.Channels, set.Train.Height, set.Train.Width, set.Train.Count, set.Test.Count })
                writer.Write(number);
        }
        byte[] headerBytes = header.ToArray();
        XxHash3 checksum = new();
        stream.Write(Magic);
        stream.Write(BitConverter.GetBytes(headerBytes.Length));
        Put(headerBytes);
        foreach (ImageSet part in new[] { set.Train, set.Test })
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

    /// <summary>The cached set; null where there is none, or it is of something else, or is broken.</summary>
    private static DataSet? TryRead(string cache, string fingerprint)
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

    private static DataSet? Read(FileStream stream, string fingerprint)
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
        int classCount = reader.ReadInt32();
        if (classCount < 0 || classCount > headerLength)
            return null;
        string[] classNames = new string[classCount];
        for (int i = 0; i < classCount; i++)
            classNames[i] = reader.ReadString();
        int channels = reader.ReadInt32(), height = reader.ReadInt32(), width = reader.ReadInt32();
        int trainCount = reader.ReadInt32(), testCount = reader.ReadInt32();
        long imageLength = checked((long)channels * height * width);
        long expected = checked(stream.Position + (trainCount + (long)testCount) * (imageLength + sizeof(int)) + sizeof(ulong));
        if (channels < 1 || height < 1 || width < 1 || trainCount < 1 || testCount < 1 || stream.Length != expected)
            return null;

        var (trainLabels, trainPixels) = ReadPart(trainCount);
        var (testLabels, testPixels) = ReadPart(testCount);
        if (BitConverter.ToUInt64(InputFile.ReadBytes(stream, sizeof(ulong))) != checksum.GetCurrentHashAsUInt64())
            return null;
        return new DataSet(
            name,
            new ImageSet($"{name} train", classNames, channels, height, width, trainLabels, trainPixels),
            new ImageSet($"{name} test", classNames, channels, height, width, testLabels, testPixels),
            Augmentation.ForChannels(channels));

        (int[] Labels, byte[] Pixels) ReadPart(int count)
        {
            int[] labels = new int[count];
            byte[] pixels = new byte[checked(count * imageLength)];
            Get(MemoryMarshal.AsBytes(labels.AsSpan()));
            Get(pixels);
            return (labels, pixels);
        }

        void Get(Span<byte> data)
        {
            stream.ReadExactly(data);
            checksum.Append(data);
        }
    }
}
