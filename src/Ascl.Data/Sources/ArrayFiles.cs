using System.Text.Json;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads a file of tensors (<see cref="TensorFile"/>: safetensors, .npz, .pt, or a directory of .npy files) with images and labels of one
/// or several parts under common names (<see cref="ImageNames"/> and <see cref="LabelNames"/>, in any case); or one .npy file of images,
/// with the labels in labels.npy beside it. Images (<see cref="TensorImages"/>) are [N, C, H, W], [N, H, W, C] or, if grey, [N, H, W],
/// uint8 in 0…255 or floating-point in [0, 1]; for labels see <see cref="TensorLabels"/>. The classes are those of the metadata's
/// <c>class_names</c> (a JSON array of strings), or numbered up to the largest label.
/// </summary>
internal static class ArrayFiles
{
    private const string ClassNamesKey = "class_names";

    private static readonly string[] ValidationNames = ["val", "valid", "validation"];

    /// <summary>Names of tensors; {0} is the part.</summary>
    private static readonly string[]
        ImageNames = ["{0}.images", "{0}_images", "{0}.x", "{0}_x", "x_{0}", "{0}.data", "{0}_data"],
        LabelNames = ["{0}.labels", "{0}_labels", "{0}.y", "{0}_y", "y_{0}", "{0}.targets", "{0}_targets"],
        ImageNamesAlone = ["images", "image", "img", "x", "data"],
        LabelNamesAlone = ["labels", "label", "y", "targets", "target"];

    private sealed record Part(string Name, TensorImages Images, TensorLabels Labels);

    public static DataSet Open(string path, DataOptions options)
    {
        using TensorFile file = path.EndsWith(".npy", StringComparison.OrdinalIgnoreCase) ? WithLabels(path) : TensorFile.Open(path);
        Part? train = Read(file, "train"), test = Read(file, "test");
        List<string> notes = [];
        foreach (string name in ValidationNames)
        {
            if (Read(file, name) is not { } validation)
                continue;
            notes.Add(test is null
                ? $"{name} is read as the test part"
                : $"{name} ({validation.Labels.Classes.Length} images) is left out: there is a test part");
            test ??= validation;
        }
        if (Find(file, ImageNamesAlone, null) is not null || (train is null && test is null))
        {
            Part alone = Read(file, null) ?? throw Wanted(file);
            if (train is not null)
            {
                int start = $"{file.Path}: ".Length;
                throw new UserErrorException(
                    $"{file.Path}: has {alone.Name[start..]} beside {train.Name[start..]}: which are the training images?");
            }
            train = alone;
            if (test is not null)
                notes.Add("images of no named part are the training part");
        }

        Part[] parts = [.. new[] { train, test }.OfType<Part>()];
        IReadOnlyList<string> classNames = NamesOfClasses(file, parts.Max(part => part.Labels.ClassCount));
        ImageSet[] sets = [.. parts.Select(part => part.Images.ToSet(part.Name, classNames, part.Labels.Classes))];
        notes.AddRange(EmptyClasses.Check(path, sets, options));
        return new DataSet(Path.GetFileNameWithoutExtension(path), sets[0], sets[^1], Augmentation.ForChannels(sets[0].Channels))
        {
            HasTrainPart = train is not null,
            HasTestPart = test is not null,
            Notes = notes,
        };
    }

    /// <summary>An .npy file of images and the labels beside it.</summary>
    private static TensorFile WithLabels(string path)
    {
        string labels = Path.Combine(Path.GetDirectoryName(path) ?? "", "labels.npy");
        return File.Exists(labels) || !File.Exists(path)
            ? TensorFile.OpenArrays(path, [("images", path), ("labels", labels)])
            : throw new UserErrorException($"{path}: its labels are wanted beside it, in {labels}");
    }

    /// <summary>The images and labels of one part, or of a file without parts; null where it has none.</summary>
    private static Part? Read(TensorFile file, string? part)
    {
        string? images = Find(file, part is null ? ImageNamesAlone : ImageNames, part);
        string? labels = Find(file, part is null ? LabelNamesAlone : LabelNames, part);
        if (images is null && labels is null)
            return null;
        if (images is null || labels is null)
            throw Wanted(file);
        var pixels = TensorImages.Read(file, images);
        return new Part($"{file.Path}: {images}", pixels, TensorLabels.Read(file, labels, images, pixels.Count));
    }

    private static string? Find(TensorFile file, string[] forms, string? part)
    {
        HashSet<string> accepted = new(forms.Select(form => string.Format(form, part)), StringComparer.OrdinalIgnoreCase);
        string[] found = [.. file.Names.Where(accepted.Contains)];
        return found.Length < 2
            ? found.FirstOrDefault()
            : throw new UserErrorException($"{file.Path}: has both {string.Join(" and ", found)}: which one is meant?");
    }

    private static UserErrorException Wanted(TensorFile file)
    {
        const int shown = 8;
        string tensors = string.Join(", ",
            file.Names.Take(shown).Select(name => $"{name} {file.Describe(name)}"));
        return new($"{file.Path}: wanted are images and labels (or x and y, data and targets), "
            + "of parts train.images and train.labels (or train_images, x_train, …), test.images and test.labels; "
            + $"there are {(tensors.Length == 0 ? "no tensors" : tensors)}{(file.Names.Count > shown ? ", …" : "")}");
    }

    private static IReadOnlyList<string> NamesOfClasses(TensorFile file, int count)
    {
        if (!file.Metadata.TryGetValue(ClassNamesKey, out string? json))
            return KnownClasses.Numbered(count);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return NamesInJson.Read(document.RootElement, $"{file.Path}: the metadata's {ClassNamesKey}", count);
        }
        catch (JsonException e)
        {
            throw new UserErrorException($"{file.Path}: the metadata's {ClassNamesKey} is not a JSON array of strings", e);
        }
    }
}
