using System.Buffers.Binary;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads the IDX files of the MNIST family (yann.lecun.com/exdb/mnist), plain or gzip: big-endian magic 0x0000080D (08 for bytes, D
/// dimensions), D lengths, then the bytes.
/// </summary>
internal static class IdxFiles
{
    public static DataSet Open(string name, string directory, IReadOnlyList<string> classNames, DataOptions options)
    {
        ImageSet train = ReadPart($"{name} train", directory, "train", classNames);
        ImageSet test = ReadPart($"{name} test", directory, "t10k", classNames);
        return new DataSet(name, train, test, Augmentation.None) { Notes = EmptyClasses.Check(directory, [train, test], options) };
    }

    /// <summary>Whether the directory has a file of the images of a part.</summary>
    public static bool AreIn(string directory, string part = "train") => Find(directory, part, "images-idx3") is not null;

    /// <summary>Reads the images and labels of a part.</summary>
    /// <param name="name">Name of the set.</param>
    /// <param name="directory">Where its files are.</param>
    /// <param name="part">How the names of its files begin.</param>
    /// <param name="classNames">Names of the classes in the order of the labels.</param>
    /// <param name="firstLabel">The label of the first class.</param>
    /// <exception cref="UserErrorException">A file is missing, damaged, or does not fit the others.</exception>
    public static ImageSet ReadPart(string name, string directory, string part, IReadOnlyList<string> classNames, int firstLabel = 0)
    {
        string imagesPath = Require(directory, part, "images-idx3"), labelsPath = Require(directory, part, "labels-idx1");
        var (shape, pixels) = Read(imagesPath, dimensions: 3);
        var (_, labels) = Read(labelsPath, dimensions: 1);
        if (shape[0] != labels.Length)
            throw new UserErrorException($"{imagesPath}: has {shape[0]} images, but {labelsPath} has {labels.Length} labels");
        int wrong = Array.FindIndex(labels, label => label < firstLabel || label >= firstLabel + classNames.Count);
        if (wrong >= 0)
            throw new UserErrorException($"{labelsPath}: label {wrong} is {labels[wrong]}; there are {classNames.Count} classes");
        return new ImageSet(name, classNames, 1, shape[1], shape[2], [.. labels.Select(label => label - firstLabel)], pixels);
    }

    internal static (int[] Shape, byte[] Data) Read(string path, int dimensions) => InputFile.Read(path, stream =>
    {
        byte[] header = InputFile.ReadBytes(stream, 4 + 4 * dimensions);
        uint magic = BinaryPrimitives.ReadUInt32BigEndian(header), expected = 0x800u | (uint)dimensions;
        if (magic != expected)
            throw new UserErrorException($"{path}: starts with 0x{magic:X8}; IDX of {dimensions} dimension(s) starts with 0x{expected:X8}");
        int[] shape = new int[dimensions];
        long length = 1;
        for (int i = 0; i < dimensions; i++)
        {
            shape[i] = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4 + 4 * i));
            length = shape[i] > 0 && length <= Array.MaxLength ? length * shape[i] : long.MaxValue;
        }
        if (length > Array.MaxLength)
            throw new UserErrorException($"{path}: claims the dimensions {string.Join("x", shape)}");
        byte[] data = InputFile.ReadBytes(stream, length);
        if (stream.ReadByte() >= 0)
            throw new UserErrorException($"{path}: goes on after the {length} bytes that its dimensions {string.Join("x", shape)} need");
        return (shape, data);
    });

    private static string Require(string directory, string part, string kind) =>
        Find(directory, part, kind) ?? throw new UserErrorException($"{directory}: has no file {part}-{kind}-ubyte, with or without .gz");

    /// <summary>The path of a file, plain or .gz; null where it is missing. Some copies have a dot in the name where the original has a
    /// hyphen.</summary>
    private static string? Find(string directory, string part, string kind) =>
        new[] { $"{part}-{kind}-ubyte", $"{part}-{kind.Replace('-', '.')}-ubyte" }
            .SelectMany(file => new[] { Path.Combine(directory, file), Path.Combine(directory, file + ".gz") })
            .FirstOrDefault(File.Exists);
}
