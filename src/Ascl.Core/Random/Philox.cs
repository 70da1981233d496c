using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Ascl.Core.Random;

/// <summary>
/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a counter-based generator with four 32-bit words per
/// counter. CPU and GPU share one scalar function; <see cref="FillUniform"/> also has a vector form, four counters at a time, with the same
/// bits.
/// </summary>
public static class Philox
{
    private const uint Multiplier0 = 0xD2511F53, Multiplier1 = 0xCD9E8D57, Weyl0 = 0x9E3779B9, Weyl1 = 0xBB67AE85;

    /// <summary>
    /// The four words at (<paramref name="c0"/>…<paramref name="c3"/>) under the key (<paramref name="k0"/>, <paramref name="k1"/>).
    /// </summary>
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
        // No switch: ILGPU would compile it to a branch table.
        uint lane = position & 3;
        return lane == 0 ? x : lane == 1 ? y : lane == 2 ? z : w;
    }

    /// <summary>A random bit: whether word number <paramref name="position"/> is odd.</summary>
    public static bool IsOdd(RandomKey key, uint position) => (Word(key, position) & 1) == 1;

    /// <summary>
    /// A uniform number in [0, 1) with 24 random bits, from one word. Converted from int, because ILGPU converts uint to float in double
    /// precision.
    /// </summary>
    public static float ToUniform(uint word) => (int)(word >> 8) * (1f / (1 << 24));

    /// <summary>An integer in [0, <paramref name="count"/>) from one word.</summary>
    public static int ToIndex(uint word, int count) => (int)((ulong)word * (ulong)count >> 32);

    /// <summary>Two independent standard normal numbers from two words (Box–Muller).</summary>
    public static (float, float) ToNormal(uint a, uint b)
    {
        double radius = Math.Sqrt(-2 * Math.Log(((a >> 8) + 1) * (1.0 / (1 << 24)))), angle = 2 * Math.PI * (b >> 8) * (1.0 / (1 << 24));
        return ((float)(radius * Math.Cos(angle)), (float)(radius * Math.Sin(angle)));
    }

    /// <summary>Fills with uniform numbers in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FillUniform(Span<float> values, RandomKey key, float low, float high)
    {
        int i = 0;
        for (; Avx2.IsSupported && i + 16 <= values.Length; i += 16)
        {
            var (first, second) = FourBlocks(key, (uint)i >> 2);
            ToUniform(first, low, high).CopyTo(values[i..]);
            ToUniform(second, low, high).CopyTo(values[(i + 8)..]);
        }
        for (; i < values.Length; i++)
            values[i] = low + (high - low) * ToUniform(Word(key, (uint)i));
    }

    private static Vector256<float> ToUniform(Vector256<uint> words, float low, float high) =>
        Vector256.Create(low) + Vector256.Create(high - low) * (Vector256.ConvertToSingle((words >> 8).AsInt32()) * (1f / (1 << 24)));

    /// <summary>
    /// The 16 words of four blocks in order. Each counter word is the lower half of a 64-bit lane; the upper half is never read.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<uint> First, Vector256<uint> Second) FourBlocks(RandomKey key, uint block)
    {
        Vector256<ulong> multiplier0 = Vector256.Create((ulong)Multiplier0), multiplier1 = Vector256.Create((ulong)Multiplier1);
        // Blocks 0, 2, 1, 3: unpacking works on each half of a vector, so this order comes out as 0, 1, 2, 3.
        Vector256<ulong> c0 = Vector256.Create(block, block + 2ul, block + 1ul, block + 3ul), c1 = Vector256.Create((ulong)key.Index);
        Vector256<ulong> c2 = Vector256.Create((ulong)key.Step), c3 = Vector256.Create((ulong)key.Purpose);
        uint k0 = (uint)key.Seed, k1 = (uint)(key.Seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Vector256<ulong> p0 = Avx2.Multiply(c0.AsUInt32(), multiplier0.AsUInt32());
            Vector256<ulong> p1 = Avx2.Multiply(c2.AsUInt32(), multiplier1.AsUInt32());
            (c0, c1, c2, c3) = ((p1 >> 32) ^ c1 ^ Vector256.Create((ulong)k0), p1, (p0 >> 32) ^ c3 ^ Vector256.Create((ulong)k1), p0);
            k0 += Weyl0;
            k1 += Weyl1;
        }
        Vector256<ulong> lower = Vector256.Create((ulong)uint.MaxValue), xy = (c0 & lower) | (c1 << 32), zw = (c2 & lower) | (c3 << 32);
        return (Avx2.UnpackLow(xy, zw).AsUInt32(), Avx2.UnpackHigh(xy, zw).AsUInt32());
    }

    /// <summary>Fills with normal numbers of mean 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void FillNormal(Span<float> values, RandomKey key, float standardDeviation)
    {
        Span<float> four = stackalloc float[4];
        for (int i = 0; i < values.Length; i += 4)
        {
            var (x, y, z, w) = Block(key, (uint)i >> 2);
            (four[0], four[1]) = ToNormal(x, y);
            (four[2], four[3]) = ToNormal(z, w);
            for (int j = 0; j < Math.Min(4, values.Length - i); j++)
                values[i + j] = four[j] * standardDeviation;
        }
    }

    /// <summary>A random permutation of 0…count−1 (Fisher–Yates over the stream's words).</summary>
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
