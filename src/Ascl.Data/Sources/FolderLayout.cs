using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>The parts that a folder of images has; None where there are only class folders.</summary>
internal enum FolderParts { Both, TrainOnly, TestOnly, None }

/// <summary>An encoded image and its class.</summary>
internal sealed record FolderImage(string Name, string Class, byte[] File);

/// <summary>
/// Finds parts, classes and images in a directory or archive. Layouts: <c>PART/CLASS/IMAGE</c>, where a part is called train, training,
/// test, testing, val, valid or validation, in any case; the same with a folder <c>images</c> in each class, or with a file
/// <c>val_annotations.txt</c> that lists the class of each image in <c>images</c> (both in Tiny-ImageNet); <c>CLASS/IMAGE</c> without
/// parts. All of it may be below one or two other folders.
/// </summary>
internal sealed class FolderLayout
{
    private const string ImagesFolder = "images", Annotations = "val_annotations.txt";
    private const int MaxFoldersAbove = 2, NamesInNote = 3;

    private static readonly string[] Extensions = [".jpg", ".jpeg", ".jpe", ".jfif", ".png"];

    /// <summary>Extensions of image formats that are not decoded; such files are refused rather than skipped silently.</summary>
    private static readonly string[] OtherImages =
    [
        ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".dng",
    ];

    private readonly string path;
    private readonly List<FileEntry> entries;
    private readonly List<string> notes = [];

    private FolderLayout(string path, List<FileEntry> entries)
    {
        this.path = path;
        this.entries = entries;
    }

    public FolderParts Parts { get; private set; }
    public IReadOnlyList<string> Notes => notes;

    /// <summary>Sorted by name (ordinal): the order of the labels.</summary>
    public string[] ClassNames { get; private set; } = [];

    /// <summary>The training images, sorted by name; all images if there are no parts.</summary>
    public List<FolderImage> Train { get; private set; } = [];

    /// <summary>The test images, sorted by name.</summary>
    public List<FolderImage> Test { get; private set; } = [];

    /// <summary>Whether a file's contents are needed: images and lists of classes.</summary>
    public static bool IsWanted(string name) => HasExtension(name, Extensions) || BaseName(name) == Annotations;

    /// <summary>Finds the layout of a directory or archive.</summary>
    /// <param name="path">Its name in messages.</param>
    /// <param name="entries">All of its entries, sorted by name.</param>
    /// <param name="options">Says whether empty classes are allowed.</param>
    /// <exception cref="UserErrorException">There are no images in class folders, some images are elsewhere or of another format, or a
    /// class has none.</exception>
    public static FolderLayout Of(string path, List<FileEntry> entries, DataOptions options)
    {
        var layout = new FolderLayout(path, entries);
        List<string[]> images = [.. entries.Where(IsImage).Select(entry => entry.Name.Split('/'))];
        if (images.Count == 0)
        {
            throw new UserErrorException(
                $"{path}: has no images: wanted are JPEG or PNG files at train/<class>/<image> and test/<class>/<image>");
        }
        if (images.Where(names => PartDepth(names) >= 0).MinBy(PartDepth) is { } first)
            layout.ReadParts(images, Folder(first, PartDepth(first)));
        else
            layout.ReadFlat(images);
        layout.CheckClasses(options);
        layout.NoteOtherFiles();
        return layout;
    }

    /// <summary>The error for a folder without parts if <see cref="DataOptions.TestShare"/> is not set.</summary>
    public static UserErrorException ShareNeeded(string path) => new(
        $"{path}: has no train and test folders, only <class>/<image>: "
        + "test-share 0.2 makes a fifth of each class the test part, test-share 1 all of it (to evaluate)");

    private void ReadFlat(List<string[]> images)
    {
        int above = 0;
        while (above < MaxFoldersAbove && images.All(names => names.Length >= above + 3 && names[above] == images[0][above]))
            above++;
        string top = Folder(images[0], above);
        Parts = FolderParts.None;
        Train = Images(top, "", annotated: null);
        ClassNames = Classes([.. Train], Folders(top));
    }

    private void ReadParts(List<string[]> images, string top)
    {
        if (images.FirstOrDefault(names => PartDepth(names) >= 0 && Folder(names, PartDepth(names)) != top) is { } other)
            throw new UserErrorException($"{path}: has train or test folders both in '{top}' and in '{Folder(other, PartDepth(other))}'");
        ILookup<string?, string> folders = Folders(top).Where(folder => PartNames.Of(folder) is not null).ToLookup(PartNames.Of);
        if (folders.FirstOrDefault(part => part.Count() > 1) is { } twice)
            throw new UserErrorException($"{path}: has both {string.Join(" and ", twice)}: one of them is enough");
        Dictionary<string, List<FolderImage>> found = [];
        foreach (string part in PartNames.All)
        {
            if (folders[part].FirstOrDefault() is not { } folder || !HasImages($"{top}{folder}/"))
                continue;
            // Tiny-ImageNet's test images have no labels.
            if (part == "test" && found.ContainsKey("val") && Folders($"{top}{folder}/") is [ImagesFolder])
                notes.Add($"{folder} is left out: its images have no classes");
            else
                found.Add(part, Images(top, $"{folder}/", AnnotatedClasses($"{top}{folder}/")));
        }
        Choose(found, part => folders[part].First(), top);
        string[] inside = [.. folders.SelectMany(part => part).Select(folder => $"{top}{folder}/")];
        int outside = entries.Where(IsImage).Count(entry => !inside.Any(folder => entry.Name.StartsWith(folder, StringComparison.Ordinal)));
        if (outside > 0)
            notes.Add($"passed over {outside} images outside {string.Join(", ", inside)}");
    }

    private void Choose(Dictionary<string, List<FolderImage>> found, Func<string, string> folder, string top)
    {
        string? train = found.ContainsKey("train") ? "train" : null;
        string? test = found.ContainsKey("test") ? "test" : found.ContainsKey("val") ? "val" : null;
        if (test == "test" && found.TryGetValue("val", out List<FolderImage>? unused))
            notes.Add($"{folder("val")} ({unused.Count} images) is left out: {folder("test")} is the test part");
        else if (test == "val")
            notes.Add($"{folder("val")} is read as the test part");
        Parts = train is null ? FolderParts.TestOnly : test is null ? FolderParts.TrainOnly : FolderParts.Both;
        Train = train is null ? [] : found[train];
        Test = test is null ? [] : found[test];
        ClassNames = Classes([.. Train, .. Test], new[] { train, test }.OfType<string>().SelectMany(Empty));

        // Empty folders count as classes, except the folder of images whose classes are in a list.
        IEnumerable<string> Empty(string part) => Folders($"{top}{folder(part)}/")
            .Where(name => name != ImagesFolder || AnnotatedClasses($"{top}{folder(part)}/") is null);
    }

    private static string[] Classes(List<FolderImage> images, IEnumerable<string> folders) =>
        [.. images.Select(image => image.Class).Concat(folders).Distinct().Order(StringComparer.Ordinal)];

    private List<FolderImage> Images(string top, string part, Dictionary<string, string>? annotated)
    {
        List<FolderImage> images = [];
        string folder = top + part;
        foreach (FileEntry entry in entries.Where(entry => IsImage(entry) && entry.Name.StartsWith(folder, StringComparison.Ordinal)))
        {
            string[] names = entry.Name[folder.Length..].Split('/');
            string? className = names switch
            {
                [ImagesFolder, var image] when annotated is not null => annotated.GetValueOrDefault(image)
                    ?? throw new UserErrorException($"{path}: {entry.Name} is not in {folder}{Annotations}"),
                [_, _] or [_, ImagesFolder, _] => names[0],
                _ => throw new UserErrorException($"{path}: {entry.Name} is not at {part}<class>/<image>"),
            };
            if (entry.Bytes is null || HasExtension(entry.Name, OtherImages))
            {
                throw new UserErrorException(
                    $"{path}: {entry.Name} is not a JPEG or PNG file ({string.Join(", ", Extensions)}): convert it");
            }
            images.Add(new FolderImage(entry.Name, className, entry.Bytes));
        }
        if (annotated is not null && images.Count(image => annotated.ContainsKey(BaseName(image.Name))) < annotated.Count)
        {
            string missing = annotated.Keys.Except(images.Select(image => BaseName(image.Name))).First();
            throw new UserErrorException($"{path}: {folder}{Annotations} names {missing}, which is missing");
        }
        return images;
    }

    /// <summary>Classes by image name from the folder's list; null where it has none.</summary>
    private Dictionary<string, string>? AnnotatedClasses(string folder)
    {
        if (entries.FirstOrDefault(entry => entry.Name == folder + Annotations) is not { Bytes: { } bytes })
            return null;
        Dictionary<string, string> classes = [];
        const StringSplitOptions trimmed = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        foreach (string line in Encoding.UTF8.GetString(bytes).Split('\n', trimmed))
        {
            string[] words = line.Split('\t');
            if (words.Length < 2 || !classes.TryAdd(ComposedText.Of(words[0]), ComposedText.Of(words[1])))
                throw new UserErrorException($"{path}: {folder}{Annotations}: '{line}' is not an image of its own and its class");
        }
        return classes;
    }

    private void CheckClasses(DataOptions options)
    {
        List<FolderImage> trained = Parts == FolderParts.TestOnly ? Test : Train;
        string where = Parts switch { FolderParts.None => "", FolderParts.TestOnly => " in the test part", _ => " in the training part" };
        string[] empty = [.. ClassNames.Except(trained.Select(image => image.Class))];
        // An empty class gives an output that is never trained; more likely a folder was misnamed or not copied.
        if (empty.Length > 0 && !options.AllowEmptyClasses)
            throw EmptyClasses.Refusal(path, empty, where);
        if (empty.Length > 0)
            notes.Add($"without images{where}: {EmptyClasses.List(empty)}");
        // Classes without test images are only noted: small test parts often lack a rare class.
        string[] untested = Parts == FolderParts.Both ? [.. ClassNames.Except(Test.Select(image => image.Class)).Except(empty)] : [];
        if (untested.Length > 0)
        {
            notes.Add($"without test images: {EmptyClasses.List(untested)}; "
                + $"accuracies say nothing about {(untested.Length == 1 ? "this class" : "these classes")}");
        }
    }

    private void NoteOtherFiles()
    {
        string[] others =
        [
            .. entries.Where(entry => !entry.IsDirectory && !IsImage(entry)).Select(entry => BaseName(entry.Name))
                .Where(name => name != Annotations),
        ];
        string[] names = [.. others.Distinct()];
        if (others.Length > 0)
            notes.Add($"passed over {others.Length} {(others.Length == 1 ? "file that is no image" : "files that are no images")}: "
                + $"{string.Join(", ", names.Take(NamesInNote))}{(names.Length > NamesInNote ? ", …" : "")}");
    }

    private bool HasImages(string folder) =>
        entries.Any(entry => IsImage(entry) && entry.Name.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>The direct subfolders of a folder, empty ones included.</summary>
    private string[] Folders(string folder) => [.. entries
        .Where(entry => entry.Name.StartsWith(folder, StringComparison.Ordinal))
        .Select(entry => entry.IsDirectory ? $"{entry.Name}/" : entry.Name)
        .Where(name => name.IndexOf('/', folder.Length) > 0)
        .Select(name => name[folder.Length..name.IndexOf('/', folder.Length)]).Distinct()];

    /// <summary>Number of folders above the part's folder; −1 where there is no part. A class and an image must be below it, because a
    /// class may be called train, too.</summary>
    private static int PartDepth(string[] names) =>
        Enumerable.Range(0, MaxFoldersAbove + 1)
            .FirstOrDefault(depth => names.Length >= depth + 3 && PartNames.Of(names[depth]) is not null, -1);

    private static string Folder(string[] names, int depth) => string.Concat(names[..depth].Select(name => $"{name}/"));

    private static bool IsImage(FileEntry entry) =>
        !entry.IsDirectory && (HasExtension(entry.Name, Extensions) || HasExtension(entry.Name, OtherImages));

    private static bool HasExtension(string name, string[] extensions) =>
        extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase);

    private static string BaseName(string name) => name[(name.LastIndexOf('/') + 1)..];
}
