using Ascl.Data.Sample;
using Ascl.Data.Sources;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Data;

/// <summary>Opens data sets by a specification NAME or NAME:PATH.</summary>
public static class DataSource
{
    /// <summary>The specifications there are, for help texts.</summary>
    public static IReadOnlyList<string> Forms { get; } =
    [
        "sample", "fashion-mnist[:DIR]", "mnist[:DIR]", "cifar10:DIR|TAR.GZ", "cifar100:DIR|TAR.GZ", "folder:DIR|ARCHIVE",
        "file:PATH.safetensors",
    ];

    private static readonly string[] Names = [.. Forms.Select(form => form.Split('[', ':')[0])];

    /// <param name="specification">
    /// <c>sample</c>: 5,000 + 1,000 images of Fashion-MNIST that are part of this program.
    /// <c>fashion-mnist</c>, <c>mnist</c>: IDX files, plain or .gz, in the directory given or where they are usually installed.
    /// <c>cifar10</c>, <c>cifar100</c>: the official binary files, in a directory or in their archive.
    /// <c>folder</c>: JPEG or PNG at <c>train|test/&lt;class&gt;/&lt;image&gt;</c> in a directory, .tar, .tar.gz or .zip; decoded once, and
    /// ordered so that the first n images are spread evenly over the classes.
    /// <c>file</c>: a safetensors file with <c>images</c> and <c>labels</c>, each perhaps with <c>train.</c> and <c>test.</c> before it.
    /// </param>
    /// <param name="options">How it is read; null for the defaults.</param>
    /// <param name="cacheDirectory">Where decoded folders are kept; by default <c>.cache/ascl</c> in the user's home.</param>
    /// <param name="progress">Told one thing at a time, but from any thread. What it throws ends the opening.</param>
    /// <exception cref="UserErrorException">An unknown name, or anything wrong with the files: the message names file and
    /// problem.</exception>
    public static DataSet Open(
        string specification, DataOptions? options = null, string? cacheDirectory = null, IProgress<DataProgress>? progress = null)
    {
        int colon = specification.IndexOf(':');
        string name = colon < 0 ? specification : specification[..colon];
        string? path = colon < 0 ? null : InHome(specification[(colon + 1)..]);
        if (path is { Length: 0 })
            throw new UserErrorException($"data {specification}: the path after '{name}:' is missing");
        return name switch
        {
            "sample" when path is null => FashionMnistSample.Open(),
            "sample" => throw new UserErrorException($"data {specification}: sample is built in and takes no path"),
            "fashion-mnist" => IdxFiles.Open(name, path ?? UsualPlace(name, "FashionMNIST"), ClassNames.FashionMnist),
            "mnist" => IdxFiles.Open(name, path ?? UsualPlace(name, "MNIST"), ClassNames.Digits),
            "cifar10" => CifarFiles.Open10(Needed(path)),
            "cifar100" => CifarFiles.Open100(Needed(path)),
            "folder" => DecodedCache.Open(Needed(path), cacheDirectory, progress),
            "file" => TensorFile.Open(Needed(path)),
            _ => throw NearestName.Unknown("data set", name, Names),
        };

        string Needed(string? given) => given ?? throw new UserErrorException(
            $"data {specification}: needs a path: {Forms[Array.IndexOf(Names, name)]}");
    }

    /// <summary>Where the system's packages, this program's users and PyTorch's users (<paramref name="torchName"/>) keep a data
    /// set.</summary>
    private static string UsualPlace(string name, string torchName)
    {
        string[] places =
        [
            Path.Combine("/usr/share/datasets", name),
            Path.Combine("data", name),
            Path.Combine("data", torchName, "raw"),
            InHome($"~/.cache/{name}"),
            InHome($"~/.cache/ascl/{name}"),
        ];
        return places.FirstOrDefault(IdxFiles.AreIn) ?? throw new UserErrorException(
            $"data {name}: not found in {string.Join(", ", places)}; give its directory: {name}:DIR");
    }

    /// <summary>A shell leaves the ~ of NAME:~/PATH as it is.</summary>
    private static string InHome(string path) => path.StartsWith("~/", StringComparison.Ordinal)
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), path[2..])
        : path;
}
