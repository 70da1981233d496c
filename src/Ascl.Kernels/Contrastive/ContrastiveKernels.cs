using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// The supervised contrastive loss with selection (ASCL, arXiv 2101.10027; SPEC §1), with similarity, selection and loss fused: s_ij =
/// −D(h_i, h_j)/τ, ℓ_i = −(1/max(1,|P_i|)) Σ_{j∈P_i} log(exp s_ij / Σ_{k∈P_i∪N_i} exp s_ik), L = (1/n) Σ_i ℓ_i, where i itself is never
/// counted. An anchor without positives contributes 0. The n×n similarities are never stored.
/// </summary>
public static unsafe class ContrastiveKernels
{
    /// <summary>The loss over all rows.</summary>
    /// <param name="rows">[Rows, Dimension], compared without normalisation.</param>
    /// <param name="labels">[Rows] classes y.</param>
    /// <param name="predictions">[Rows] predicted classes ŷ.</param>
    /// <param name="loss">[1] receives L; NaN if a row is not finite.</param>
    /// <param name="state">[<see cref="ContrastiveGeometry.StateLength"/>] receives what <see cref="Backward"/> needs.</param>
    public static void Forward(
        ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions, DeviceBuffer<float> loss,
        DeviceBuffer<float> state)
    {
        Check("contrastive.forward", g, rows, labels, predictions, state);
        CheckLength("contrastive.forward", "loss", loss.Length, 1, g);
        DeviceKernel.Run("contrastive.forward", g, 2.0 * g.Rows * g.Rows * g.Dimension, 4.0 * g.Rows * g.Dimension,
            cpu => ContrastiveCpu.Of(g.Strategy, g.Distance)
            .Forward(cpu, g, CpuDevice.Pointer(rows), Groups(labels, predictions), CpuDevice.Pointer(loss), CpuDevice.Pointer(state)),
            cuda => ContrastiveCuda.Of(g.Strategy, g.Distance).Forward(cuda, g, rows, labels, predictions, loss, state),
            loss, state);
    }

    /// <summary>
    /// Gradient of the loss with respect to the rows. It is 0 where a distance has no derivative (l1 and linf at equal coordinates, l2 at
    /// distance 0); coordinates tied at the linf maximum, or not below an lkinf's tenth that is tied, share its gradient evenly.
    /// </summary>
    /// <param name="state">The state that <see cref="Forward"/> saved for the same rows.</param>
    /// <param name="dLoss">[1] gradient with respect to L.</param>
    /// <param name="dRows">[Rows, Dimension] receives the gradient.</param>
    public static void Backward(
        ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions, DeviceBuffer<float> state,
        DeviceBuffer<float> dLoss, DeviceBuffer<float> dRows)
    {
        Check("contrastive.backward", g, rows, labels, predictions, state);
        CheckLength("contrastive.backward", "dLoss", dLoss.Length, 1, g);
        CheckLength("contrastive.backward", "dRows", dRows.Length, (long)g.Rows * g.Dimension, g);
        DeviceKernel.Run("contrastive.backward", g, 6.0 * g.Rows * g.Rows * g.Dimension, 8.0 * g.Rows * g.Dimension,
            cpu => ContrastiveCpu.Of(g.Strategy, g.Distance)
            .Backward(cpu, g, CpuDevice.Pointer(rows), Groups(labels, predictions), CpuDevice.Pointer(state), *CpuDevice.Pointer(dLoss),
                CpuDevice.Pointer(dRows)),
            cuda => ContrastiveCuda.Of(g.Strategy, g.Distance).Backward(cuda, g, rows, labels, predictions, state, dLoss, dRows),
            dRows);
    }

    /// <summary>|P_i| and |N_i| of every anchor.</summary>
    public static (int[] Positives, int[] Negatives) CountPairsOfEach(
        PairSelection strategy, DeviceBuffer<int> labels, DeviceBuffer<int> predictions)
    {
        const string name = "contrastive.count_pairs";
        if (labels.Length != predictions.Length)
            throw new ShapeException($"{name}: {labels.Length} labels, {predictions.Length} predictions");
        return DeviceKernel.ReadBack(name, strategy, 0, 8.0 * labels.Length,
            cpu => CountPairsCpu(cpu, strategy, labels, predictions),
            cuda => ContrastiveCuda.Of(strategy, RowDistance.Dot).CountPairs(cuda, labels, predictions),
            labels, predictions);
    }

    private static (int[] Positives, int[] Negatives) CountPairsCpu(
        CpuDevice device, PairSelection strategy, DeviceBuffer<int> labels, DeviceBuffer<int> predictions)
    {
        RowGroups groups = Groups(labels, predictions);
        var (positives, negatives) = ContrastiveCpu.Of(strategy, RowDistance.Dot).CountPairs(device, groups);
        (int[] Positives, int[] Negatives) each = (new int[labels.Length], new int[labels.Length]);
        for (int i = 0; i < labels.Length; i++)
            (each.Positives[groups.Order[i]], each.Negatives[groups.Order[i]]) = (positives[groups.Group[i]], negatives[groups.Group[i]]);
        return each;
    }

    private static RowGroups Groups(DeviceBuffer<int> labels, DeviceBuffer<int> predictions) =>
        new(CpuDevice.ReadSpan(labels), CpuDevice.ReadSpan(predictions));

    private static void Check(
        string name, ContrastiveGeometry g, DeviceBuffer<float> rows, DeviceBuffer<int> labels, DeviceBuffer<int> predictions,
        DeviceBuffer<float> state)
    {
        if (g.Rows < 1 || g.Dimension < 1)
            throw new ShapeException($"{name}: needs at least one row of one coordinate, given {g}");
        if (!(g.Temperature > 0) || !float.IsFinite(1 / g.Temperature))
            throw new ArgumentException($"{name}: the temperature must be above 0, given {g}");
        CheckLength(name, "rows", rows.Length, (long)g.Rows * g.Dimension, g);
        CheckLength(name, "labels", labels.Length, g.Rows, g);
        CheckLength(name, "predictions", predictions.Length, g.Rows, g);
        CheckLength(name, "state", state.Length, g.StateLength, g);
    }

    private static void CheckLength(string name, string buffer, int length, long expected, ContrastiveGeometry g)
    {
        if (length != expected)
            throw new ShapeException($"{name}: {buffer} has {length} values, {g} needs {expected}");
    }
}
