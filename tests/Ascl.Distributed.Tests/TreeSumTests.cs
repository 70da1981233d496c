namespace Ascl.Distributed.Tests;

/// <summary>Sums over shards: the same bits for any number of ranks.</summary>
public sealed class TreeSumTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(13)]
    public void TheSumHasTheSameBitsForAnyNumberOfRanks(int shards)
    {
        foreach (int length in new[] { 1, 15, 16, 17, 1000 })
        {
            float[] expected = Sum(0, shards, length);
            for (int ranks = 1; ranks <= shards; ranks++)
            {
                float[][] sums = new float[ranks][];
                ThreadCommunicator.Run(ranks, communicator =>
                {
                    ShardTree tree = new(shards, communicator.Size);
                    TreeSum sum = new(communicator, tree, length);
                    // Twice: the second must not see what is left of the first.
                    for (int round = 0; round < 2; round++)
                        sums[communicator.Rank] = sum.Run([.. tree.NodesOf(communicator.Rank).Select(node => Node(node, length))]);
                });
                Assert.All(sums, sum => Assert.Equal(Bits(expected), Bits(sum)));
            }
        }
    }

    [Fact]
    public void TheOrderOfAdditionMatters()
    {
        // What the test above could not tell apart would be no test: from left to right the sum has other bits.
        float[] left = Value(0, 1000);
        for (int shard = 1; shard < 8; shard++)
            TreeSum.Add(left, Value(shard, 1000));
        Assert.NotEqual(Bits(Sum(0, 8, 1000)), Bits(left));
    }

    [Theory]
    [InlineData(8, 3)]
    [InlineData(13, 5)]
    [InlineData(64, 64)]
    [InlineData(6, 1)]
    public void EveryShardBelongsToOneNodeOfOneRank(int shards, int ranks)
    {
        ShardTree tree = new(shards, ranks);
        List<int> covered = [];
        for (int rank = 0; rank < ranks; rank++)
        {
            int[] own = [.. tree.NodesOf(rank).SelectMany(node => Enumerable.Range(node.First, node.Count))];
            Range run = tree.ShardsOf(rank);
            Assert.Equal(Enumerable.Range(run.Start.Value, run.End.Value - run.Start.Value), own);
            covered.AddRange(own);
        }
        Assert.Equal(Enumerable.Range(0, shards), covered);
    }

    private static float[] Node(ShardNode node, int length)
    {
        float[] sum = TreeSum.NewArray(length);
        Sum(node.First, node.Count, length).CopyTo(sum, 0);
        return sum;
    }

    private static float[] Sum(int first, int count, int length)
    {
        if (count == 1)
            return Value(first, length);
        float[] left = Sum(first, count / 2, length), right = Sum(first + count / 2, count - count / 2, length);
        return [.. left.Zip(right, (a, b) => a + b)];
    }

    private static float[] Value(int shard, int length)
    {
        Random random = new(shard);
        return [.. Enumerable.Range(0, length).Select(_ => (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(24) - 12)))];
    }

    private static int[] Bits(float[] values) => [.. values.Select(BitConverter.SingleToInt32Bits)];
}
