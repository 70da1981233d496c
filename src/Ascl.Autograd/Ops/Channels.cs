using Ascl.Core.Diagnostics;

namespace Ascl.Autograd.Ops;

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
    public static Tensor SelectChannels(IReadOnlyList<Tensor> parts, ReadOnlySpan<int> channels) => throw new NotSupportedException();

    /// <summary>All channels of activations [N, Cₖ, H, W], one part after another: [N, ΣCₖ, H, W].</summary>
    /// <exception cref="ShapeException">The parts' shapes do not fit.</exception>
    public static Tensor ConcatChannels(IReadOnlyList<Tensor> parts) =>
        SelectChannels(parts, [.. Enumerable.Range(0, parts.Sum(part => part.Shape[1]))]);

    /// <summary>Channels <paramref name="from"/>…<paramref name="from"/> + <paramref name="count"/> − 1 of an activation.</summary>
    /// <exception cref="ShapeException">x has no such channels.</exception>
    public static Tensor SliceChannels(this Tensor x, int from, int count) => SelectChannels([x], [.. Enumerable.Range(from, count)]);
}
