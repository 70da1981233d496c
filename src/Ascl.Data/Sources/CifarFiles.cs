using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads the binary version of CIFAR (cs.toronto.edu/~kriz/cifar.html), unpacked or as .tar.gz: records of the label byte(s) and 3·32·32
/// bytes, one colour plane after the other. CIFAR-10 has one label byte; CIFAR-100 a coarse and a fine one, of which the fine one is used.
/// </summary>
internal static class CifarFiles
{
    private const int ImageLength = 3 * 32 * 32;

    public static DataSet Open10(string path, DataOptions options) => Open(
        "cifar10", path, options, 1, ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
        "test_batch.bin", KnownClasses.Cifar10) with
    {
        KnownNormalization = InputNormalization.Known("cifar10"),
    };

    public static DataSet Open100(string path, DataOptions options) =>
        Open("cifar100", path, options, 2, ["train.bin"], "test.bin", KnownClasses.Cifar100);

    private static DataSet Open(
        string name, string path, DataOptions options, int labelBytes, string[] trainFiles, string testFile,
        IReadOnlyList<string> classNames)
    {
        HashSet<string> wanted = [.. trainFiles, testFile];
        var found = new Dictionary<string, byte[]>();
        foreach (FileEntry entry in FileEntry.ReadAll(path, file => wanted.Contains(BaseName(file)), Array.MaxLength))
        {
            if (entry.Bytes is { } bytes && !found.TryAdd(BaseName(entry.Name), bytes))
                throw new UserErrorException($"{path}: has more than one file {BaseName(entry.Name)}");
        }
        ImageSet train = Read($"{name} train", path, found, labelBytes, trainFiles, classNames);
        ImageSet test = Read($"{name} test", path, found, labelBytes, [testFile], classNames);
        return new DataSet(name, train, test, Augmentation.CropAndFlip) { Notes = EmptyClasses.Check(path, [train, test], options) };
    }

    private static ImageSet Read(
        string name, string path, Dictionary<string, byte[]> found, int labelBytes, string[] files, IReadOnlyList<string> classNames)
    {
        int record = labelBytes + ImageLength;
        foreach (string file in files)
        {
            if (!found.TryGetValue(file, out byte[]? data))
                throw new UserErrorException($"{path}: has no file {file} (the binary version of {name} is needed)");
            if (data.Length == 0 || data.Length % record != 0)
                throw new UserErrorException($"{path}: {file} has {data.Length} bytes, not a multiple of a record's {record}: truncated?");
        }

        int count = files.Sum(file => found[file].Length / record);
        int[] labels = new int[count];
        byte[] pixels = new byte[checked(count * ImageLength)];
        int image = 0;
        foreach (string file in files)
        {
            byte[] data = found[file];
            for (int start = 0; start < data.Length; start += record, image++)
            {
                labels[image] = data[start + labelBytes - 1];
                if (labels[image] >= classNames.Count)
                    throw new UserErrorException(
                        $"{path}: {file}, image {start / record} has label {labels[image]}; there are {classNames.Count} classes");
                data.AsSpan(start + labelBytes, ImageLength).CopyTo(pixels.AsSpan(image * ImageLength));
            }
        }
        return new ImageSet(name, classNames, 3, 32, 32, labels, pixels);
    }

    private static string BaseName(string name) => name[(name.LastIndexOf('/') + 1)..];
}
