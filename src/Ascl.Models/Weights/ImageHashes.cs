namespace Ascl.Models.Weights;

/// <summary>
/// A set of images, kept as 40 bits of each one's pixel hash: 5 bytes an image. For 10,000 images looked up among 50,000 others, one is taken for
/// another in fewer than one of a thousand data sets.
/// </summary>
public sealed class ImageHashes
{
    private const int Bytes = 5;
    private const ulong Mask = (1UL << (8 * Bytes)) - 1;

    private readonly HashSet<ulong> known;

    private ImageHashes(HashSet<ulong> known) => this.known = known;

    /// <param name="pixelHashes">64 bits an image.</param>
    public static ImageHashes Of(IEnumerable<ulong> pixelHashes) => new([.. pixelHashes.Select(hash => hash & Mask)]);

    /// <summary>Images in the set, each counted once.</summary>
    public int Count => known.Count;

    /// <summary>How many of some images are in the set.</summary>
    public int CountOf(IEnumerable<ulong> pixelHashes) => pixelHashes.Count(hash => known.Contains(hash & Mask));

    public ImageHashes Union(ImageHashes other) => new([.. known, .. other.known]);

    /// <summary>The set as base64 of 5 little-endian bytes an image, in ascending order.</summary>
    public string Text()
    {
        byte[] bytes = new byte[Bytes * known.Count];
        foreach (var (i, hash) in known.Order().Index())
            for (int b = 0; b < Bytes; b++)
                bytes[Bytes * i + b] = (byte)(hash >> (8 * b));
        return Convert.ToBase64String(bytes);
    }

    /// <exception cref="FormatException">It is not what <see cref="Text"/> gives.</exception>
    public static ImageHashes Parse(string text)
    {
        byte[] bytes = Convert.FromBase64String(text);
        if (bytes.Length % Bytes != 0)
            throw new FormatException($"{bytes.Length} bytes are no whole number of images");
        return new([.. bytes.Chunk(Bytes).Select(image => image.Select((value, b) => (ulong)value << (8 * b)).Aggregate((a, b) => a | b))]);
    }
}
