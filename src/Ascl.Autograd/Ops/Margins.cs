using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;

namespace Ascl.Autograd.Ops;

/// <summary>Losses of attacks made of the largest logits.</summary>
public static class MarginOps
{
    /// <summary>How far each row [k] of logits is beyond being wrong: [n].</summary>
    /// <param name="labels">[n].</param>
    /// <param name="targets">[n] the wrong classes that are compared; null for the most likely one.</param>
    /// <exception cref="ShapeException">The loss is not defined for so few classes.</exception>
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
