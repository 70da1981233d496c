using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Elementwise;

namespace Ascl.Autograd;

/// <summary>
/// Reverse-mode differentiation as a function: returns the gradients of an output with respect to given targets, and walks only the paths
/// between them. Nothing is accumulated in the tensors. An attack that needs the gradient of its images thus computes no weight gradients.
/// </summary>
public static class Gradient
{
    /// <summary>
    /// d output / d target for each target, in the targets' order and layout; zeros for a target that the output does not depend on.
    /// </summary>
    /// <param name="output">A tensor of one value.</param>
    /// <param name="targets">Leaves or results of ops that require gradients. For the gradient of images:
    /// <c>Tensor x = images.Detach(requiresGrad: true)</c>, the loss of x, and <c>Gradient.Of(loss, x)</c>.</param>
    /// <exception cref="ArgumentException">A target does not require gradients.</exception>
    /// <exception cref="ShapeException">The output is not one value.</exception>
    public static Tensor[] Of(Tensor output, params ReadOnlySpan<Tensor> targets)
    {
        if (output.Shape.Length != 1)
            throw new ShapeException(
                $"gradient: the output must be one value, not {output.Shape}; or give the gradient with respect to it");
        Tensor one = Tensor.Empty(output.Device, output.Shape);
        ElementwiseKernels.Fill(null, 1, one.Data);
        return Seeded(output, one, targets);
    }

    /// <summary>The gradients of Σ seed·output with respect to each target.</summary>
    /// <param name="output">Any tensor.</param>
    /// <param name="seed">The gradient with respect to the output, in its shape and layout.</param>
    /// <param name="targets">Leaves or results of ops that require gradients.</param>
    /// <exception cref="ArgumentException">A target does not require gradients.</exception>
    /// <exception cref="ShapeException">The seed's shape or layout differs from the output's.</exception>
    public static Tensor[] Seeded(Tensor output, Tensor seed, params ReadOnlySpan<Tensor> targets)
    {
        if (seed.Shape != output.Shape || seed.Layout != output.Layout)
            throw new ShapeException($"gradient: seed {seed.Shape} for output {output.Shape}");
        for (int i = 0; i < targets.Length; i++)
            if (!targets[i].RequiresGrad)
            {
                throw new ArgumentException(
                    $"gradient: target {i} {targets[i].Shape} does not require gradients: use Detach(requiresGrad: true)");
            }
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
                // A requested gradient is returned unmasked.
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

    /// <summary>The tensors on paths from the output to the targets, in order of creation.</summary>
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

    /// <summary>
    /// Gradients that are still being summed. Buffers are reference-counted, since an op may pass its dy on to an input, and return to the
    /// pool when unused. The walk owns only tensors created since it began: it never writes to or releases an older one, such as the seed
    /// or a tensor that an op kept.
    /// </summary>
    /// <param name="before">The number of the last tensor created before the walk.</param>
    private sealed class Pending(BufferPool pool, long before)
    {
        private readonly Dictionary<Tensor, Tensor> sums = [];
        private readonly HashSet<Tensor> masked = [];
        private readonly Dictionary<DeviceBuffer<float>, int> uses = [];

        public Tensor? SumOf(Tensor tensor) => sums.GetValueOrDefault(tensor);

        /// <summary>Replaces a tensor's sum by one computed from it.</summary>
        /// <param name="isMasked">Whether the new sum is masked by the tensor's ReLU.</param>
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
            // In place if one of the two has no other use.
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
                throw new InvalidOperationException(
                    $"gradient of {tensor}: the op returned a tensor whose memory has been reused; the backward walk owns the gradients "
                    + "that are made in it, so an op that keeps one keeps a copy (Tensor.FromArray)");
            // An older tensor gets one extra use, so that the walk never owns it.
            if (!uses.TryGetValue(gradient.Data, out int count) && gradient.Order <= before)
                count = 1;
            uses[gradient.Data] = count + 1;
        }

        /// <summary>Removes the finished sum of a tensor, which the caller releases.</summary>
        /// <param name="isMasked">Whether the sum is masked by the tensor's ReLU.</param>
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
