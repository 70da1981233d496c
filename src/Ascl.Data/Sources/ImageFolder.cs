using Ascl.Kernels.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// A directory or archive of <c>train|test/&lt;class&gt;/&lt;image&gt;</c>, perhaps below one top folder. Classes are numbered in the order of
/// their names. Each part is ordered class by class in turn (the first image by name of every class, then the second of every class, …), so the
/// first n images are spread evenly over the classes.
/// </summary>
internal static class ImageFolder
{
    private const long MaxImageBytes = 1 << 26;
    private const int ReportEvery = 1000;
    private static readonly string[] Extensions = [".jpg", ".jpeg", ".png"];

    private sealed record Image(string Name, string Class, byte[] File);

    /// <param name="path">Directory or archive.</param>
    public static DataSet Read(string path, IProgress<DataProgress>? progress)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        progress?.Report(new DataProgress($"reading {name}", 0, 0));
        List<FileEntry> entries = FileEntry.ReadAll(path, IsInPart, MaxImageBytes);

        string? top = null;
        Dictionary<string, List<Image>> parts = new() { ["train"] = [], ["test"] = [] };
        var classes = new SortedSet<string>(StringComparer.Ordinal);
        foreach (FileEntry entry in entries)
        {
            if (PartIndex(entry.Name) is not { } at)
                continue;
            string[] names = entry.Name.Split('/');
            string entryTop = string.Join('/', names[..at]);
            if ((top ??= entryTop) != entryTop)
                throw new UserErrorException($"{path}: has train or test folders both in '{top}/' and in '{entryTop}/'");
            if (entry.IsDirectory && names.Length == at + 2)
                classes.Add(names[at + 1]);
            if (entry.IsDirectory)
                continue;
            if (names.Length != at + 3)
                throw new UserErrorException($"{path}: {entry.Name} is not at train|test/<class>/<image>");
            if (!Extensions.Contains(Path.GetExtension(entry.Name), StringComparer.OrdinalIgnoreCase))
                throw new UserErrorException($"{path}: {entry.Name} is not a {string.Join(", ", Extensions)} file");
            classes.Add(names[at + 1]);
            parts[names[at]].Add(new Image(entry.Name, names[at + 1], entry.Bytes));
        }
        if (top is null)
            throw new UserErrorException($"{path}: has no folders train/<class> and test/<class> with images");

        string[] classNames = [.. classes];
        List<Image> train = InTurn(path, "train", classNames, parts["train"]), test = InTurn(path, "test", classNames, parts["test"]);
        var size = ImageDecoder.Size($"{path}: {train[0].Name}", train[0].File);
        var counter = new Counter(progress, $"decoding {name}", train.Count + test.Count);
        ImageSet trainSet = Decode(path, $"{name} train", classNames, train, size, counter);
        return new DataSet(
            name, trainSet, Decode(path, $"{name} test", classNames, test, size, counter), Augmentation.ForChannels(size.Channels));
    }

    private static List<Image> InTurn(string path, string part, string[] classNames, List<Image> images)
    {
        if (images.Count == 0)
            throw new UserErrorException($"{path}: has no {part} part: no images in {part}/<class>");
        ILookup<string, Image> byClass = images.ToLookup(image => image.Class);
        foreach (string className in classNames)
        {
            if (!byClass.Contains(className))
                throw new UserErrorException($"{path}: class {className} has no images in {part}/{className}");
        }
        // The images come sorted by name; a stable sort by the place within the class puts the classes in turn.
        return [.. byClass.OrderBy(group => group.Key, StringComparer.Ordinal)
            .SelectMany(group => group.Select((image, place) => (image, place))).OrderBy(item => item.place).Select(item => item.image)];
    }

    private static ImageSet Decode(
        string path, string name, string[] classNames, List<Image> images, (int Channels, int Height, int Width) size, Counter counter)
    {
        int length = size.Channels * size.Height * size.Width;
        if ((long)length * images.Count > Array.MaxLength)
            throw new UserErrorException($"{path}: {images.Count} images of {Text(size)} are more than the {Array.MaxLength} bytes a set can hold");
        byte[] pixels = new byte[length * images.Count];
        UserErrorException? problem = null;
        int firstProblem = int.MaxValue;
        Parallel.For(0, images.Count, (i, loop) =>
        {
            try
            {
                string imageName = $"{path}: {images[i].Name}";
                var own = ImageDecoder.Size(imageName, images[i].File);
                if (own != size)
                    throw new UserErrorException($"{imageName} is {Text(own)}, but the first image is {Text(size)}; all must be alike");
                ImageDecoder.Decode(imageName, images[i].File, size, pixels.AsSpan(i * length, length));
                counter.Add();
            }
            catch (UserErrorException e)
            {
                // Every image before this one is still tried: the first bad image is named, whatever the threads do.
                loop.Break();
                lock (images)
                {
                    if (i < firstProblem)
                        (firstProblem, problem) = (i, e);
                }
            }
        });
        if (problem is not null)
            throw problem;
        int[] labels = [.. images.Select(image => Array.BinarySearch(classNames, image.Class, StringComparer.Ordinal))];
        return new ImageSet(name, classNames, size.Channels, size.Height, size.Width, labels, pixels);
    }

    private static bool IsInPart(string name) => PartIndex(name) is { } at && name.Split('/').Length > at + 2;

    /// <summary>The place of "train" or "test" among the name's parts: first, or second below a top folder.</summary>
    private static int? PartIndex(string name) => name.Split('/') switch
    {
        ["train" or "test", ..] => 0,
        [_, "train" or "test", ..] => 1,
        _ => null,
    };

    private static string Text((int Channels, int Height, int Width) size) =>
        $"{size.Width}x{size.Height} {(size.Channels == 1 ? "grey" : "RGB")}";

    private sealed class Counter(IProgress<DataProgress>? progress, string what, int total)
    {
        private int done;

        public void Add()
        {
            int now = Interlocked.Increment(ref done);
            if (now % ReportEvery == 0 || now == total)
                progress?.Report(new DataProgress(what, now, total));
        }
    }
}
