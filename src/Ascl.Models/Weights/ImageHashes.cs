namespace Ascl.Models.Weights;

/// <summary>
/// A set of images, stored as 40 bits of each image's pixel hash: 5 bytes per image. Looking up 10,000 images among 50,000 others gives a
/// false match with probability below 1/1000 (10⁴·5·10⁴/2⁴⁰).
/// </summary>
public sealed class ImageHashes
{
    private const int Bytes = 5;
    private const ulong Mask = (1UL << (8 * Bytes)) - 1;

    private readonly HashSet<ulong> known;

    private ImageHashes(HashSet<ulong> known) => this.known = known;

    /// <summary>The set of images with these hashes.</summary>
    /// <param name="pixelHashes">One 64-bit hash per image.</param>
    public static ImageHashes Of(IEnumerable<ulong> pixelHashes) => new([.. pixelHashes.Select(hash => hash & Mask)]);

    /// <summary>Number of distinct images in the set.</summary>
    public int Count => known.Count;

    /// <summary>How many of the given images are in the set; repeated ones count each time.</summary>
    public int CountOf(IEnumerable<ulong> pixelHashes) => pixelHashes.Count(hash => known.Contains(hash & Mask));

    /// <summary>The images of either set.</summary>
    public ImageHashes Union(ImageHashes other) => new([.. known, .. other.known]);

    /// <summary>The set as base64 of 5 little-endian bytes per image, in ascending order.</summary>
    public string Text()
    {
        byte[] bytes = new byte[Bytes * known.Count];
        foreach (var (i, hash) in known.Order().Index())
            for (int b = 0; b < Bytes; b++)
                bytes[Bytes * i + b] = (byte)(hash >> (8 * b));
        return Convert.ToBase64String(bytes);
    }

    /// <summary>Reads what <see cref="Text"/> returns.</summary>
    /// <exception cref="FormatException">The text is not base64, or not a whole number of images.</exception>
    public static ImageHashes Parse(string text)
    {
        byte[] bytes = Convert.FromBase64String(text);
        if (bytes.Length % Bytes != 0)
            throw new FormatException($"{bytes.Length} bytes are no whole number of images");
        return new([.. bytes.Chunk(Bytes).Select(image => image.Select((value, b) => (ulong)value << (8 * b)).Aggregate((a, b) => a | b))]);
    }
}
