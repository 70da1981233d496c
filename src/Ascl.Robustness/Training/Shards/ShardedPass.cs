using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Training.Shards;

/// <summary>A shard of a step's batch.</summary>
/// <param name="Batch">Its natural images.</param>
/// <param name="Start">Where the attack began; null for an objective without a memory.</param>
/// <param name="Adversarial">Crafted from them; null for an objective without attack.</param>
/// <param name="HelperLabels">Labels of its helper images; null for an objective without them.</param>
internal sealed record Shard(ImageBatch Batch, Tensor? Start, Tensor? Adversarial, DeviceBuffer<int>? HelperLabels);

/// <summary>
/// The passes of a step whose batch is cut into shards. Each shard passes through the network as a batch of its own. Latents, logits and
/// labels of all shards are gathered, and every process computes the loss of the whole batch and its gradient with respect to those rows:
/// so every term sees all rows, and means are over the whole batch. Each shard takes its rows' gradient back through the network; the
/// parameters' gradients are added over the shards in a fixed tree (<see cref="TreeSum"/>), running statistics averaged with them.
/// </summary>
/// <param name="model">In training.</param>
/// <param name="objective">Of the training.</param>
/// <param name="group">Which shards this process computes.</param>
/// <param name="shards">Those shards, in order; null for one without images.</param>
/// <param name="images">In the whole batch, not counting views.</param>
/// <param name="views">Of each image.</param>
/// <param name="isSynchronized">Whether BatchNorm uses the statistics of the whole batch.</param>
/// <param name="classMeans">Of the previous epoch; null for objectives without them.</param>
internal sealed class ShardedPass(Classifier model, IObjective objective, ShardGroup group, IReadOnlyList<Shard?> shards, int images,
    int views, bool isSynchronized, Tensor? classMeans)
{
    /// <summary>Outputs of the whole batch, the loss terms, and the gradients of their sum. Collective.</summary>
    /// <param name="targets">The parameters to take gradients of.</param>
    /// <param name="keepsStatistics">Whether running statistics change.</param>
    public PassResult Run(Tensor[] targets, bool keepsStatistics)
    {
        // A frozen encoder's statistics stay as they are, to the bit.
        keepsStatistics &= objective.Trains != TrainedLayers.Head;
        bool[] has = [.. shards.Select(shard => shard is not null)];
        StepOutputs[] outputs = new StepOutputs[shards.Count];
        group.ForEach(has, isSynchronized, keepsStatistics, i => outputs[i] = WholePass.Forward(model, objective,
            shards[i]!.Batch.Images.Shape, shards[i]!.Batch.Images.Data, shards[i]!.Start?.Data,
            shards[i]!.Adversarial?.Data));
        ShardRows rows = ShardRows.Gather(group, model.Device, images, views,
            [.. shards.Zip(outputs).Where(shard => shard.First is not null).Select(shard => (shard.First!, shard.Second))], Widths());
        ObjectiveInput input = rows.Outputs.Input(rows.Labels, rows.HelperLabels, classMeans, model.Project);
        IReadOnlyList<LossTerm> terms = LossTerms.Of(objective, input);
        Tensor total = terms.Total();
        HashSet<Tensor> reached = ReachedFrom(total);
        // The rows, and parameters that the loss depends on without the network, such as the projection head's.
        Tensor[] leaves = [.. rows.Outputs.InOrder.OfType<ModelOutput>().SelectMany(Tensors).Where(reached.Contains)];
        Tensor[] direct = [.. targets.Where(reached.Contains)];
        Tensor[] gradients = Gradient.Of(total, [.. leaves, .. direct]);
        Dictionary<Tensor, float[]> seeds = leaves.Zip(gradients).ToDictionary(pair => pair.First, pair => pair.Second.ToArray());

        int parameters = targets.Sum(target => target.Shape.Length), statistics = keepsStatistics ? group.Statistics.Length : 0;
        // Synchronised passes of all shards have to go backward together; others one by one, with less memory.
        float[]?[] together = new float[shards.Count][];
        if (isSynchronized)
            group.ForEach(has, isSynchronized, keepsStatistics: false, i => together[i] = Leaf(i));
        TreeSum sum = group.SumOf(parameters + statistics);
        float[] summed = sum.Run([.. group.Tree.NodesOf(group.Communicator.Rank).Select(Node)]);
        if (keepsStatistics)
            group.Statistics.SetMean(summed.AsSpan(parameters), Math.Min(images, group.Tree.Shards));
        return new(input, terms, [.. Unpacked(summed, targets, direct.Zip(gradients.Skip(leaves.Length)).ToDictionary())]);

        float[] Node(ShardNode node)
        {
            if (node.Count == 1)
                return together[node.First - group.Own.Start.Value] ?? Leaf(node.First - group.Own.Start.Value);
            float[] left = Node(node.Left);
            TreeSum.Add(left, Node(node.Right));
            return left;
        }

        float[] Leaf(int own)
        {
            float[] values = TreeSum.NewArray(parameters + statistics);
            if (shards[own] is null)
            {
                Array.Clear(values);
                return values;
            }
            Backward(own, outputs[own], rows, seeds, targets, values);
            if (statistics > 0)
                group.Statistics.CopyTo(own, values.AsSpan(parameters));
            return values;
        }
    }

    /// <summary>Writes the gradients of the parameters on a shard's images one after another.</summary>
    private void Backward(int own, StepOutputs outputs, ShardRows rows, Dictionary<Tensor, float[]> seeds, Tensor[] targets,
        Span<float> values)
    {
        using IDisposable scope = model.Device.Pool.BeginScope();
        Tensor? total = null;
        foreach (var (whole, part) in rows.Outputs.InOrder.Zip(outputs.InOrder))
            foreach (var (of, output) in whole is null ? [] : Tensors(whole).Zip(Tensors(part!)))
                if (seeds.TryGetValue(of, out float[]? seed))
                {
                    // Its gradient with respect to the output is the seed.
                    Tensor product = output.Multiply(rows.Slice(seed, of.Shape[1], group.Own.Start.Value + own)).Sum();
                    total = total?.Add(product) ?? product;
                }
        values.Clear();
        foreach (Tensor gradient in total is null ? [] : Gradient.Of(total, targets))
        {
            gradient.Data.CopyTo(values[..gradient.Shape.Length]);
            values = values[gradient.Shape.Length..];
        }
    }

    private static IEnumerable<Tensor> Unpacked(float[] summed, Tensor[] targets, Dictionary<Tensor, Tensor> direct)
    {
        int at = 0;
        foreach (Tensor target in targets)
        {
            Tensor gradient = Tensor.EmptyLike(target);
            gradient.Data.CopyFrom(summed.AsSpan(at, target.Shape.Length));
            at += target.Shape.Length;
            if (direct.TryGetValue(target, out Tensor? own))
                ElementwiseKernels.Add(gradient.Data, own.Data, gradient.Data);
            yield return gradient;
        }
    }

    /// <summary>Columns of the latents and logits of natural, starting, adversarial and helper images; a process without images knows
    /// them too.</summary>
    private int[] Widths()
    {
        bool[] has =
            [objective.NeedsNatural, objective.Memory is not null, objective.Attack is not null, objective.HelperReach is not null];
        return [.. has.SelectMany(has => has ? new[] { model.LatentSize, model.Spec.Classes } : [0, 0])];
    }

    private static Tensor[] Tensors(ModelOutput output) => [output.Latent, output.Logits];

    /// <summary>Everything that a tensor is computed from.</summary>
    private static HashSet<Tensor> ReachedFrom(Tensor output)
    {
        HashSet<Tensor> reached = [output];
        Stack<Tensor> open = new([output]);
        while (open.TryPop(out Tensor? tensor))
            foreach (Tensor input in tensor.Inputs)
                if (reached.Add(input))
                    open.Push(input);
        return reached;
    }
}
