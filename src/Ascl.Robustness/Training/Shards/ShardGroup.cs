using System.Runtime.InteropServices;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
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
    private readonly Lockstep lockstep;

    /// <param name="model">That is trained.</param>
    /// <param name="communicator">The processes.</param>
    /// <param name="shards">Shards of a batch, at least as many as processes.</param>
    public ShardGroup(Classifier model, Communicator communicator, int shards)
    {
        Communicator = communicator;
        Tree = new(shards, communicator.Size);
        Own = Tree.ShardsOf(communicator.Rank);
        Count = Own.End.Value - Own.Start.Value;
        Statistics = new(model, Count);
        lockstep = new(model.Device, Exchange);
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

    /// <summary>Runs the passes of each shard that has images, with its own running statistics.</summary>
    /// <param name="has">Whether each of this process's shards has images.</param>
    /// <param name="isSynchronized">Whether BatchNorm uses the statistics of the whole batch; then collective.</param>
    /// <param name="keepsStatistics">Whether running statistics change.</param>
    /// <param name="passes">Given the index among this process's shards.</param>
    public void ForEach(IReadOnlyList<bool> has, bool isSynchronized, bool keepsStatistics, Action<int> passes)
    {
        int[] own = [.. Enumerable.Range(0, Count).Where(i => has[i])];
        IReadOnlyList<Action> updates = isSynchronized ? lockstep.Run(own.Length, k => passes(own[k])) : [];
        foreach (int i in own)
        {
            Statistics.Load(i);
            if (!isSynchronized)
                passes(i);
            foreach (Action update in updates)
                update();
            if (keepsStatistics)
                Statistics.Store(i);
        }
    }

    /// <summary>Returns the memory of synchronised passes, at the end of a step.</summary>
    public void EndStep() => lockstep.Release();

    /// <summary>The values of all shards of all processes, in order, given those of this process's shards.</summary>
    private float[][] Exchange(IReadOnlyList<float[]> own)
    {
        if (Communicator.Size == 1)
            return [.. own];
        float[] sent = [own.Count == 0 ? 0 : own[0].Length, .. own.SelectMany(values => values)];
        return [.. Communicator.Gather(MemoryMarshal.AsBytes(sent.AsSpan())).SelectMany(bytes =>
        {
            float[] received = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
            return received[0] == 0 ? [] : received[1..].Chunk((int)received[0]);
        })];
    }

    /// <summary>Adds arrays of so many floats over all shards.</summary>
    public TreeSum SumOf(int length)
    {
        if (!sums.TryGetValue(length, out TreeSum? sum))
            sums[length] = sum = new(Communicator, Tree, length);
        return sum;
    }
}
