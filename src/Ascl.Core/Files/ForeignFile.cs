using System.Text;

namespace Ascl.Core.Files;

/// <summary>Recognises, by its content, a file given in place of a safetensors file, and says how to convert it.</summary>
internal static class ForeignFile
{
    private const int StartBytes = 512;
    private const string Advice = "ascl convert writes its tensors as safetensors";

    private static readonly (byte[] Start, string Kind)[] Kinds =
    [
        (Latin("\u0089HDF\r\n\u001A\n"),
            "an HDF5 file (.h5): save its arrays as safetensors, in Python by h5py and safetensors.numpy.save_file"),
        ([0x1F, 0x8B], "a file compressed by gzip: unpack it with gunzip"),
        (Latin("BZh"), "a file compressed by bzip2: unpack it with bunzip2"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A], "a file compressed by xz: unpack it with unxz"),
        ([0x28, 0xB5, 0x2F, 0xFD], "a file compressed by zstd: unpack it with unzstd"),
        (Latin("version https://git-lfs"), "a Git LFS pointer, which only stands for the file: fetch that with 'git lfs pull'"),
        (Latin("GGUF"), "a GGUF file: save its tensors as safetensors"),
        (Latin("\u0089PNG"), "a PNG image"),
        ([0xFF, 0xD8, 0xFF], "a JPEG image"),
    ];

    /// <summary>What the file is, such as "a PyTorch checkpoint (.pt): …"; null if it is not recognised.</summary>
    /// <exception cref="Diagnostics.UserErrorException">The file cannot be read.</exception>
    public static string? KindOf(string path) => TensorFormats.Of(path) switch
    {
        TensorFormat.TorchArchive => $"a PyTorch checkpoint (.pt): {Advice}",
        TensorFormat.LegacyTorch => $"a PyTorch checkpoint (.pt) as older versions write it: {Advice}",
        TensorFormat.NumpyArchive => $"a NumPy archive (.npz): {Advice}",
        TensorFormat.NumpyArray => $"a NumPy array (.npy): {Advice}",
        TensorFormat.DamagedZip => "a zip archive, as .pt and .npz are, and that is cut off or damaged: copy or download it again",
        TensorFormat.OtherZip => "a zip archive: unpack it",
        _ => KindOfOther(path),
    };

    private static string? KindOfOther(string path)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] buffer = new byte[StartBytes];
        ReadOnlySpan<byte> start = buffer.AsSpan(0, file.ReadAtLeast(buffer, StartBytes, throwOnEndOfStream: false));
        foreach (var (bytes, kind) in Kinds)
            if (start.StartsWith(bytes))
                return kind;
        // The magic string in the header of a tar archive's first entry.
        if (start.Length > 262 && start.Slice(257, 5).SequenceEqual("ustar"u8))
            return "a tar archive: unpack it";
        // Pickle's PROTO opcode and the protocol version.
        if (start.Length > 2 && start[0] == 0x80 && start[1] is >= 2 and <= 5)
            return "a Python pickle, not a PyTorch checkpoint: in Python, torch.save(state_dict, 'FILE.pt')";
        // ModelProto: ir_version, then producer_name, domain, graph or opset_import.
        if (start.Length > 3 && start[0] == 0x08 && start[1] is >= 3 and <= 32 && start[2] is 0x12 or 0x22 or 0x3A or 0x42)
            return "an ONNX model: give it a name that ends in .onnx";
        return KindOfText(start);
    }

    private static string? KindOfText(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("\uFEFF"u8))
            start = start[3..];
        string text = Encoding.Latin1.GetString(start).TrimStart();
        if (text.Length == 0 || text.Any(c => c is < ' ' and not ('\t' or '\n' or '\r')))
            return null;
        if (text[0] == '<')
            return "a web page (HTML or XML), as servers send for a login, a warning or an error: download the file itself";
        string line = text.Split('\n', '\r')[0];
        return $"text that begins with '{(line.Length > 40 ? line[..40] + "…" : line)}'";
    }

    private static byte[] Latin(string text) => Encoding.Latin1.GetBytes(text);
}
