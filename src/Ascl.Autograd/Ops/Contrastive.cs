using Ascl.Core.Diagnostics;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;

namespace Ascl.Autograd.Ops;

/// <summary>The supervised contrastive loss with selection.</summary>
public static class ContrastiveOps
{
    /// <summary>
    /// L_SCL of rows [n, d] (SPEC of ASCL, arXiv 2101.10027): one value. Rows are not normalised; see <see cref="RowOps.NormalizeRows"/>.
    /// </summary>
    /// <param name="rows">Natural latents, then adversarial ones.</param>
    /// <param name="labels">[n] classes.</param>
    /// <param name="predictions">[n] predicted classes: of the natural image for a natural row, of the adversarial image for an adversarial
    /// row.</param>
    /// <param name="strategy">Which pairs count.</param>
    /// <param name="distance">D in s_ij = −D/τ.</param>
    /// <param name="temperature">τ.</param>
    public static Tensor ContrastiveLoss(
        this Tensor rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions, PairSelection strategy, RowDistance distance,
        float temperature)
    {
        if (rows.Shape.Rank != 2)
            throw new ShapeException($"contrastive: rows [n, d] are needed, not {rows.Shape}");
        ContrastiveGeometry g = new(rows.Shape[0], rows.Shape[1], strategy, distance, temperature);
        Tensor loss = Tensor.Empty(rows.Device, new(1)), state = Tensor.Empty(rows.Device, new(g.StateLength));
        ContrastiveKernels.Forward(g, rows.Data, labels, predictions, loss.Data, state.Data);
        return loss.Record("contrastive", (rows, Backward));

        Tensor Backward(Tensor dy)
        {
            Tensor dx = Tensor.EmptyLike(rows);
            ContrastiveKernels.Backward(g, rows.Data, labels, predictions, state.Data, dy.Data, dx.Data);
            return dx;
        }
    }
}
