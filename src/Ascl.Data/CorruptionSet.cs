using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Data.Sources;

namespace Ascl.Data;

/// <summary>
/// Test images under common corruptions, as CIFAR-10-C is distributed (Hendrycks &amp; Dietterich 2019, "Benchmarking neural network
/// robustness to common corruptions and perturbations"): a directory with an .npy file of images for each corruption, one severity after
/// the other, and labels.npy.
/// </summary>
public sealed class CorruptionSet
{
    private const string LabelsName = "labels";
    private const int UsualSeverities = 5;

    private readonly IReadOnlyList<string> classNames;
    private readonly int[] labels;

    private CorruptionSet(string directory, IReadOnlyList<string> classNames, int[] labels, int images)
    {
        (Directory, this.classNames, this.labels) = (directory, classNames, labels);
        Severities = SeveritiesOf(labels, images);
        Count = images / Severities;
    }

    /// <summary>The directory.</summary>
    public string Directory { get; }

    /// <summary>The corruptions: names of the files without their extension, sorted.</summary>
    public IReadOnlyList<string> Names { get; private init; } = [];

    /// <summary>Number of severities of each corruption.</summary>
    public int Severities { get; }

    /// <summary>Number of images of each severity.</summary>
    public int Count { get; }

    /// <summary>Opens a directory: reads the labels and checks the headers of all images.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="classNames">Names of the classes by label.</param>
    /// <exception cref="UserErrorException">There are no images or labels, a file is damaged, or sizes differ.</exception>
    public static CorruptionSet Open(string directory, IReadOnlyList<string> classNames)
    {
        if (!System.IO.Directory.Exists(directory))
            throw new UserErrorException($"{directory}: no such directory: one of .npy files, one for each corruption, is needed");
        using TensorFile files = TensorFile.Open(directory);
        string[] names = [.. files.Names.Where(name => name != LabelsName)];
        if (names.Length == 0 || !files.Contains(LabelsName))
            throw new UserErrorException($"{directory}: needs {LabelsName}.npy and an .npy file of images for each corruption");
        int[] shape = files.Shape(names[0]);
        if (names.FirstOrDefault(name => !files.Shape(name).SequenceEqual(shape)) is { } other)
        {
            throw new UserErrorException(
                $"{directory}: {other}.npy is {files.Describe(other)}, but {names[0]}.npy {files.Describe(names[0])}");
        }
        int count = files.Shape(LabelsName).FirstOrDefault(), images = shape.FirstOrDefault();
        if (count == 0 || images % count != 0)
            throw new UserErrorException($"{directory}: {images} images of each corruption, but {count} labels");
        int[] labels = TensorLabels.Read(files, LabelsName, names[0], count).Classes;
        return new(directory, classNames, labels, images) { Names = names };
    }

    /// <summary>Reads the images of a corruption.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="limit">Use only the first images of each severity; null for all.</param>
    /// <returns>The images of each severity, the mildest first. They are the same images in the same order.</returns>
    /// <exception cref="UserErrorException">The file is damaged.</exception>
    public IReadOnlyList<ImageSet> Read(string name, int? limit = null)
    {
        string path = Path.Combine(Directory, $"{name}.npy");
        using TensorFile file = TensorFile.OpenArrays(path, [(name, path)]);
        TensorImages images = TensorImages.Read(file, name);
        int[] all = [.. Enumerable.Range(0, Severities * Count).Select(i => labels[i % labels.Length])];
        ImageSet whole = images.ToSet($"{Path.GetFileName(Path.TrimEndingDirectorySeparator(Directory))} {name}", classNames, all);
        int taken = Math.Min(limit ?? Count, Count);
        return [.. Enumerable.Range(0, Severities).Select(s => whole.Subset([.. Enumerable.Range(s * Count, taken)]))];
    }

    /// <summary>Severities have the same labels; where the file of labels does not say how many there are, five as in CIFAR-10-C.</summary>
    private static int SeveritiesOf(int[] labels, int images)
    {
        if (images > labels.Length)
            return images / labels.Length;
        int count = images / UsualSeverities;
        return images % UsualSeverities == 0 && Enumerable.Range(0, images).All(i => labels[i] == labels[i % count]) ? UsualSeverities : 1;
    }
}
