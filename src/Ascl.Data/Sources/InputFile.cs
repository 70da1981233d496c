using System.IO.Compression;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>Files that the user named: what goes wrong in reading them is told in one line with the file's name.</summary>
internal static class InputFile
{
    /// <summary>Runs <paramref name="read"/> on the opened file, unpacked if it is gzip (told by its first bytes, not by its
    /// name).</summary>
    /// <exception cref="UserErrorException">The file is missing, cannot be read, ends too early or is corrupt.</exception>
    public static T Read<T>(string path, Func<Stream, T> read)
    {
        bool isGzip = StartsWith(path, [0x1F, 0x8B]);
        return ReadStored(path, file =>
        {
            if (!isGzip)
                return read(file);
            using var unpacked = new GZipStream(file, CompressionMode.Decompress);
            T result = read(unpacked);
            // The checksum of a gzip file is at its end, and is only checked by reading up to there. A file cut off is no error to the
            // library, only a shorter stream: who reads it has to know how long it should be.
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
        // Overflow, format: what the tar library makes of numbers that are none.
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
        // A file's header may claim anything: memory is taken as the bytes come, not as they are promised.
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
