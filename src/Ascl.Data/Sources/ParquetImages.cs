using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads Parquet files with encoded images and labels, as Hugging Face's datasets writes them: a file is one part, a directory has the
/// parts that its files are named after (<see cref="ParquetParts"/>). The images keep the order of the rows. The classes are those of the
/// metadata, or are numbered up to the largest label.
/// </summary>
internal static class ParquetImages
{
    /// <summary>Reads and decodes all images.</summary>
    /// <param name="path">File or directory.</param>
    /// <param name="options">Resizing, cropping and checks.</param>
    /// <param name="progress">Receives reports while images are read and decoded; null for none.</param>
    /// <exception cref="UserErrorException">A file is missing or damaged, or has no images and labels of the accepted forms.</exception>
    public static DecodedImages Read(string path, DataOptions options, IProgress<DataProgress>? progress)
    {
        ParquetParts parts = ParquetParts.Of(path);
        string[] paths = [.. parts.Train, .. parts.Test];
        List<ParquetFile> files = [];
        foreach (string file in paths)
        {
            progress?.Report(new DataProgress($"reading {Path.GetFileName(file)}", 0, 0));
            files.Add(ParquetFile.Read(file, paths.Length > 1 ? $"{Path.GetRelativePath(path, file)}: " : ""));
        }
        int classes = 1 + files.Max(file => file.Images.Max(image => image.Label));
        string[]?[] names = [.. files.Select(file => file.NamesIn(classes))];
        int other = Array.FindIndex(names, found => !(found ?? []).SequenceEqual(names[0] ?? []));
        if (other >= 0)
        {
            string first = Path.GetFileName(paths[0]), second = Path.GetFileName(paths[other]);
            throw new UserErrorException($"{path}: {first} and {second} have different class names");
        }
        List<EncodedImage> train = Images(files[..parts.Train.Length]), test = Images(files[parts.Train.Length..]);
        FolderParts found = train.Count == 0 ? FolderParts.TestOnly : test.Count == 0 ? FolderParts.TrainOnly : FolderParts.Both;
        DecodedImages images = EncodedImages.Decode(path, names[0] ?? KnownClasses.Numbered(classes), train, test, found,
            [.. parts.Notes, .. files.SelectMany(file => file.Notes).Distinct()], options, progress);
        DataSet set = images.Set;
        ImageSet[] sets = found == FolderParts.Both ? [set.Train, set.Test] : [set.Train];
        return images with { Set = set with { Notes = [.. set.Notes, .. EmptyClasses.Check(path, sets, options)] } };

        static List<EncodedImage> Images(List<ParquetFile> files) => [.. files.SelectMany(file => file.Images)];
    }
}
