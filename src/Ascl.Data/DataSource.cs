using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data.Sample;
using Ascl.Data.Sources;

namespace Ascl.Data;

/// <summary>Opens data sets by specifications NAME or NAME:PATH.</summary>
public static class DataSource
{
    /// <summary>The forms of specifications, for help texts.</summary>
    public static IReadOnlyList<string> Forms { get; } =
    [
        "sample", "fashion-mnist[:DIR]", "mnist[:DIR]", .. EmnistFiles.Names.Select(name => $"{name}[:DIR]"), "cifar10:DIR|TAR.GZ",
        "cifar100:DIR|TAR.GZ", "folder:DIR|ARCHIVE", "parquet:FILE|DIR",
        "file:FILE.safetensors|FILE.npz|FILE.npy|FILE.pt|DIR",
    ];

    private const string
        NoTestPart = "there are no test images: the training images stand in for them (test-share 0.2 splits a fifth of each class off)",
        NoTrainPart = "there are no training images: for evaluation only";

    private static readonly DecodedCache.Kind
        Folder = new("folder", FolderLayout.IsWanted, ImageFolder.Read),
        Parquet = new("parquet", ParquetParts.IsWanted, ParquetImages.Read);

    private static readonly string[] Names = [.. Forms.Select(form => form.Split('[', ':')[0])];

    /// <summary>Opens a data set.</summary>
    /// <param name="specification"> <c>sample</c>: 5,000 training and 1,000 test images of Fashion-MNIST that are built into this library.
    /// <c>fashion-mnist</c>, <c>mnist</c>: IDX files, plain or .gz, in the directory given or one of the usual ones;
    /// <c>emnist-balanced</c>, <c>-byclass</c>, <c>-bymerge</c>, <c>-letters</c>, <c>-digits</c>, <c>-mnist</c>: the same of EMNIST's
    /// splits. <c>cifar10</c>, <c>cifar100</c>: the official binary or Python version, as a directory or .tar.gz. <c>folder</c>: images at
    /// <c>train|test|val/&lt;class&gt;/&lt;image&gt;</c>, or at <c>&lt;class&gt;/&lt;image&gt;</c> with
    /// <see cref="DataOptions.TestShare"/>, in a directory, .tar, .tar.gz or .zip. Decoded images are cached; the first n images are spread
    /// evenly over the classes. <c>parquet</c>: a Parquet file or a directory of them, with encoded images and labels, as Hugging Face's
    /// datasets are stored; cached, too. <c>file</c>: a file of tensors (safetensors, .npz, .pt) or a directory of .npy files with
    /// <c>images</c> and <c>labels</c>, or with <c>train.</c> and <c>test.</c> before these names; or one .npy file of images beside
    /// labels.npy.
    /// </param>
    /// <param name="options">Resizing, splitting and checks; null for the defaults.</param>
    /// <param name="cacheDirectory">Directory of the cache of decoded images; null for <c>.cache/ascl</c> in the user's home.</param>
    /// <param name="progress">Receives reports one at a time, from any thread. An exception that it throws stops the opening.</param>
    /// <exception cref="UserErrorException">The name is unknown, or a file is missing, damaged or does not fit; the message names file and
    /// problem.</exception>
    public static DataSet Open(
        string specification, DataOptions? options = null, string? cacheDirectory = null, IProgress<DataProgress>? progress = null)
    {
        options = (options ?? new DataOptions()).Checked($"data {specification}");
        DataSet set = Read(specification, options, cacheDirectory, progress);
        if (options.TestShare is { } share)
            set = TestSplit.Of(specification, set, share);
        string[] parts = set.HasTrainPart && set.HasTestPart ? [] : [set.HasTrainPart ? NoTestPart : NoTrainPart];
        return set with { Notes = [.. set.Notes, .. parts, .. DuplicateImages.Notes(set), .. Brightness.Notes(set)] };
    }

    /// <summary>Whether two specifications have the same name and the same full path.</summary>
    public static bool AreSame(string a, string b)
    {
        return Full(a) == Full(b);

        static string Full(string specification) => specification.Split(':', 2) is [var name, { Length: > 0 } path]
            ? $"{name}:{Path.TrimEndingDirectorySeparator(Path.GetFullPath(InHome(path)))}"
            : specification;
    }

    private static DataSet Read(string specification, DataOptions options, string? cacheDirectory, IProgress<DataProgress>? progress)
    {
        int colon = specification.IndexOf(':');
        string name = colon < 0 ? specification : specification[..colon];
        string? path = colon < 0 ? null : InHome(specification[(colon + 1)..]);
        if (path is { Length: 0 })
            throw new UserErrorException($"data {specification}: the path after '{name}:' is missing");
        if (path is not null && Path.GetExtension(path).Equals(".mat", StringComparison.OrdinalIgnoreCase))
        {
            throw new UserErrorException($"{path}: files of MATLAB are not read: give the Parquet files that Hugging Face has of the data "
                + "(for SVHN: svhn, cropped_digits), or an .npz");
        }
        // Encoded images are resized and cropped one by one, when they are decoded; those of other sources afterwards.
        if (name is "folder" or "parquet")
            return DecodedCache.Open(name == "folder" ? Folder : Parquet, Needed(path), options, cacheDirectory, progress);
        DataSet set = name switch
        {
            "sample" when path is null => FashionMnistSample.Open(),
            "sample" => throw new UserErrorException($"data {specification}: sample is built in and takes no path"),
            "fashion-mnist" => IdxFiles.Open(name, path ?? UsualPlace(name, "FashionMNIST", "train"), KnownClasses.FashionMnist, options),
            "mnist" => IdxFiles.Open(name, path ?? UsualPlace(name, "MNIST", "train"), KnownClasses.Digits, options),
            _ when EmnistFiles.Names.Contains(name) =>
                EmnistFiles.Open(name, path ?? UsualPlace(name, "EMNIST", EmnistFiles.TrainPart(name)), options),
            "cifar10" => CifarFiles.Open10(Needed(path), options),
            "cifar100" => CifarFiles.Open100(Needed(path), options),
            "file" => ArrayFiles.Open(Needed(path), options),
            _ => throw NearestName.Unknown("data set", name, Names),
        };
        return options.Resize is null && options.Crop is null ? set : Resized(set, options);

        string Needed(string? given) => given ?? throw new UserErrorException(
            $"data {specification}: needs a path: {Forms[Array.IndexOf(Names, name)]}");
    }

    private static DataSet Resized(DataSet set, DataOptions options)
    {
        ImageSet train = set.Train.Resized(options);
        return new DataSet(set.Name, train, ReferenceEquals(set.Train, set.Test) ? train : set.Test.Resized(options), set.Augmentation)
        {
            KnownNormalization = set.KnownNormalization,
            HasTrainPart = set.HasTrainPart,
            HasTestPart = set.HasTestPart,
            Notes = [.. set.Notes, $"images are changed from {set.Train.Width}x{set.Train.Height} to {train.Width}x{train.Height}"],
        };
    }

    /// <summary>The directory of a data set among those of system packages, of this program and of torchvision
    /// (<paramref name="torchName"/>), which has the images of a part.</summary>
    private static string UsualPlace(string name, string torchName, string part)
    {
        string[] places =
        [
            Path.Combine("/usr/share/datasets", name),
            Path.Combine("data", name),
            Path.Combine("data", torchName, "raw"),
            InHome($"~/.cache/{name}"),
            InHome($"~/.cache/ascl/{name}"),
        ];
        return places.FirstOrDefault(place => IdxFiles.AreIn(place, part)) ?? throw new UserErrorException(
            $"data {name}: not found in {string.Join(", ", places)}; give its directory: {name}:DIR");
    }

    /// <summary>Expands ~ at the beginning of a path, because shells do not expand it in NAME:~/PATH.</summary>
    private static string InHome(string path) => path.StartsWith("~/", StringComparison.Ordinal)
        ? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), path[2..])
        : path;
}
