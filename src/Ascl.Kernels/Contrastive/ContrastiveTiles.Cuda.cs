using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// Tiles of 64 × 64 pairs: a group (x) owns 64 anchors i and iterates over the blocks of rows j of its split (y). A tile's distances are
/// kept in registers only. Tiles without selected pairs are skipped.
/// </summary>
internal static class ContrastiveTiles
{
    private const int Side = PairTile.Side;

    /// <summary>Coordinates whose gradient a group computes, in Float4s of two tiles.</summary>
    public const int GradientQuads = 32;

    internal struct TilesArguments
    {
        /// <summary>Sorted: [Blocks·64][Quads·4], [Blocks·64].</summary>
        public ArrayView<float> Rows;
        public ArrayView<int> Labels, Predictions;

        /// <summary>[3][Blocks·64], for the gradient: the state of the sorted rows.</summary>
        public ArrayView<float> Anchors;

        /// <summary>Results per split: [splits][3][Blocks·64] statistics, or [splits][Blocks·64][Quads·4] gradients.</summary>
        public ArrayView<float> Found;
        public int Count, Blocks, Quads, TilesOfSplit;

        /// <summary>How many of the largest coordinates S is the mean of.</summary>
        public int Largest;

        /// <summary>s = Scale·S.</summary>
        public float Scale;
    }

    internal static void Forward<TRule, TDistance>(TilesArguments p) where TRule : struct, IPairRule where TDistance : struct, IRowDistance
    {
        ArrayView<Float4> sharedU = SharedMemory.Allocate<Float4>(PairTile.SharedLength);
        ArrayView<Float4> sharedV = SharedMemory.Allocate<Float4>(PairTile.SharedLength);
        int x = Group.IdxX & 15, begin = Grid.IdxX * Side, i = begin + (Group.IdxX >> 4) * 4;
        Int4 yi = p.Labels.Cast<Int4>()[i >> 2], pi = p.Predictions.Cast<Int4>()[i >> 2];
        AnchorStatistics a = AnchorStatistics.None, b = a, c = a, d = a;
        int first = Grid.IdxY * p.TilesOfSplit, end = Math.Min(p.Blocks, first + p.TilesOfSplit);
        for (int tile = first; tile < end; tile++)
        {
            int j = tile * Side + x * 4;
            Int4 yj = p.Labels.Cast<Int4>()[j >> 2], pj = p.Predictions.Cast<Int4>()[j >> 2];
            int ofA = SelectedPairs.Of<TRule>(yi.X, pi.X, i, yj, pj, j, p.Count).Row;
            int ofB = SelectedPairs.Of<TRule>(yi.Y, pi.Y, i + 1, yj, pj, j, p.Count).Row;
            int ofC = SelectedPairs.Of<TRule>(yi.Z, pi.Z, i + 2, yj, pj, j, p.Count).Row;
            int ofD = SelectedPairs.Of<TRule>(yi.W, pi.W, i + 3, yj, pj, j, p.Count).Row;
            if (!Group.BarrierOr((ofA | ofB | ofC | ofD) != 0))
                continue;
            PairTile s = TDistance.OfLargest
                ? LargestPairs.Over(p.Rows.Cast<Float4>(), p.Quads, begin, tile * Side, p.Largest).Means
                : PairTile.Over<DistanceStep<TDistance>>(p.Rows.Cast<Float4>(), p.Quads, begin, tile * Side, default, sharedU, sharedV)
                    .Finished<TDistance>();
            a = a.Plus(s.A, ofA, p.Scale);
            b = b.Plus(s.B, ofB, p.Scale);
            c = c.Plus(s.C, ofC, p.Scale);
            d = d.Plus(s.D, ofD, p.Scale);
        }
        a = a.OfRow();
        b = b.OfRow();
        c = c.OfRow();
        d = d.OfRow();
        if (x != 0)
            return;
        ArrayView<Float4> found = p.Found.Cast<Float4>();
        int stride = p.Blocks * (Side / 4), to = Grid.IdxY * 3 * stride + (i >> 2);
        found[to] = new(a.Largest, b.Largest, c.Largest, d.Largest);
        found[to + stride] = new(a.Sum, b.Sum, c.Sum, d.Sum);
        found[to + 2 * stride] = new(a.Positives, b.Positives, c.Positives, d.Positives);
    }

    /// <summary>
    /// The gradient of the 64 rows i, in the <see cref="GradientQuads"/> coordinates of the group (z), without the factor of
    /// <see cref="SortedRows.Gradient"/>: the weights of a tile's pairs, both directions added, go through shared memory; then a thread
    /// owns 4 rows × twice 4 coordinates.
    /// </summary>
    internal static void Backward<TRule, TDistance>(TilesArguments p) where TRule : struct, IPairRule where TDistance : struct, IRowDistance
    {
        ArrayView<Float4> sharedU = SharedMemory.Allocate<Float4>(PairTile.SharedLength);
        ArrayView<Float4> sharedV = SharedMemory.Allocate<Float4>(PairTile.SharedLength);
        // [j][i], so that a thread loads four rows i at once.
        ArrayView<Float4> weights = SharedMemory.Allocate<Float4>(Side * PairTile.Pitch);
        ArrayView<Float4> sharedEdges = SharedMemory.Allocate<Float4>(Side * PairTile.Pitch);
        ArrayView<Float4> rows = p.Rows.Cast<Float4>(), anchors = p.Anchors.Cast<Float4>();
        int x = Group.IdxX & 15, y = Group.IdxX >> 4, begin = Grid.IdxX * Side, i = begin + y * 4, stride = p.Blocks * (Side / 4);
        Int4 yi = p.Labels.Cast<Int4>()[i >> 2], pi = p.Predictions.Cast<Int4>()[i >> 2];
        Float4 largest = anchors[i >> 2], logSum = anchors[stride + (i >> 2)], share = anchors[2 * stride + (i >> 2)];
        int quad = Grid.IdxZ * GradientQuads + x, firstQuad = Math.Min(quad, p.Quads - 1);
        int secondQuad = Math.Min(quad + GradientQuads / 2, p.Quads - 1);
        bool isWide = Grid.IdxZ * GradientQuads + GradientQuads / 2 < p.Quads;
        PairTile firstU = Coordinates(rows, p.Quads, i, firstQuad), secondU = Coordinates(rows, p.Quads, i, secondQuad);
        PairTile firstSum = default, secondSum = default;
        int first = Grid.IdxY * p.TilesOfSplit, end = Math.Min(p.Blocks, first + p.TilesOfSplit);
        for (int tile = first; tile < end; tile++)
        {
            int j = tile * Side + x * 4;
            Int4 yj = p.Labels.Cast<Int4>()[j >> 2], pj = p.Predictions.Cast<Int4>()[j >> 2];
            (int rowA, int columnA) = SelectedPairs.Of<TRule>(yi.X, pi.X, i, yj, pj, j, p.Count);
            (int rowB, int columnB) = SelectedPairs.Of<TRule>(yi.Y, pi.Y, i + 1, yj, pj, j, p.Count);
            (int rowC, int columnC) = SelectedPairs.Of<TRule>(yi.Z, pi.Z, i + 2, yj, pj, j, p.Count);
            (int rowD, int columnD) = SelectedPairs.Of<TRule>(yi.W, pi.W, i + 3, yj, pj, j, p.Count);
            if (!Group.BarrierOr((rowA | columnA | rowB | columnB | rowC | columnC | rowD | columnD) != 0))
                continue;
            PairTile s, edges, ties = default;
            if (TDistance.OfLargest)
            {
                LargestPairs found = LargestPairs.Over(rows, p.Quads, begin, tile * Side, p.Largest);
                (s, edges) = (found.Means, found.Edges);
            }
            else
            {
                s = PairTile.Over<DistanceStep<TDistance>>(rows, p.Quads, begin, tile * Side, default, sharedU, sharedV)
                    .Finished<TDistance>();
                edges = s;
            }
            if (TDistance.SharedByTies)
                ties = PairTile.Over<TieStep<TDistance>>(rows, p.Quads, begin, tile * Side, edges, sharedU, sharedV);
            if (TDistance.OfLargest)
                ties = ties.AtLeast(p.Largest);
            Float4 largestJ = anchors[j >> 2], logSumJ = anchors[stride + (j >> 2)], shareJ = anchors[2 * stride + (j >> 2)];
            PairTile w = new(
                Weights<TDistance>(s.A, ties.A, rowA, columnA, largest.X, logSum.X, share.X, largestJ, logSumJ, shareJ, p.Scale),
                Weights<TDistance>(s.B, ties.B, rowB, columnB, largest.Y, logSum.Y, share.Y, largestJ, logSumJ, shareJ, p.Scale),
                Weights<TDistance>(s.C, ties.C, rowC, columnC, largest.Z, logSum.Z, share.Z, largestJ, logSumJ, shareJ, p.Scale),
                Weights<TDistance>(s.D, ties.D, rowD, columnD, largest.W, logSum.W, share.W, largestJ, logSumJ, shareJ, p.Scale));
            StoreTransposed(weights, 4 * x * PairTile.Pitch + y, w);
            StoreTransposed(sharedEdges, 4 * x * PairTile.Pitch + y, edges);
            Group.Barrier();
            for (int r = 0; r < Side; r++)
            {
                Float4 weight = weights[r * PairTile.Pitch + y], edge = sharedEdges[r * PairTile.Pitch + y];
                int row = (tile * Side + r) * p.Quads;
                firstSum = firstSum.PlusGradients<TDistance>(firstU, rows[row + firstQuad], weight, edge);
                if (isWide)
                    secondSum = secondSum.PlusGradients<TDistance>(secondU, rows[row + secondQuad], weight, edge);
            }
        }
        int to = (Grid.IdxY * p.Blocks * Side + i) * p.Quads;
        if (quad < p.Quads)
            Store(p.Found.Cast<Float4>(), to + quad, p.Quads, firstSum);
        if (quad + GradientQuads / 2 < p.Quads)
            Store(p.Found.Cast<Float4>(), to + quad + GradientQuads / 2, p.Quads, secondSum);
    }

    /// <summary>Four coordinates of the rows from i.</summary>
    private static PairTile Coordinates(ArrayView<Float4> rows, int quads, int i, int quad) =>
        new(rows[i * quads + quad], rows[(i + 1) * quads + quad], rows[(i + 2) * quads + quad], rows[(i + 3) * quads + quad]);

    private static void Store(ArrayView<Float4> to, int at, int stride, PairTile values)
    {
        to[at] = values.A;
        to[at + stride] = values.B;
        to[at + 2 * stride] = values.C;
        to[at + 3 * stride] = values.D;
    }

    private static void StoreTransposed(ArrayView<Float4> to, int at, PairTile values) => Store(to, at, PairTile.Pitch, new(
        new(values.A.X, values.B.X, values.C.X, values.D.X), new(values.A.Y, values.B.Y, values.C.Y, values.D.Y),
        new(values.A.Z, values.B.Z, values.C.Z, values.D.Z), new(values.A.W, values.B.W, values.C.W, values.D.W)));

    /// <summary>dL/dS of a row i with four rows j, without the factor 1/(nτ), as weights for the distance's gradient.</summary>
    private static Float4 Weights<TDistance>(
        Float4 s, Float4 ties, int row, int column, float largest, float logSum, float share, Float4 largestJ, Float4 logSumJ,
        Float4 shareJ, float scale)
        where TDistance : struct, IRowDistance => new(
        Weight<TDistance>(s.X, ties.X, row, column, 0, largest, logSum, share, largestJ.X, logSumJ.X, shareJ.X, scale),
        Weight<TDistance>(s.Y, ties.Y, row, column, 1, largest, logSum, share, largestJ.Y, logSumJ.Y, shareJ.Y, scale),
        Weight<TDistance>(s.Z, ties.Z, row, column, 2, largest, logSum, share, largestJ.Z, logSumJ.Z, shareJ.Z, scale),
        Weight<TDistance>(s.W, ties.W, row, column, 3, largest, logSum, share, largestJ.W, logSumJ.W, shareJ.W, scale));

    private static float Weight<TDistance>(
        float distance, float ties, int row, int column, int place, float largest, float logSum, float share, float largestJ, float logSumJ,
        float shareJ, float scale)
        where TDistance : struct, IRowDistance
    {
        float s = distance * scale;
        float repel = (SelectedPairs.IsSelected(row, place) ? Exponential.Of((s - largest) - logSum) : 0)
            + (SelectedPairs.IsSelected(column, place) ? Exponential.Of((s - largestJ) - logSumJ) : 0);
        float attract = (SelectedPairs.IsPositive(row, place) ? share : 0) + (SelectedPairs.IsPositive(column, place) ? shareJ : 0);
        return TDistance.Weight(new F1(repel - attract), new F1(distance), new F1(ties)).Value;
    }
}
