namespace Ascl.Distributed;

/// <summary>A node of a <see cref="ShardTree"/>: a run of shards.</summary>
/// <param name="First">The first shard.</param>
/// <param name="Count">Number of shards; 1 for a leaf.</param>
public readonly record struct ShardNode(int First, int Count)
{
    /// <summary>The first half, rounded down.</summary>
    public ShardNode Left => new(First, Count / 2);

    /// <summary>The rest.</summary>
    public ShardNode Right => new(First + Count / 2, Count - Count / 2);
}

/// <summary>
/// The order in which values of shards are added: a binary tree that depends on the number of shards only, so that the sum has the same
/// bits for any number of ranks. Each rank has a contiguous run of shards and adds the complete subtrees in it.
/// </summary>
public sealed class ShardTree
{
    /// <param name="shards">Number of shards; at least as many as ranks.</param>
    /// <param name="ranks">Number of ranks.</param>
    public ShardTree(int shards, int ranks)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ranks, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, ranks);
        (Shards, Ranks) = (shards, ranks);
    }

    /// <summary>Number of shards.</summary>
    public int Shards { get; }

    /// <summary>Number of ranks.</summary>
    public int Ranks { get; }

    /// <summary>The whole tree.</summary>
    public ShardNode Root => new(0, Shards);

    /// <summary>The run of shards that a rank computes.</summary>
    public Range ShardsOf(int rank) => Part(Shards, rank, Ranks);

    /// <summary>The largest complete subtrees that make up a rank's shards, in order.</summary>
    public IReadOnlyList<ShardNode> NodesOf(int rank)
    {
        Range own = ShardsOf(rank);
        List<ShardNode> nodes = [];
        Cover(Root);
        return nodes;

        void Cover(ShardNode node)
        {
            int first = node.First, end = node.First + node.Count;
            if (end <= own.Start.Value || first >= own.End.Value)
                return;
            if (first >= own.Start.Value && end <= own.End.Value)
            {
                nodes.Add(node);
                return;
            }
            Cover(node.Left);
            Cover(node.Right);
        }
    }

    /// <summary>Part number <paramref name="part"/> of <paramref name="count"/> items in a row divided as evenly as possible.</summary>
    public static Range Part(int count, int part, int parts) => (int)((long)count * part / parts)..(int)((long)count * (part + 1) / parts);
}
