using Ascl.Core.Random;

namespace Ascl.Core.Tests.Random;

public sealed class PhiloxTests
{
    private static readonly RandomKey Key = new(42, RandomPurpose.Test, 3, 5);

    /// <summary>The known answers that come with Random123 (kat_vectors, philox4x32 10).</summary>
    [Fact]
    public void KnownAnswers()
    {
        Assert.Equal((0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u), Philox.Block(0, 0, 0, 0, 0, 0));
        const uint Ones = 0xffffffff;
        Assert.Equal((0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu), Philox.Block(Ones, Ones, Ones, Ones, Ones, Ones));
        Assert.Equal((0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u),
            Philox.Block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0));
    }

    /// <summary>The layout of keys is part of saved runs: it never changes.</summary>
    [Fact]
    public void KeyToCounterLayoutIsFixed()
    {
        RandomKey key = new(0x1122334455667788, RandomPurpose.AttackStart, 9, 77);
        Assert.Equal(Philox.Block(6, 77, 9, 2, 0x55667788, 0x11223344), Philox.Block(key, 6));
        Assert.Equal(Philox.Block(key, 6).Z, Philox.Word(key, 26));
    }

    [Fact]
    public void UniformNumbersFollowTheStreamAndStayInRange()
    {
        for (int length = 0; length <= 257; length++)
        {
            float[] values = new float[length + 1];
            values[length] = 99;
            Philox.FillUniform(values.AsSpan(0, length), Key, -2, 3);
            for (int i = 0; i < length; i++)
                Assert.Equal(-2 + 5 * Philox.ToUniform(Philox.Word(Key, (uint)i)), values[i]);
            Assert.Equal(99, values[length]);
        }
        Assert.Equal(0, Philox.ToUniform(0));
        Assert.True(Philox.ToUniform(uint.MaxValue) < 1);
        Assert.Equal(0, Philox.ToIndex(0, 7));
        Assert.Equal(6, Philox.ToIndex(uint.MaxValue, 7));
    }

    [Fact]
    public void UniformMoments()
    {
        const int Count = 1 << 20;
        float[] values = new float[Count];
        Philox.FillUniform(values, Key, 0, 1);
        double mean = values.Average(v => (double)v), variance = values.Average(v => Math.Pow(v - 0.5, 2));
        double neighbours = Enumerable.Range(1, Count - 1).Average(i => (values[i] - 0.5) * (values[i - 1] - 0.5));
        Assert.InRange(mean, 0.5 - 5 * 0.2887 / 1024, 0.5 + 5 * 0.2887 / 1024);
        Assert.InRange(variance, 1.0 / 12 - 5 * 0.0745 / 1024, 1.0 / 12 + 5 * 0.0745 / 1024);
        Assert.InRange(neighbours, -5 * 0.0833 / 1024, 5 * 0.0833 / 1024);
        int[] bins = new int[64];
        foreach (float value in values)
            bins[(int)(value * 64)]++;
        double expected = Count / 64.0, chiSquare = bins.Sum(b => Math.Pow(b - expected, 2) / expected);
        Assert.InRange(chiSquare, 63 - 5 * Math.Sqrt(126), 63 + 5 * Math.Sqrt(126));
    }

    [Fact]
    public void NormalMoments()
    {
        const int Count = 1 << 20;
        float[] values = new float[Count];
        Philox.FillNormal(values, Key, 2);
        Assert.All(values, v => Assert.True(float.IsFinite(v)));
        double mean = values.Average(v => (double)v) / 2, variance = values.Average(v => Math.Pow(v / 2.0, 2));
        double skew = values.Average(v => Math.Pow(v / 2.0, 3)), fourth = values.Average(v => Math.Pow(v / 2.0, 4));
        Assert.InRange(mean, -5 / 1024.0, 5 / 1024.0);
        Assert.InRange(variance, 1 - 5 * Math.Sqrt(2) / 1024, 1 + 5 * Math.Sqrt(2) / 1024);
        Assert.InRange(skew, -5 * Math.Sqrt(15) / 1024, 5 * Math.Sqrt(15) / 1024);
        Assert.InRange(fourth, 3 - 5 * Math.Sqrt(96) / 1024, 3 + 5 * Math.Sqrt(96) / 1024);
        float[] odd = new float[7];
        Philox.FillNormal(odd, Key, 2);
        Assert.Equal(values[..7], odd);
        Assert.True(float.IsFinite(Philox.ToNormal(0, 0).Item1) && float.IsFinite(Philox.ToNormal(uint.MaxValue, uint.MaxValue).Item2));
    }

    [Fact]
    public void StreamsOfDifferentKeysShareNoNumbers()
    {
        List<RandomKey> keys = [.. Enum.GetValues<RandomPurpose>().Select(p => Key with { Purpose = p }), Key with { Seed = 43 },
            Key with { Seed = 42UL << 32 }, Key.At(4), Key.For(6), Key.For(-1)];
        HashSet<(uint, uint, uint, uint)> blocks = [];
        foreach (RandomKey key in keys)
            for (uint block = 0; block < 1000; block++)
                Assert.True(blocks.Add(Philox.Block(key, block)), $"{key} block {block} is in another stream");
        // No two purposes share a number.
        Assert.Equal(Enum.GetNames<RandomPurpose>().Length, Enum.GetValues<RandomPurpose>().Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(1000)]
    [InlineData(50000)]
    public void PermutationsHoldEveryNumberOnce(int count)
    {
        int[] order = Philox.Permutation(count, Key);
        Assert.Equal(Enumerable.Range(0, count), order.Order());
        Assert.Equal(order, Philox.Permutation(count, Key));
        if (count >= 1000)
            Assert.NotEqual(order, Philox.Permutation(count, Key.At(4)));
    }

    [Fact]
    public void AllPermutationsAreEquallyFrequent()
    {
        const int Trials = 24000;
        Dictionary<string, int> seen = [];
        for (uint trial = 0; trial < Trials; trial++)
        {
            string order = string.Join("", Philox.Permutation(4, Key.At(trial)));
            seen[order] = seen.GetValueOrDefault(order) + 1;
        }
        Assert.Equal(24, seen.Count);
        Assert.All(seen.Values, n => Assert.InRange(n, 1000 - 5 * 31, 1000 + 5 * 31));
    }
}
