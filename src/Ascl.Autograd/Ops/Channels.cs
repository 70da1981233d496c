using Ascl.Core.Diagnostics;
using Ascl.Kernels.Channels;
using Ascl.Kernels.Layout;

namespace Ascl.Autograd.Ops;

/// <summary>The op of <see cref="ChannelOps.SelectChannels"/>. Its inputs are the parts.</summary>
/// <param name="Channels">Indices into the parts' channels, one part after another.</param>
public sealed record SelectChannelsOp(IReadOnlyList<int> Channels) : Op("select_channels");

/// <summary>Channels of activations put together, taken apart and in another order.</summary>
public static class ChannelOps
{
    /// <summary>
    /// Channels out of several activations: channel i of the result is channel <paramref name="channels"/>[i] of the parts' channels, one
    /// part after another. A channel may be used several times, or not at all.
    /// </summary>
    /// <param name="parts">Activations [N, Cₖ, H, W].</param>
    /// <param name="channels">Indices into the parts' channels, 0…ΣCₖ − 1.</param>
    /// <returns>An activation [N, channels.Length, H, W].</returns>
    /// <exception cref="ShapeException">The parts' shapes do not fit, or an index is out of range.</exception>
    public static Tensor SelectChannels(IReadOnlyList<Tensor> parts, ReadOnlySpan<int> channels)
    {
        if (parts.Count == 0 || channels.Length == 0)
            throw new ShapeException($"select_channels: {channels.Length} channels of {parts.Count} activations");
        Shape shape = parts[0].Shape;
        foreach (Tensor part in parts)
            if (part.Layout != TensorLayout.Activation || (part.Shape[0], part.Shape[2], part.Shape[3]) != (shape[0], shape[2], shape[3]))
                throw new ShapeException("select_channels: activations of equal N, H and W are needed, not "
                    + string.Join(", ", parts.Select(p => $"{p.Layout} {p.Shape}")));
        Tensor y = Tensor.Empty(parts[0].Device, new(shape[0], channels.Length, shape[2], shape[3]), TensorLayout.Activation);
        ChannelKernels.Select([.. parts.Select(part => new ActivationPart(part.ActivationLayout, part.Data))], channels, y.ActivationLayout,
            y.Data);
        int[] selected = [.. channels];
        Edge[] edges = new Edge[parts.Count];
        for (int k = 0, first = 0; k < edges.Length; first += parts[k++].Shape[1])
            edges[k] = To(parts[k], first);
        return y.Record(new SelectChannelsOp(selected), edges);

        Edge To(Tensor part, int first)
        {
            return (part, Backward);

            Tensor Backward(Tensor dy)
            {
                Tensor dx = Tensor.EmptyLike(part);
                ChannelKernels.SelectBackward(new(dy.ActivationLayout, dy.Data), selected, first, part.ActivationLayout, dx.Data);
                return dx;
            }
        }
    }

    /// <summary>All channels of activations [N, Cₖ, H, W], one part after another: [N, ΣCₖ, H, W].</summary>
    /// <exception cref="ShapeException">The parts' shapes do not fit.</exception>
    public static Tensor ConcatChannels(IReadOnlyList<Tensor> parts) =>
        SelectChannels(parts, [.. Enumerable.Range(0, parts.Sum(part => part.ActivationLayout.C))]);

    /// <summary>Channels <paramref name="from"/>…<paramref name="from"/> + <paramref name="count"/> − 1 of an activation.</summary>
    /// <exception cref="ShapeException">x has no such channels, or is not an activation.</exception>
    public static Tensor SliceChannels(this Tensor x, int from, int count) =>
        from >= 0 && count > 0 && from <= x.ActivationLayout.C - count
            ? SelectChannels([x], [.. Enumerable.Range(from, count)])
            : throw new ShapeException($"slice_channels: channels {from}…{from + (long)count - 1} of {x.Shape}");
}
