using System.Numerics.Tensors;

namespace Ascl.Distributed;

/// <summary>
/// Adds arrays of shards over all ranks in the fixed order of a <see cref="ShardTree"/>; every rank gets the sum. Rank j adds the j-th
/// segment of the arrays of all ranks and sends the result back, so each rank sends and receives about twice the array.
/// </summary>
public sealed unsafe class TreeSum
{
    private const int ResultTag = 3, FirstNodeTag = 4;

    /// <summary>Segments begin at multiples of this many floats (64 bytes).</summary>
    private const int Alignment = 16;

    private readonly Communicator communicator;
    private readonly ShardTree tree;
    private readonly int length, segment;
    private readonly Dictionary<ShardNode, float[]> received = [];

    /// <param name="communicator">The ranks.</param>
    /// <param name="tree">Which rank has which shards.</param>
    /// <param name="length">Floats in each array.</param>
    public TreeSum(Communicator communicator, ShardTree tree, int length)
    {
        (this.communicator, this.tree, this.length) = (communicator, tree, length);
        segment = (length + tree.Ranks - 1) / tree.Ranks;
        segment = (segment + Alignment - 1) / Alignment * Alignment;
        for (int rank = 0; rank < tree.Ranks; rank++)
            foreach (ShardNode node in rank == communicator.Rank ? [] : tree.NodesOf(rank))
                received[node] = NewArray(SegmentOf(communicator.Rank).Length);
    }

    /// <summary>An array that <see cref="Run"/> can send.</summary>
    public static float[] NewArray(int length) => GC.AllocateUninitializedArray<float>(length, pinned: true);

    /// <summary>Adds one array to another.</summary>
    public static void Add(Span<float> sum, ReadOnlySpan<float> array) => TensorPrimitives.Add(sum, array, sum);

    /// <summary>Leaves the sum over all shards in the first of the arrays and returns it; the others are overwritten. Collective.</summary>
    /// <param name="own">One array per node of this rank (<see cref="ShardTree.NodesOf"/>), from <see cref="NewArray"/>: the sum over the
    /// node's shards.</param>
    public float[] Run(IReadOnlyList<float[]> own)
    {
        IReadOnlyList<ShardNode> nodes = tree.NodesOf(communicator.Rank);
        if (own.Count != nodes.Count || own.Any(array => array.Length != length))
            throw new ArgumentException($"{nodes.Count} arrays of {length} floats are needed", nameof(own));
        var (start, count) = SegmentOf(communicator.Rank);
        if (tree.Ranks > 1)
            communicator.Exchange([.. Receives()], [.. Sends()]);
        Dictionary<ShardNode, Memory<float>> parts = received.ToDictionary(entry => entry.Key, entry => entry.Value.AsMemory());
        foreach (var (i, node) in nodes.Index())
            parts[node] = own[i].AsMemory(start, count);
        Memory<float> sum = SumOf(tree.Root, parts);
        float[] result = own[0];
        sum.CopyTo(result.AsMemory(start));
        if (tree.Ranks > 1)
            communicator.Exchange([.. communicator.Others().Select(rank => Result(rank, rank))],
                [.. communicator.Others().Select(rank => Result(rank, communicator.Rank))]);
        return result;

        Transfer Result(int rank, int part) => Of(rank, ResultTag, result, SegmentOf(part));

        IEnumerable<Transfer> Receives() => communicator.Others().SelectMany(rank => tree.NodesOf(rank)
            .Select(node => Of(rank, Tag(node), received[node], (0, count))));

        IEnumerable<Transfer> Sends() => communicator.Others().SelectMany(rank => nodes.Index()
            .Select(node => Of(rank, Tag(node.Item), own[node.Index], SegmentOf(rank))));
    }

    private static Memory<float> SumOf(ShardNode node, Dictionary<ShardNode, Memory<float>> parts)
    {
        if (parts.TryGetValue(node, out Memory<float> known))
            return known;
        Memory<float> left = SumOf(node.Left, parts), right = SumOf(node.Right, parts);
        Add(left.Span, right.Span);
        return left;
    }

    private (int Start, int Length) SegmentOf(int rank)
    {
        int start = Math.Min(length, rank * segment);
        return (start, Math.Min(length, start + segment) - start);
    }

    private int Tag(ShardNode node) => FirstNodeTag + node.First * (tree.Shards + 1) + node.Count;

    private static Transfer Of(int rank, int tag, float[] array, (int Start, int Length) part) =>
        new(rank, tag, Communicator.PinnedAddress(array) + part.Start * (nint)sizeof(float), part.Length * (long)sizeof(float));
}
