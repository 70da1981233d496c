using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Training.Shards;

/// <summary>
/// The shards of each step's batch that this process computes. A batch of N images is cut into S shards of consecutive images, as evenly as
/// possible; what is computed depends on S, not on the number of processes.
/// </summary>
internal sealed class ShardGroup
{
    private readonly Dictionary<int, TreeSum> sums = [];
    private readonly ResidentBatches[] batches;

    /// <param name="model">That is trained.</param>
    /// <param name="communicator">The processes.</param>
    /// <param name="shards">Shards of a batch.</param>
    /// <exception cref="UserErrorException">There are more processes than shards.</exception>
    public ShardGroup(Classifier model, Communicator communicator, int shards)
    {
        if (communicator.Size > shards)
            throw new UserErrorException($"shards is {shards}, but there are {communicator.Size} processes: each needs at least one shard "
                + $"of every batch (shards {communicator.Size} or more)");
        Communicator = communicator;
        Tree = new(shards, communicator.Size);
        Own = Tree.ShardsOf(communicator.Rank);
        Count = Own.End.Value - Own.Start.Value;
        Statistics = new(model, Count);
        batches = [.. Enumerable.Range(0, Count).Select(_ => new ResidentBatches(model.Device))];
    }

    /// <summary>The processes.</summary>
    public Communicator Communicator { get; }

    /// <summary>Which process has which shards, and in what order they are added.</summary>
    public ShardTree Tree { get; }

    /// <summary>This process's shards.</summary>
    public Range Own { get; }

    /// <summary>Their number.</summary>
    public int Count { get; }

    /// <summary>BatchNorm's running statistics of this process's shards, by their index among them.</summary>
    public ShardStatistics Statistics { get; }

    /// <summary>The images of a shard on the device, valid until the shard of another step is asked for; null where it has none.</summary>
    /// <param name="plan">Of the epoch.</param>
    /// <param name="step">Of the epoch.</param>
    /// <param name="own">Index among this process's shards.</param>
    /// <param name="host">Reused.</param>
    public ImageBatch? Batch(BatchPlan plan, int step, int own, Batch host)
    {
        Range images = ShardTree.Part(plan.CountOf(step), Own.Start.Value + own, Tree.Shards);
        if (images.Start.Value == images.End.Value)
            return null;
        plan.Fill(step, images, host);
        return batches[own].Of(plan.Set, host);
    }

    /// <summary>Adds arrays of so many floats over all shards.</summary>
    public TreeSum SumOf(int length)
    {
        if (!sums.TryGetValue(length, out TreeSum? sum))
            sums[length] = sum = new(Communicator, Tree, length);
        return sum;
    }
}
