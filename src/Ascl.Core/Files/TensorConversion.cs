using Ascl.Core.Diagnostics;
using Ascl.Core.Files.Torch;

namespace Ascl.Core.Files;

/// <summary>Writes the tensors of a file in another format.</summary>
public static class TensorConversion
{
    /// <summary>Names of texts in a file's metadata that begin so are kept: what this program knows of the weights.</summary>
    private const string Own = "ascl.";

    /// <summary>The extensions of the formats that can be written.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".safetensors", ".pt", ".pth"];

    /// <summary>Writes all tensors of a file, or those under one prefix, which is left off.</summary>
    /// <param name="source">The tensors.</param>
    /// <param name="prefix">Begins the names of the tensors that are wanted: empty for all, or with a dot at its end.</param>
    /// <param name="target">A file with one of the <see cref="Extensions"/>.</param>
    /// <returns>Number of tensors that were written, and the names of those whose element type cannot be read, which are left
    /// out.</returns>
    /// <exception cref="UserErrorException">The extension is another, no tensor has the prefix, or the file cannot be written.</exception>
    public static (int Written, IReadOnlyList<string> LeftOut) Convert(TensorFile source, string prefix, string target)
    {
        string extension = CheckTarget(target);
        string[] found = [.. source.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];
        (string Source, string Target)[] names =
            [.. found.Where(name => source.Dtype(name) is not null).Select(name => (name, name[prefix.Length..]))];
        if (names.Length == 0)
            throw new UserErrorException($"{source.Path}: no tensors '{prefix}…' in it");
        Dictionary<string, string> texts = new(source.Metadata.Where(text => text.Key.StartsWith(Own, StringComparison.Ordinal)));
        if (extension == Extensions[0])
            SaveSafetensors(target, source, names, texts);
        else
            TorchWriter.Save(target, source, names, texts);
        return (names.Length, [.. found.Where(name => source.Dtype(name) is null)]);
    }

    /// <summary>Checks that <see cref="Convert"/> can write a file.</summary>
    /// <returns>Its extension in lower case.</returns>
    /// <exception cref="UserErrorException">Its extension is none of <see cref="Extensions"/>, or it cannot be written.</exception>
    public static string CheckTarget(string target)
    {
        string extension = Path.GetExtension(target).ToLowerInvariant();
        if (!Extensions.Contains(extension))
            throw new UserErrorException($"{target}: its name does not end in {string.Join(", ", Extensions)}");
        AtomicFile.CheckWritable(target);
        return extension;
    }

    private static void SaveSafetensors(
        string target, TensorFile source, IReadOnlyList<(string Source, string Target)> names, IReadOnlyDictionary<string, string> texts)
    {
        SafetensorsWriter writer = new();
        foreach (var (from, to) in names)
            writer.AddBytes(to, source.Dtype(from)!.Value, source.Shape(from), source.ReadBytes(from));
        foreach (var (name, text) in texts)
            writer.Metadata[name] = text;
        writer.Save(target);
    }
}
