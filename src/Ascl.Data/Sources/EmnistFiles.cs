using System.Globalization;
using Ascl.Core.Diagnostics;

namespace Ascl.Data.Sources;

/// <summary>
/// Reads a split of EMNIST (nist.gov/itl/products-and-services/emnist-dataset): the IDX files <c>emnist-SPLIT-train-…</c> and
/// <c>emnist-SPLIT-test-…</c>. Rows and columns of their images are exchanged, which is undone; labels of letters count from 1.
/// </summary>
internal static class EmnistFiles
{
    private const string Prefix = "emnist-", Letters = "letters";

    private const string Digits = "0123456789", Capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Small = "abcdefghijklmnopqrstuvwxyz";

    /// <summary>The characters of each split by label; of letters that are merged, one stands for both.</summary>
    private static readonly Dictionary<string, string> Characters = new()
    {
        ["balanced"] = Digits + Capitals + "abdefghnqrt",
        ["byclass"] = Digits + Capitals + Small,
        ["bymerge"] = Digits + Capitals + "abdefghnqrt",
        [Letters] = Small,
        ["digits"] = Digits,
        ["mnist"] = Digits,
    };

    /// <summary>Names of the data sets.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Characters.Keys.Select(split => Prefix + split)];

    /// <summary>How the names of the files with training images begin.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    public static string TrainPart(string name) => $"{name}-train";

    /// <summary>Reads one of <see cref="Names"/>.</summary>
    /// <exception cref="UserErrorException">A file is missing, damaged, or does not fit the others.</exception>
    public static DataSet Open(string name, string directory, DataOptions options)
    {
        string split = name[Prefix.Length..];
        int firstLabel = split == Letters ? 1 : 0;
        IReadOnlyList<string> known = [.. Characters[split].Select(character => character.ToString())];
        string mapping = Path.Combine(directory, $"{name}-mapping.txt");
        IReadOnlyList<string> classNames = File.Exists(mapping) ? Mapped(mapping, firstLabel, known.Count) : known;
        ImageSet train = Upright(IdxFiles.ReadPart($"{name} train", directory, TrainPart(name), classNames, firstLabel));
        ImageSet test = Upright(IdxFiles.ReadPart($"{name} test", directory, $"{name}-test", classNames, firstLabel));
        return new DataSet(name, train, test, Augmentation.None) { Notes = EmptyClasses.Check(directory, [train, test], options) };
    }

    /// <summary>The class names of a file with a label and the codes of its characters a line; the last one names the class.</summary>
    private static string[] Mapped(string path, int firstLabel, int count)
    {
        string?[] names = new string?[count];
        string text = InputFile.Read(path, stream => new StreamReader(stream).ReadToEnd());
        foreach (string line in text.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || !int.TryParse(words[0], CultureInfo.InvariantCulture, out int label) || label < firstLabel
                || label >= firstLabel + count || names[label - firstLabel] is not null
                || !byte.TryParse(words[^1], CultureInfo.InvariantCulture, out byte code) || code is <= 32 or >= 127)
            {
                throw new UserErrorException($"{path}: '{line}' is not a label of its own, {firstLabel} to {firstLabel + count - 1}, "
                    + "and the codes of its characters");
            }
            names[label - firstLabel] = ((char)code).ToString();
        }
        int missing = Array.IndexOf(names, null);
        return missing < 0 ? [.. names.OfType<string>()] : throw new UserErrorException($"{path}: label {firstLabel + missing} is missing");
    }

    private static ImageSet Upright(ImageSet set)
    {
        byte[] pixels = new byte[set.Bytes.Length];
        for (int start = 0; start < pixels.Length; start += set.ImageLength)
        {
            for (int row = 0; row < set.Height; row++)
            {
                for (int column = 0; column < set.Width; column++)
                    pixels[start + column * set.Height + row] = set.Bytes[start + row * set.Width + column];
            }
        }
        return new(set.Name, set.ClassNames, 1, set.Width, set.Height, set.Labels.ToArray(), pixels);
    }
}
