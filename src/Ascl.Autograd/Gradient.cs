using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Autograd;

/// <summary>
/// Reverse-mode differentiation as a function: asks for the gradients of an output with respect to some targets, walks only the paths between them,
/// and returns them. Nothing is stored in the tensors. An attack that asks for the gradient of its images therefore computes none of the weights'.
/// </summary>
public static class Gradient
{
    /// <summary>d output / d target for each target, in their order and layout. A target that the output does not depend on gets zeros.</summary>
    /// <param name="output">A tensor of one value.</param>
    /// <param name="targets">Leaves or results of ops.</param>
    public static Tensor[] Of(Tensor output, params ReadOnlySpan<Tensor> targets)
    {
        if (output.Shape.Length != 1)
            throw new ShapeException($"gradient: the output must be one value, not {output.Shape}; or give the gradient with respect to it");
        Tensor one = Tensor.Empty(output.Device, output.Shape);
        ElementwiseKernels.Fill(null, 1, one.Data);
        return Seeded(output, one, targets);
    }

    /// <summary>The gradients of Σ seed·output: <paramref name="seed"/> has the output's shape and layout.</summary>
    public static Tensor[] Seeded(Tensor output, Tensor seed, params ReadOnlySpan<Tensor> targets)
    {
        if (seed.Shape != output.Shape || seed.Layout != output.Layout)
            throw new ShapeException($"gradient: seed {seed.Shape} for output {output.Shape}");
        HashSet<Tensor> wanted = [.. targets];
        List<Tensor> path = PathTo(output, wanted);
        HashSet<Tensor> onPath = [.. path];
        Pending pending = new(output.Device.Pool, Tensor.Latest);
        Dictionary<Tensor, int> missing = [];
        foreach (Tensor tensor in path)
            foreach (Edge edge in tensor.Edges)
                missing[edge.Input] = missing.GetValueOrDefault(edge.Input) + 1;
        if (onPath.Contains(output))
            pending.Add(output, seed);
        Dictionary<Tensor, Tensor> results = [];
        for (int i = path.Count - 1; i >= 0; i--)
        {
            Tensor tensor = path[i];
            if (!pending.Take(tensor, out Tensor? dy, out bool masked))
                continue;
            foreach (Edge edge in tensor.Edges)
            {
                Tensor input = edge.Input;
                bool last = --missing[input] == 0;
                if (!onPath.Contains(input))
                    continue;
                if (!edge.Fuses)
                {
                    pending.Add(input, edge.Vjp(dy, new(masked)));
                    continue;
                }
                // A gradient that was asked for is given whole, not masked.
                Tensor? gate = last && input.Rectified && !wanted.Contains(input) ? input : null;
                pending.Replace(input, edge.Vjp(dy, new(masked, pending.SumOf(input), gate)), gate is not null);
            }
            if (wanted.Contains(tensor))
                results[tensor] = dy;
            else
                pending.Release(dy);
        }
        Tensor[] gradients = new Tensor[targets.Length];
        for (int i = 0; i < targets.Length; i++)
            gradients[i] = results.TryGetValue(targets[i], out Tensor? gradient) ? gradient : Zeros(targets[i]);
        return gradients;
    }

    /// <summary>The tensors between output and targets, in the order of their making.</summary>
    private static List<Tensor> PathTo(Tensor output, HashSet<Tensor> targets)
    {
        HashSet<Tensor> seen = [output];
        Stack<Tensor> open = new([output]);
        while (open.TryPop(out Tensor? tensor))
            foreach (Edge edge in tensor.Edges)
                if (seen.Add(edge.Input))
                    open.Push(edge.Input);
        HashSet<Tensor> onPath = [];
        List<Tensor> path = [];
        foreach (Tensor tensor in seen.OrderBy(t => t.Order))
            if (targets.Contains(tensor) || tensor.Edges.Any(e => onPath.Contains(e.Input)))
            {
                onPath.Add(tensor);
                path.Add(tensor);
            }
        return path;
    }

    private static Tensor Zeros(Tensor like)
    {
        Tensor zeros = Tensor.EmptyLike(like);
        ElementwiseKernels.Fill(null, 0, zeros.Data);
        return zeros;
    }

    /// <summary>Gradients that are still being summed. Memory goes back to the pool as soon as nothing refers to it: an op may hand its own dy on
    /// to an input, so buffers are counted. The walk owns what was made since it began, and writes and returns nothing else: a tensor that an op kept from
    /// before, or the seed, stays what it is.</summary>
    /// <param name="before">The number of the last tensor made before the walk.</param>
    private sealed class Pending(BufferPool pool, long before)
    {
        private readonly Dictionary<Tensor, Tensor> sums = [];
        private readonly HashSet<Tensor> masked = [];
        private readonly Dictionary<DeviceBuffer<float>, int> uses = [];

        public Tensor? SumOf(Tensor tensor) => sums.GetValueOrDefault(tensor);

        /// <summary>The new sum of a tensor, computed from the old one, and whether its ReLU's mask is in it.</summary>
        public void Replace(Tensor tensor, Tensor sum, bool isMasked)
        {
            Use(tensor, sum);
            if (sums.TryGetValue(tensor, out Tensor? old))
                Release(old);
            sums[tensor] = sum;
            if (isMasked)
                masked.Add(tensor);
        }

        public void Add(Tensor tensor, Tensor gradient)
        {
            Use(tensor, gradient);
            if (!sums.TryGetValue(tensor, out Tensor? sum))
            {
                sums[tensor] = gradient;
                return;
            }
            // In place where one of the two is nobody else's.
            Tensor total = uses[sum.Data] == 1 ? sum : uses[gradient.Data] == 1 ? gradient : Tensor.EmptyLike(sum);
            ElementwiseKernels.Add(sum.Data, gradient.Data, total.Data);
            sums[tensor] = total;
            if (total != sum && total != gradient)
                uses[total.Data] = 1;
            foreach (Tensor part in new[] { sum, gradient })
                if (part != total)
                    Release(part);
        }

        private void Use(Tensor tensor, Tensor gradient)
        {
            if (gradient.Shape != tensor.Shape || gradient.Layout != tensor.Layout)
                throw new ShapeException($"gradient of {tensor}: {gradient.Layout} {gradient.Shape} for {tensor.Layout} {tensor.Shape}");
            if (gradient.IsGone)
                throw new InvalidOperationException($"gradient of {tensor}: the op gave a tensor whose memory has other values by now: the walk over the graph owns a gradient that is made in it, so an op that keeps one keeps a copy (Tensor.FromArray)");
            // One use more than there are: it never comes to be the walk's.
            if (!uses.TryGetValue(gradient.Data, out int count) && gradient.Order <= before)
                count = 1;
            uses[gradient.Data] = count + 1;
        }

        /// <summary>The finished sum of a tensor, and whether its ReLU's mask is in it; the caller releases it.</summary>
        public bool Take(Tensor tensor, out Tensor gradient, out bool isMasked)
        {
            isMasked = masked.Contains(tensor);
            return sums.Remove(tensor, out gradient!);
        }

        public void Release(Tensor gradient)
        {
            if (--uses[gradient.Data] > 0)
                return;
            uses.Remove(gradient.Data);
            pool.Return(gradient.Data);
        }
    }
}
