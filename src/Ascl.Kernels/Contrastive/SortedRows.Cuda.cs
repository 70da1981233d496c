using Ascl.Kernels.Cuda;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// The per-row work around the tiles. Before: rows are sorted by (prediction, label, index), as in <see cref="RowGroups"/>, so that
/// strategies that require equal predictions leave most tiles empty. After: results are scattered back to the rows' original order.
/// </summary>
internal static class SortedRows
{
    internal struct SortArguments
    {
        public ArrayView<int> Labels, Predictions;

        /// <summary>The row at each sorted position, and its label and prediction.</summary>
        public ArrayView<int> Order, SortedLabels, SortedPredictions;

        /// <summary>|P_i| and |N_i| of each row, unsorted.</summary>
        public ArrayView<int> Positives, Negatives;
    }

    /// <summary>
    /// A thread owns a row and compares it with all others: its position is the number of rows before it. The rows² integer comparisons are
    /// negligible next to the distances.
    /// </summary>
    internal static void Sort<TRule>(SortArguments p) where TRule : struct, IPairRule
    {
        ArrayView<int> labels = SharedMemory.Allocate<int>(CudaDevice.GroupSize);
        ArrayView<int> predictions = SharedMemory.Allocate<int>(CudaDevice.GroupSize);
        int count = p.Labels.IntLength, i = Grid.GlobalIndex.X, own = Math.Min(i, count - 1), place = 0, positives = 0, negatives = 0;
        int yi = p.Labels[own], pi = p.Predictions[own];
        for (int first = 0; first < count; first += CudaDevice.GroupSize)
        {
            int brought = Math.Min(first + Group.IdxX, count - 1), here = Math.Min(CudaDevice.GroupSize, count - first);
            Group.Barrier();
            labels[Group.IdxX] = p.Labels[brought];
            predictions[Group.IdxX] = p.Predictions[brought];
            Group.Barrier();
            for (int t = 0; t < here; t++)
            {
                int j = first + t, yj = labels[t], pj = predictions[t];
                place += pj < pi || (pj == pi && (yj < yi || (yj == yi && j < i))) ? 1 : 0;
                bool isPositive = TRule.IsPositive(yi, yj, pi, pj);
                positives += i != j && isPositive ? 1 : 0;
                negatives += i != j && !isPositive && TRule.IsNegative(yi, yj, pi, pj) ? 1 : 0;
            }
        }
        if (i >= count)
            return;
        p.Order[place] = i;
        p.SortedLabels[place] = yi;
        p.SortedPredictions[place] = pi;
        p.Positives[i] = positives;
        p.Negatives[i] = negatives;
    }

    internal struct GatherArguments
    {
        public ArrayView<int> Order;
        public ArrayView<float> Rows, State;

        /// <summary>
        /// [places][Stride], zero past the last row and coordinate, and [3][places]: <see cref="Rows"/> and <see cref="State"/> in order.
        /// </summary>
        public ArrayView<float> Sorted, Anchors;
        public int Count, Places, Dimension, Stride;
    }

    /// <summary>A warp owns a sorted position.</summary>
    internal static void Gather(GatherArguments p)
    {
        int place = WarpRows.Row;
        if (place >= p.Places)
            return;
        bool isRow = place < p.Count;
        int i = isRow ? p.Order[place] : 0;
        for (int k = WarpRows.Lane; k < p.Stride; k += WarpRows.Lanes)
            p.Sorted[place * p.Stride + k] = isRow && k < p.Dimension ? p.Rows[i * p.Dimension + k] : 0;
        if (WarpRows.Lane < 3 && p.Anchors.IntLength > 0)
            p.Anchors[WarpRows.Lane * p.Places + place] = isRow ? p.State[3 * i + WarpRows.Lane] : 0;
    }

    internal struct LossArguments
    {
        public ArrayView<int> Order, Positives;

        /// <summary>[Splits][3][Places]: each split's <see cref="AnchorStatistics"/>.</summary>
        public ArrayView<float> Statistics;
        public ArrayView<float> Sorted, State, Losses;
        public int Count, Places, Stride, Splits;
        public float Scale;
    }

    /// <summary>
    /// A warp owns a sorted position: ℓ of its row and its state. ℓ is NaN if the row is not finite, which a maximum might hide.
    /// </summary>
    internal static void Loss(LossArguments p)
    {
        const int Exponent = 0x7f800000;
        int place = WarpRows.Row;
        if (place >= p.Count)
            return;
        float notFinite = 0;
        for (int k = WarpRows.Lane; k < p.Stride; k += WarpRows.Lanes)
            if ((BitConverter.SingleToInt32Bits(p.Sorted[place * p.Stride + k]) & Exponent) == Exponent)
                notFinite = 1;
        notFinite = WarpRows.Max(notFinite);
        AnchorStatistics anchor = AnchorStatistics.None;
        for (int split = 0; split < p.Splits; split++)
        {
            int at = split * 3 * p.Places + place;
            anchor = anchor.Plus(new AnchorStatistics(p.Statistics[at], p.Statistics[at + p.Places], p.Statistics[at + 2 * p.Places]));
        }
        if (WarpRows.Lane != 0)
            return;
        int i = p.Order[place], positives = p.Positives[i];
        float logSum = positives > 0 ? MathF.Log(anchor.Sum) : 0, share = positives > 0 ? 1f / positives : 0;
        float loss = positives > 0 ? (anchor.Largest - p.Scale * anchor.Positives * share) + logSum : 0;
        p.Losses[i] = notFinite > 0 ? float.NaN : loss;
        p.State[3 * i] = positives > 0 ? anchor.Largest : float.PositiveInfinity;
        p.State[3 * i + 1] = logSum;
        p.State[3 * i + 2] = share;
    }

    internal struct GradientArguments
    {
        public ArrayView<int> Order;

        /// <summary>[Splits][Places][Stride].</summary>
        public ArrayView<float> Partial;
        public ArrayView<float> LossGradient, RowsGradient;
        public int Count, Places, Dimension, Stride, Splits;
        public float Scale;
    }

    /// <summary>A warp owns a sorted position and sums its row's gradient over the splits.</summary>
    internal static void Gradient(GradientArguments p)
    {
        int place = WarpRows.Row;
        if (place >= p.Count)
            return;
        int i = p.Order[place];
        float outer = p.LossGradient[0] * p.Scale;
        for (int k = WarpRows.Lane; k < p.Dimension; k += WarpRows.Lanes)
        {
            float sum = 0;
            for (int split = 0; split < p.Splits; split++)
                sum += p.Partial[(split * p.Places + place) * p.Stride + k];
            p.RowsGradient[i * p.Dimension + k] = outer * sum;
        }
    }
}
