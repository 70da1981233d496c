using System.IO.Compression;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>Reads files of the user; problems are user errors of one line that names the file.</summary>
internal static class InputFile
{
    /// <summary>Runs <paramref name="read"/> on the opened file, decompressed if its first bytes are gzip's.</summary>
    /// <exception cref="UserErrorException">The file is missing, unreadable, truncated or corrupt.</exception>
    public static T Read<T>(string path, Func<Stream, T> read)
    {
        bool isGzip = StartsWith(path, [0x1F, 0x8B]);
        return ReadStored(path, file =>
        {
            if (!isGzip)
                return read(file);
            using var unpacked = new GZipStream(file, CompressionMode.Decompress);
            T result = read(unpacked);
            // GZipStream checks the checksum only when the end is read. It treats a truncated file as a shorter stream, so `read` has to
            // know the length.
            unpacked.CopyTo(Stream.Null);
            return result;
        });
    }

    /// <summary>Runs <paramref name="read"/> on the file as it is stored.</summary>
    /// <inheritdoc cref="Read"/>
    public static T ReadStored<T>(string path, Func<FileStream, T> read)
    {
        try
        {
            FileProblem.RequireContent(path);
            using FileStream file = File.OpenRead(path);
            return read(file);
        }
        catch (EndOfStreamException e)
        {
            throw new UserErrorException($"{path}: is truncated", e);
        }
        // TarReader throws OverflowException and FormatException for invalid numbers.
        catch (Exception e) when (e is InvalidDataException or OverflowException or FormatException)
        {
            throw new UserErrorException($"{path}: is corrupt: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
    }

    /// <summary>Whether the file's first bytes are these.</summary>
    /// <inheritdoc cref="Read"/>
    public static bool StartsWith(string path, byte[] magic) => ReadStored(path, file =>
    {
        byte[] start = new byte[magic.Length];
        return file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length && start.AsSpan().SequenceEqual(magic);
    });

    /// <summary>The next <paramref name="length"/> bytes.</summary>
    /// <exception cref="EndOfStreamException">There are fewer.</exception>
    public static byte[] ReadBytes(Stream stream, long length)
    {
        // A header can claim any length, so the buffer grows with the bytes that are really read.
        const int Piece = 1 << 24;
        byte[] data = new byte[Math.Min(length, Piece)];
        for (int filled = 0; ;)
        {
            stream.ReadExactly(data.AsSpan(filled));
            filled = data.Length;
            if (filled == length)
                return data;
            Array.Resize(ref data, (int)Math.Min(length, Math.Max(2L * filled, Piece)));
        }
    }
}
