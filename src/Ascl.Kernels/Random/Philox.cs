namespace Ascl.Kernels.Random;

/// <summary>
/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a counter-based generator. One scalar function for every
/// device; four 32-bit words a counter.
/// </summary>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57, Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>The four words at (<paramref name="c0"/>…<paramref name="c3"/>) under the key (<paramref name="k0"/>, <paramref name="k1"/>).</summary>
    public static (uint X, uint Y, uint Z, uint W) Block(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1)
    {
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = (ulong)Multiplier0 * c0, p1 = (ulong)Multiplier1 * c2;
            (c0, c1, c2, c3) = ((uint)(p1 >> 32) ^ c1 ^ k0, (uint)p1, (uint)(p0 >> 32) ^ c3 ^ k1, (uint)p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>Block number <paramref name="block"/> of the stream <paramref name="key"/>.</summary>
    public static (uint X, uint Y, uint Z, uint W) Block(RandomKey key, uint block) =>
        Block(block, key.Index, key.Step, (uint)key.Purpose, (uint)key.Seed, (uint)(key.Seed >> 32));

    /// <summary>Word number <paramref name="position"/> of the stream.</summary>
    public static uint Word(RandomKey key, uint position)
    {
        var (x, y, z, w) = Block(key, position >> 2);
        return (position & 3) switch { 0 => x, 1 => y, 2 => z, _ => w };
    }

    /// <summary>A uniform number in [0, 1) with 24 random bits, from one word.</summary>
    public static float ToUniform(uint word) => (word >> 8) * (1f / (1 << 24));

    /// <summary>An integer in [0, <paramref name="count"/>) from one word.</summary>
    public static int ToIndex(uint word, int count) => (int)((ulong)word * (ulong)count >> 32);

    /// <summary>Two independent standard normal numbers from two words (Box–Muller).</summary>
    public static (float, float) ToNormal(uint a, uint b)
    {
        double radius = Math.Sqrt(-2 * Math.Log(((a >> 8) + 1) * (1.0 / (1 << 24)))), angle = 2 * Math.PI * (b >> 8) * (1.0 / (1 << 24));
        return ((float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)));
    }

    /// <summary>Fills with uniform numbers in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public static void FillUniform(Span<float> values, RandomKey key, float low, float high)
    {
        for (int i = 0; i < values.Length; i += 4)
        {
            var (x, y, z, w) = Block(key, (uint)i >> 2);
            Put(values, i, x, low, high);
            Put(values, i + 1, y, low, high);
            Put(values, i + 2, z, low, high);
            Put(values, i + 3, w, low, high);
        }

        static void Put(Span<float> values, int i, uint word, float low, float high)
        {
            if (i < values.Length)
                values[i] = low + (high - low) * ToUniform(word);
        }
    }

    /// <summary>Fills with normal numbers of mean 0.</summary>
    public static void FillNormal(Span<float> values, RandomKey key, float standardDeviation)
    {
        for (int i = 0; i < values.Length; i += 2)
        {
            var (x, y, z, w) = Block(key, (uint)i >> 2);
            var (a, b) = (i & 2) == 0 ? ToNormal(x, y) : ToNormal(z, w);
            values[i] = a * standardDeviation;
            if (i + 1 < values.Length)
                values[i + 1] = b * standardDeviation;
        }
    }

    /// <summary>A random order of 0…count−1 (Fisher–Yates over the stream's words).</summary>
    public static int[] Permutation(int count, RandomKey key)
    {
        int[] order = new int[count];
        for (int i = 0; i < count; i++)
            order[i] = i;
        for (int i = count - 1; i > 0; i--)
        {
            int j = ToIndex(Word(key, (uint)i), i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }
}
