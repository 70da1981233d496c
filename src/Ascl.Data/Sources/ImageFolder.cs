using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads a directory or archive of images in one of the layouts of <see cref="FolderLayout"/>. Labels follow the order of the class
/// names. The images of each part are interleaved by class (the first image by name of every class, then the second of every class, …), so
/// the first n images are spread evenly over the classes.
/// </summary>
internal static class ImageFolder
{
    private const long MaxImageBytes = 1 << 26;

    /// <summary>Reads and decodes all images.</summary>
    /// <param name="path">Directory or archive.</param>
    /// <param name="options">Resizing, cropping and checks.</param>
    /// <param name="progress">Receives reports while images are decoded; null for none.</param>
    /// <exception cref="UserErrorException">The layout is not accepted, an image is damaged, or sizes differ.</exception>
    public static DecodedImages Read(string path, DataOptions options, IProgress<DataProgress>? progress)
    {
        progress?.Report(new DataProgress($"reading {EncodedImages.NameOf(path)}", 0, 0));
        FolderLayout layout = FolderLayout.Of(path, FileEntry.ReadAll(path, FolderLayout.IsWanted, MaxImageBytes), options);
        if (layout.Parts == FolderParts.None && options.TestShare is null)
            throw FolderLayout.ShareNeeded(path);
        return EncodedImages.Decode(
            path, layout.ClassNames, InTurn(layout.Train), InTurn(layout.Test), layout.Parts, layout.Notes, options, progress);

        // A stable sort of images, which are sorted by name, by their index within the class.
        List<EncodedImage> InTurn(List<FolderImage> images) =>
            [.. images.GroupBy(image => image.Class).OrderBy(group => group.Key, StringComparer.Ordinal)
                .SelectMany(group => group.Select((image, place) => (image, place))).OrderBy(item => item.place)
                .Select(item => new EncodedImage(item.image.Name, Label(item.image), item.image.File))];

        int Label(FolderImage image) => Array.BinarySearch(layout.ClassNames, image.Class, StringComparer.Ordinal);
    }
}
