namespace Ascl.Testing;

/// <summary>Changes of a file's bytes, as damage and copying faults make them.</summary>
public static class ByteMutation
{
    /// <summary>Number of kinds of changes; those with a small number are two of each.</summary>
    public const int Kinds = 8;

    /// <summary>Applies a change at a place.</summary>
    /// <param name="bytes">The file's bytes, which are changed.</param>
    /// <param name="kind">0…<see cref="Kinds"/> − 1: a bit, a byte, bytes removed, repeated elsewhere, inserted noise, or the file cut
    /// off.</param>
    /// <param name="at">The place.</param>
    /// <param name="length">How many bytes are removed, repeated or inserted.</param>
    /// <param name="random">Random numbers.</param>
    /// <param name="elsewhere">Draws the place that bytes are repeated at.</param>
    public static void Apply(List<byte> bytes, int kind, int at, int length, Random random, Func<int> elsewhere)
    {
        switch (kind)
        {
            case 0 or 1:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 2 or 3:
                bytes[at] = (byte)random.Next(256);
                break;
            case 4:
                bytes.RemoveRange(at, length);
                break;
            case 5:
                bytes.InsertRange(elsewhere(), bytes.GetRange(at, length));
                break;
            case 6:
                byte[] noise = new byte[length];
                random.NextBytes(noise);
                bytes.InsertRange(at, noise);
                break;
            default:
                if (random.Next(4) == 0)
                    bytes.RemoveRange(at, bytes.Count - at);
                break;
        }
    }
}
