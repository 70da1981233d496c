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

    /// <summary>b·p_t − a·p_y of each row of logits [n, k], with p = softmax and t the most likely class other than the label y: [n]. See
    /// <see cref="ProbabilityMarginKernels"/>.</summary>
    /// <param name="labels">[n].</param>
    /// <param name="own">a.</param>
    /// <param name="other">b.</param>
    /// <exception cref="ShapeException">There are fewer than two classes.</exception>
    public static Tensor ProbabilityMargin(this Tensor logits, DeviceBuffer<int> labels, float own = 1, float other = 1)
    {
        if (logits.Shape.Rank != 2)
            throw new ShapeException($"probability_margin: logits [n, k] are needed, not {logits.Shape}");
        int n = logits.Shape[0], k = logits.Shape[1];
        Tensor losses = Tensor.Empty(logits.Device, new(n));
        ProbabilityMarginKernels.Forward(n, k, own, other, logits.Data, labels, losses.Data);
        return losses.Record("probability_margin", (logits, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(logits);
            ProbabilityMarginKernels.Backward(n, k, own, other, logits.Data, labels, dy.Data, dx.Data);
            return dx;
        }
    }
}
