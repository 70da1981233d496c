using System.Runtime.InteropServices;
using Ascl.Autograd;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;

namespace Ascl.Robustness.Training.Shards;

/// <summary>
/// The rows that an objective compares over the whole batch (labels, latents, logits), put together from the shards of all processes, and
/// the way back for their gradients. A shard's rows are its first views, then its second ones; the batch's are all first views, then all
/// second ones.
/// </summary>
internal sealed class ShardRows
{
    private readonly Device device;
    private readonly int images, views, shards;

    private ShardRows(Device device, int images, int views, int shards) =>
        (this.device, this.images, this.views, this.shards) = (device, images, views, shards);

    /// <summary>Labels of the whole batch.</summary>
    public required DeviceBuffer<int> Labels { get; init; }

    /// <summary>Labels of the helper images of the whole batch; null where there are none.</summary>
    public required DeviceBuffer<int>? HelperLabels { get; init; }

    /// <summary>Outputs on the whole batch, as leaves.</summary>
    public required StepOutputs Outputs { get; init; }

    /// <summary>Puts the rows of all shards together. Collective.</summary>
    /// <param name="group">The processes.</param>
    /// <param name="device">Of the tensors.</param>
    /// <param name="images">Of the whole batch, not counting views.</param>
    /// <param name="views">Of each image.</param>
    /// <param name="own">This process's shards that have images, and the outputs on them.</param>
    /// <param name="widths">Columns of the latents and logits of natural, starting, adversarial and helper images; 0 for outputs that no
    /// shard has.</param>
    public static ShardRows Gather(ShardGroup group, Device device, int images, int views,
        IReadOnlyList<(Shard Shard, StepOutputs Outputs)> own, int[] widths)
    {
        List<float> sent = [];
        foreach (var (shard, outputs) in own)
        {
            sent.AddRange(shard.Batch.Labels.ToArray().Select(label => (float)label));
            sent.AddRange((shard.HelperLabels?.ToArray() ?? []).Select(label => (float)label));
            foreach (ModelOutput? output in outputs.InOrder)
                sent.AddRange([.. output?.Latent.ToArray() ?? [], .. output?.Logits.ToArray() ?? []]);
        }
        byte[][] all = group.Communicator.Gather(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(sent)));
        float[] received = [.. all.SelectMany(bytes => MemoryMarshal.Cast<byte, float>(bytes).ToArray())];
        bool hasHelper = widths[^1] > 0;
        int[] columns = [1, hasHelper ? 1 : 0, .. widths];
        float[][] whole = [.. columns.Select(width => new float[images * views * width])];
        int at = 0;
        for (int shard = 0; shard < group.Tree.Shards; shard++)
            foreach (var (k, width) in columns.Index())
                foreach (Range rows in RowsOf(shard, images, views, group.Tree.Shards))
                {
                    int length = (rows.End.Value - rows.Start.Value) * width;
                    received.AsSpan(at, length).CopyTo(whole[k].AsSpan(rows.Start.Value * width));
                    at += length;
                }
        return new(device, images, views, group.Tree.Shards)
        {
            Labels = Integers(0),
            HelperLabels = hasHelper ? Integers(1) : null,
            Outputs = new(Output(2), Output(4), Output(6), Output(8)),
        };

        DeviceBuffer<int> Integers(int k) => device.Upload<int>([.. whole[k].Select(label => (int)label)]);

        ModelOutput? Output(int first) => columns[first] == 0 ? null : new(Leaf(first), Leaf(first + 1));

        Tensor Leaf(int k) => Tensor.FromArray(device, new(images * views, columns[k]), whole[k], requiresGrad: true);
    }

    /// <summary>The rows of a shard, of a tensor of the whole batch.</summary>
    public Tensor Slice(float[] rows, int width, int shard)
    {
        float[] own = [.. RowsOf(shard, images, views, shards)
            .SelectMany(range => rows[(range.Start.Value * width)..(range.End.Value * width)])];
        return Tensor.FromArray(device, new(own.Length / width, width), own);
    }

    /// <summary>The rows of each view of a shard.</summary>
    private static IEnumerable<Range> RowsOf(int shard, int images, int views, int shards)
    {
        Range part = ShardTree.Part(images, shard, shards);
        for (int view = 0; view < views; view++)
            yield return (view * images + part.Start.Value)..(view * images + part.End.Value);
    }
}
