using System.IO.Compression;
using Ascl.Core.Diagnostics;

namespace Ascl.Core.Files;

/// <summary>Formats of tensors that are recognised by their content.</summary>
internal enum TensorFormat
{
    /// <summary>Safetensors, or no tensors at all.</summary>
    Other,

    /// <summary>One NumPy array (.npy).</summary>
    NumpyArray,

    /// <summary>A zip archive of NumPy arrays (.npz).</summary>
    NumpyArchive,

    /// <summary>PyTorch's zip archive (.pt, .pth), since PyTorch 1.6.</summary>
    TorchArchive,

    /// <summary>PyTorch's earlier format: pickles, then raw data.</summary>
    LegacyTorch,

    /// <summary>A zip archive that cannot be read.</summary>
    DamagedZip,

    /// <summary>A zip archive of other files.</summary>
    OtherZip,
}

/// <summary>Recognises a <see cref="TensorFormat"/>.</summary>
internal static class TensorFormats
{
    /// <summary>The pickled magic number at the start of the legacy torch.save format.</summary>
    private static readonly byte[] LegacyTorch = [0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E];

    /// <summary>The format of a file.</summary>
    /// <exception cref="UserErrorException">The file cannot be read.</exception>
    public static TensorFormat Of(string path)
    {
        try
        {
            FileProblem.RequireContent(path);
            using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            byte[] buffer = new byte[LegacyTorch.Length];
            ReadOnlySpan<byte> start = buffer.AsSpan(0, file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false));
            return start.StartsWith("PK\u0003\u0004"u8) || start.StartsWith("PK\u0005\u0006"u8) ? OfZip(file)
                : start.Length > 5 && start[0] == 0x93 && start[1..6].SequenceEqual("NUMPY"u8) ? TensorFormat.NumpyArray
                : start.SequenceEqual(LegacyTorch) ? TensorFormat.LegacyTorch
                : TensorFormat.Other;
        }
        catch (Exception e) when (FileProblem.Is(e))
        {
            throw FileProblem.Of("read", path, e);
        }
    }

    private static TensorFormat OfZip(FileStream file)
    {
        string[] names;
        try
        {
            using ZipArchive archive = new(file);
            names = [.. archive.Entries.Select(entry => entry.FullName)];
        }
        catch (InvalidDataException)
        {
            return TensorFormat.DamagedZip;
        }
        return names.Any(name => name == "data.pkl" || name.EndsWith("/data.pkl", StringComparison.Ordinal)) ? TensorFormat.TorchArchive
            : names.Length > 0 && names.All(name => name.EndsWith(".npy", StringComparison.Ordinal)) ? TensorFormat.NumpyArchive
            : TensorFormat.OtherZip;
    }
}
