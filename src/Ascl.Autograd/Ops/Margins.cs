using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;

namespace Ascl.Autograd.Ops;

/// <summary>Attack losses of the largest logits.</summary>
public static class MarginOps
{
    /// <summary>The margin by which each row of logits [n, k] is misclassified: [n]. See <see cref="MarginLoss"/>.</summary>
    /// <param name="labels">[n].</param>
    /// <param name="targets">[n]: the wrong classes to compare with; null for the most likely one.</param>
    /// <exception cref="ShapeException">There are too few classes for the loss.</exception>
    public static Tensor Margin(this Tensor logits, MarginLoss loss, DeviceBuffer<int> labels, DeviceBuffer<int>? targets = null)
    {
        if (logits.Shape.Rank != 2)
            throw new ShapeException($"margin: logits [n, k] are needed, not {logits.Shape}");
        int n = logits.Shape[0], k = logits.Shape[1];
        Tensor losses = Tensor.Empty(logits.Device, new(n));
        MarginKernels.Forward(loss, n, k, logits.Data, labels, targets, losses.Data);
        return losses.Record("margin", (logits, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(logits);
            MarginKernels.Backward(loss, n, k, logits.Data, labels, targets, dy.Data, dx.Data);
            return dx;
        }
    }
}
