using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads CIFAR (cs.toronto.edu/~kriz/cifar.html), unpacked or as .tar.gz. The binary version has records of the label byte(s) and 3·32·32
/// bytes, one colour plane after the other; CIFAR-10 has one label byte, CIFAR-100 a coarse and a fine one, of which the fine one is used.
/// The Python version has pickled dictionaries of <c>data</c> [N, 3072] in the same order and of <c>labels</c> or <c>fine_labels</c>.
/// </summary>
internal static class CifarFiles
{
    private const int ImageLength = 3 * 32 * 32;

    /// <summary>One of the data sets.</summary>
    /// <param name="Name">Name in messages.</param>
    /// <param name="LabelBytes">Bytes before an image in the binary version; the last one is the label.</param>
    /// <param name="Labels">Key of the labels in the Python version.</param>
    /// <param name="Train">Names of the training files, without the extension of the binary version.</param>
    /// <param name="Test">Name of the test file.</param>
    /// <param name="Classes">Names of the classes.</param>
    private sealed record Kind(string Name, int LabelBytes, string Labels, string[] Train, string Test, IReadOnlyList<string> Classes);

    private sealed record Part(int[] Labels, byte[] Pixels);

    public static DataSet Open10(string path, DataOptions options) => Open(path, options, new("cifar10", 1, "labels",
        ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"], "test_batch", KnownClasses.Cifar10)) with
    {
        KnownNormalization = InputNormalization.Known("cifar10"),
    };

    public static DataSet Open100(string path, DataOptions options) =>
        Open(path, options, new("cifar100", 2, "fine_labels", ["train"], "test", KnownClasses.Cifar100));

    private static DataSet Open(string path, DataOptions options, Kind kind)
    {
        HashSet<string> wanted = [.. kind.Train.Append(kind.Test).SelectMany(name => new[] { name, $"{name}.bin" })];
        var found = new Dictionary<string, byte[]>();
        foreach (FileEntry entry in FileEntry.ReadAll(path, file => wanted.Contains(BaseName(file)), Array.MaxLength))
        {
            if (entry.Bytes is { } bytes && !found.TryAdd(BaseName(entry.Name), bytes))
                throw new UserErrorException($"{path}: has more than one file {BaseName(entry.Name)}");
        }
        bool isBinary = found.Keys.Any(name => name.EndsWith(".bin", StringComparison.Ordinal));
        ImageSet train = Read("train", kind.Train), test = Read("test", [kind.Test]);
        return new DataSet(kind.Name, train, test, Augmentation.CropAndFlip) { Notes = EmptyClasses.Check(path, [train, test], options) };

        ImageSet Read(string part, string[] files)
        {
            Part[] parts = [.. files.Select(name => isBinary ? name + ".bin" : name).Select(name =>
                !found.TryGetValue(name, out byte[]? data)
                    ? throw new UserErrorException($"{path}: has no file {name} (the binary or Python version of {kind.Name} is needed)")
                : isBinary ? Binary($"{path}: {name}", data, kind) : Pickled($"{path}: {name}", data, kind))];
            return new ImageSet($"{kind.Name} {part}", kind.Classes, 3, 32, 32, [.. parts.SelectMany(one => one.Labels)],
                Joined([.. parts.Select(one => one.Pixels)]));
        }
    }

    private static Part Binary(string where, byte[] data, Kind kind)
    {
        int record = kind.LabelBytes + ImageLength;
        if (data.Length == 0 || data.Length % record != 0)
            throw new UserErrorException($"{where} has {data.Length} bytes, not a multiple of a record's {record}: truncated?");
        int[] labels = new int[data.Length / record];
        byte[] pixels = new byte[labels.Length * ImageLength];
        for (int i = 0; i < labels.Length; i++)
        {
            labels[i] = Label(where, i, data[i * record + kind.LabelBytes - 1], kind);
            data.AsSpan(i * record + kind.LabelBytes, ImageLength).CopyTo(pixels.AsSpan(i * ImageLength));
        }
        return new(labels, pixels);
    }

    private static Part Pickled(string where, byte[] data, Kind kind)
    {
        using TensorFile file = TensorFile.OpenPickle(where, data);
        if (file.Dtype("data") != TensorDtype.U8 || file.Shape("data") is not [var count, ImageLength])
            throw new UserErrorException($"{where}: data is {file.Describe("data")}; U8 [N, {ImageLength}] is needed");
        long[] labels = file.ReadIntegers(kind.Labels);
        return labels.Length == count
            ? new([.. labels.Select((label, i) => Label(where, i, label, kind))], file.ReadBytes("data"))
            : throw new UserErrorException($"{where}: {count} images but {labels.Length} {kind.Labels}");
    }

    private static int Label(string where, int image, long label, Kind kind) => label >= 0 && label < kind.Classes.Count
        ? (int)label
        : throw new UserErrorException($"{where}, image {image} has label {label}; there are {kind.Classes.Count} classes");

    private static byte[] Joined(byte[][] parts)
    {
        byte[] whole = new byte[checked(parts.Sum(part => part.Length))];
        int at = 0;
        foreach (byte[] part in parts)
        {
            part.CopyTo(whole, at);
            at += part.Length;
        }
        return whole;
    }

    private static string BaseName(string name) => name[(name.LastIndexOf('/') + 1)..];
}
