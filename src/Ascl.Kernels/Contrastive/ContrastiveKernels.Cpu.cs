using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// The loss by tiles of <see cref="Side"/> × <see cref="Side"/> rows: a tile's distances are computed once for both directions (s_ij =
/// s_ji) and not stored. Additional memory: O(rows · dimension).
/// </summary>
internal abstract unsafe class ContrastiveCpu
{
    /// <summary>Rows per block, that is the side of a tile.</summary>
    public const int Side = 64;

    public abstract void Forward(CpuDevice device, ContrastiveGeometry g, float* rows, RowGroups groups, float* loss, float* state);
    public abstract void Backward(
        CpuDevice device, ContrastiveGeometry g, float* rows, RowGroups groups, float* state, float dLoss, float* dRows);
    public abstract (int[] Positives, int[] Negatives) CountPairs(CpuDevice device, RowGroups groups);

    public static ContrastiveCpu Of(PairSelection strategy, RowDistance distance) =>
        strategy.Choose<Maker, ContrastiveCpu>(distance);

    private readonly struct Maker : IContrastivePath<ContrastiveCpu>
    {
        public static ContrastiveCpu Of<TRule, TDistance>() where TRule : struct, IPairRule where TDistance : struct, IRowDistance =>
            SimdWidth.Choose<ContrastiveCpu>(
                () => new ContrastiveCpu<F16, TRule, TDistance>(),
                () => new ContrastiveCpu<F8, TRule, TDistance>(),
                () => new ContrastiveCpu<F4, TRule, TDistance>());
    }
}

internal sealed unsafe class ContrastiveCpu<F, TRule, TDistance> : ContrastiveCpu
    where F : struct, ISimd<F> where TRule : struct, IPairRule where TDistance : struct, IRowDistance
{
    private const int Tile = Side * Side;

    /// <summary>
    /// The running maximum of an anchor without pairs so far: below any similarity, above the value of an unselected pair.
    /// </summary>
    private const float NoPairYet = -1e30f;
    private const float Unselected = 2e38f;

    /// <summary>Size of a block's statistics: of each row as an i, in Width lanes over the rows j, then as a j, in its own lane.</summary>
    private static int StatisticsLength => 3 * Side * (F.Width + 1);

    public override (int[] Positives, int[] Negatives) CountPairs(CpuDevice device, RowGroups groups) => groups.CountPairs<TRule>(device);

    public override void Forward(CpuDevice device, ContrastiveGeometry g, float* rows, RowGroups groups, float* loss, float* state)
    {
        using IDisposable scope = device.Pool.BeginScope();
        int blocks = (g.Rows + Side - 1) / Side;
        float scale = TDistance.Sign / g.Temperature;
        float* transposed = Rent(device, (long)blocks * Side * g.Dimension);
        float* statistics = Rent(device, (long)blocks * StatisticsLength);
        (int[] positives, _) = groups.CountPairs<TRule>(device);
        double[] losses = new double[g.Rows];
        device.For(blocks, (block, _) =>
        {
            Transpose(g, rows, groups, block, transposed);
            new Span<float>(statistics + (long)block * StatisticsLength, StatisticsLength).Clear();
            new Span<float>(statistics + (long)block * StatisticsLength, Side * (F.Width + 1)).Fill(NoPairYet);
        });
        BlockPairs.For(device, blocks, (first, second, worker) =>
        {
            if (Selects(g, groups, first, second))
                ForwardTile(g, groups, first, second, scale, transposed, statistics,
                    device.Scratch(worker, Tile + PairSelection<TRule>.Length));
        });
        device.For(blocks, (block, worker) =>
        {
            float* notFinite = device.Scratch(worker, Side);
            ZeroWhereFinite(transposed + (long)block * Side * g.Dimension, g.Dimension, notFinite);
            for (int i = block * Side; i < Math.Min(g.Rows, (block + 1) * Side); i++)
            {
                int positive = positives[groups.Group[i]];
                (float maximum, double logSum, double positiveSum) = Merge(statistics + (long)block * StatisticsLength, i % Side);
                losses[i] = (positive > 0 ? maximum + logSum - scale * positiveSum / positive : 0) + notFinite[i % Side];
                float* left = state + 3L * groups.Order[i];
                left[0] = positive > 0 ? maximum : float.PositiveInfinity;
                left[1] = positive > 0 ? (float)logSum : 0;
                left[2] = positive > 0 ? 1f / positive : 0;
            }
        });
        double total = 0;
        foreach (double row in losses)
            total += row;
        *loss = (float)(total / g.Rows);
    }

    public override void Backward(
        CpuDevice device, ContrastiveGeometry g, float* rows, RowGroups groups, float* state, float dLoss, float* dRows)
    {
        using IDisposable scope = device.Pool.BeginScope();
        int blocks = (g.Rows + Side - 1) / Side;
        float scale = TDistance.Sign / g.Temperature;
        int panels = (g.Dimension + F.Width - 1) / F.Width * Side * F.Width;
        float* transposed = Rent(device, (long)blocks * Side * g.Dimension);
        float* inPanels = Rent(device, (long)blocks * panels);
        float* gradients = Rent(device, (long)blocks * panels);
        float* sorted = Rent(device, 3L * blocks * Side);
        device.For(blocks, (block, _) =>
        {
            Transpose(g, rows, groups, block, transposed);
            float* panel = inPanels + (long)block * panels;
            new Span<float>(panel, panels).Clear();
            new Span<float>(gradients + (long)block * panels, panels).Clear();
            float* anchors = sorted + 3L * block * Side;
            new Span<float>(anchors, 3 * Side).Clear();
            for (int i = block * Side; i < Math.Min(g.Rows, (block + 1) * Side); i++)
            {
                int r = i % Side;
                float* left = state + 3L * groups.Order[i], row = rows + (long)groups.Order[i] * g.Dimension;
                (anchors[r], anchors[Side + r], anchors[2 * Side + r]) = (left[0], left[1], left[2]);
                float* to = panel + r * F.Width;
                int k = 0;
                for (; k + F.Width <= g.Dimension; k += F.Width, to += Side * F.Width)
                    F.Load(row + k).Store(to);
                for (; k < g.Dimension; k++)
                    *to++ = row[k];
            }
        });
        BlockPairs.For(device, blocks, (first, second, worker) =>
        {
            if (!Selects(g, groups, first, second))
                return;
            float* scratch = device.Scratch(worker, 3 * Tile + PairSelection<TRule>.Length + (TDistance.OfLargest ? Tile : 0));
            float* edges = TDistance.OfLargest ? scratch + 3 * Tile + PairSelection<TRule>.Length : scratch;
            float* u = transposed + (long)first * Side * g.Dimension, v = transposed + (long)second * Side * g.Dimension;
            SimilarityTile<F, TDistance>.Distances(u, v, g.Dimension, scratch, edges);
            if (TDistance.SharedByTies)
                SimilarityTile<F, TDistance>.Ties(u, v, g.Dimension, edges, scratch + 2 * Tile);
            ulong selecting = Weights(g, groups, first, second, scale, sorted, scratch);
            for (int i = 0; i < Side; i += 4)
                if ((selecting >> i & 15) != 0)
                    SimilarityTile<F, TDistance>.Gradients(
                        inPanels + (long)first * panels + i * F.Width, inPanels + (long)second * panels, panels / (Side * F.Width),
                        scratch + Tile + i * Side, edges + i * Side,
                        gradients + (long)first * panels + i * F.Width, gradients + (long)second * panels);
        });
        float outer = dLoss * scale / g.Rows;
        device.For(blocks, (block, _) =>
        {
            for (int i = block * Side; i < Math.Min(g.Rows, (block + 1) * Side); i++)
            {
                float* from = gradients + (long)block * panels + i % Side * F.Width, to = dRows + (long)groups.Order[i] * g.Dimension;
                int k = 0;
                for (; k + F.Width <= g.Dimension; k += F.Width, from += Side * F.Width)
                    (F.Load(from) * F.Broadcast(outer)).Store(to + k);
                for (; k < g.Dimension; k++)
                    to[k] = outer * *from++;
            }
        });
    }

    private static float* Rent(CpuDevice device, long length) => CpuDevice.Pointer(device.Pool.Rent(checked((int)length), 0));

    private static bool Selects(ContrastiveGeometry g, RowGroups groups, int first, int second) => groups.AnyPair<TRule>(
        first * Side, Math.Min(g.Rows, (first + 1) * Side), second * Side, Math.Min(g.Rows, (second + 1) * Side));

    /// <summary>The sorted rows of a block as [Dimension][Side]; zero past the last row.</summary>
    private static void Transpose(ContrastiveGeometry g, float* rows, RowGroups groups, int block, float* transposed)
    {
        float* to = transposed + (long)block * Side * g.Dimension;
        int count = Math.Min(Side, g.Rows - block * Side);
        if (count < Side)
            new Span<float>(to, Side * g.Dimension).Clear();
        for (int r = 0; r < count; r++)
        {
            float* from = rows + (long)groups.Order[block * Side + r] * g.Dimension;
            for (int k = 0; k < g.Dimension; k++)
                to[k * Side + r] = from[k];
        }
    }

    private static void ForwardTile(
        ContrastiveGeometry g, RowGroups groups, int first, int second, float scale, float* transposed, float* statistics, float* distances)
    {
        SimilarityTile<F, TDistance>.Distances(
            transposed + (long)first * Side * g.Dimension, transposed + (long)second * Side * g.Dimension, g.Dimension, distances,
            edges: null);
        PairSelection<TRule> pairs = new(distances + Tile);
        int begin = first * Side, end = Math.Min(g.Rows, begin + Side), otherBegin = second * Side;
        int otherEnd = Math.Min(g.Rows, otherBegin + Side);
        float* ofRows = statistics + (long)first * StatisticsLength;
        float* ofColumns = statistics + (long)second * StatisticsLength + Side * F.Width;
        for (int i = begin; i < end;)
        {
            // In a block compared with itself each row omits its own pair, and both directions are the row direction.
            int next = first == second ? i + 1 : Math.Min(groups.EndOfGroup(i), end);
            (bool anyRow, bool anyColumn) = pairs.Select(groups, i, otherBegin, otherEnd, i);
            if (anyColumn && first != second)
                AddToColumns(next - i, distances + (i - begin) * Side, scale, pairs.Column, pairs.ColumnPositive, ofColumns);
            for (; i < next; i++)
                if (anyRow)
                    AddToRow(distances + (i - begin) * Side, scale, pairs.Row, pairs.RowPositive, ofRows + (i - begin) * F.Width);
        }
    }

    /// <summary>
    /// Adds the Side pairs of one anchor to its running maximum, sum of exponentials and sum of positive distances, lane by lane.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void AddToRow(float* distances, float scale, float* selected, float* positive, float* anchor)
    {
        int stride = Side * (F.Width + 1);
        F tau = F.Broadcast(scale), big = F.Broadcast(Unselected), minusBig = F.Broadcast(-Unselected);
        F before = F.Load(anchor), maximum = before, positives = F.Load(anchor + 2 * stride);
        for (int j = 0; j < Side; j += F.Width)
        {
            F s = F.Load(distances + j);
            positives = F.MulAdd(s, F.Load(positive + j), positives);
            maximum = F.Max(maximum, F.MulAdd(s, tau, F.MulAdd(F.Load(selected + j), big, minusBig)));
        }
        F sum = F.Load(anchor + stride) * Exponential.Of(before - maximum);
        for (int j = 0; j < Side; j += F.Width)
            sum += Exponential.Of(F.MulAdd(F.Load(distances + j), tau, F.MulAdd(F.Load(selected + j), big, minusBig)) - maximum);
        maximum.Store(anchor);
        sum.Store(anchor + stride);
        positives.Store(anchor + 2 * stride);
    }

    /// <summary>The same for the rows j as anchors, one in a lane, and <paramref name="rows"/> rows i of one group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void AddToColumns(int rows, float* distances, float scale, float* selected, float* positive, float* anchors)
    {
        int stride = Side * (F.Width + 1);
        F tau = F.Broadcast(scale), big = F.Broadcast(Unselected), minusBig = F.Broadcast(-Unselected);
        for (int j = 0; j < Side; j += F.Width)
        {
            F unselected = F.MulAdd(F.Load(selected + j), big, minusBig);
            F before = F.Load(anchors + j), maximum = before, all = F.Zero;
            for (int i = 0; i < rows; i++)
            {
                F s = F.Load(distances + i * Side + j);
                all += s;
                maximum = F.Max(maximum, F.MulAdd(s, tau, unselected));
            }
            F sum = F.Load(anchors + stride + j) * Exponential.Of(before - maximum);
            for (int i = 0; i < rows; i++)
                sum += Exponential.Of(F.MulAdd(F.Load(distances + i * Side + j), tau, unselected) - maximum);
            maximum.Store(anchors + j);
            sum.Store(anchors + stride + j);
            F.MulAdd(all, F.Load(positive + j), F.Load(anchors + 2 * stride + j)).Store(anchors + 2 * stride + j);
        }
    }

    /// <summary>
    /// max s and log Σ exp(s − max s) over an anchor's selected pairs, and the sum of S over its positives, merged from its lanes.
    /// </summary>
    private static (float Maximum, double LogSum, double PositiveSum) Merge(float* block, int row)
    {
        int stride = Side * (F.Width + 1);
        float* asRow = block + row * F.Width, asColumn = block + Side * F.Width + row;
        float maximum = Math.Max(F.MaxLane(F.Load(asRow)), *asColumn);
        F sum = F.Load(asRow + stride) * Exponential.Of(F.Load(asRow) - F.Broadcast(maximum));
        return (maximum,
            Math.Log(F.Sum(sum) + asColumn[stride] * Math.Exp(*asColumn - maximum)),
            (double)F.Sum(F.Load(asRow + 2 * stride)) + asColumn[2 * stride]);
    }

    /// <summary>For each row of a block, NaN if it has a NaN or an infinity, which a maximum might hide, else 0.</summary>
    private static void ZeroWhereFinite(float* transposed, int d, float* zeros)
    {
        for (int r = 0; r < Side; r += F.Width)
        {
            F zero = F.Zero;
            for (int k = 0; k < d; k++)
                zero = F.MulAdd(F.Load(transposed + k * Side + r), F.Zero, zero);
            zero.Store(zeros + r);
        }
    }

    /// <summary>
    /// dL/dS of every pair of the tile, both directions added and without the factor 1/(nτ), as weights for the distance's gradient.
    /// </summary>
    /// <returns>A bit for each row i of the tile with a nonzero weight.</returns>
    private static ulong Weights(
        ContrastiveGeometry g, RowGroups groups, int first, int second, float scale, float* sorted, float* distances)
    {
        PairSelection<TRule> pairs = new(distances + 3 * Tile);
        int begin = first * Side, end = Math.Min(g.Rows, begin + Side), otherBegin = second * Side;
        int otherEnd = Math.Min(g.Rows, otherBegin + Side);
        float* ofRows = sorted + 3L * first * Side, ofColumns = sorted + 3L * second * Side;
        ulong selecting = 0;
        new Span<float>(distances + Tile, Tile).Clear();
        for (int i = begin; i < end;)
        {
            int next = first == second ? i + 1 : Math.Min(groups.EndOfGroup(i), end);
            (bool anyRow, bool anyColumn) = pairs.Select(groups, i, otherBegin, otherEnd, i);
            for (; i < next; i++)
                if (anyRow || anyColumn)
                {
                    int r = i - begin;
                    selecting |= 1UL << r;
                    RowOfWeights(distances + r * Side, scale, pairs, ofRows + r, ofColumns, first == second ? 0.5f : 1);
                }
        }
        return selecting;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    private static void RowOfWeights(float* distances, float scale, PairSelection<TRule> pairs, float* ofRow, float* ofColumns, float share)
    {
        F tau = F.Broadcast(scale), maximum = F.Broadcast(ofRow[0]), logSum = F.Broadcast(ofRow[Side]);
        F inverse = F.Broadcast(ofRow[2 * Side]);
        F part = F.Broadcast(share);
        for (int j = 0; j < Side; j += F.Width)
        {
            F distance = F.Load(distances + j), s = distance * tau;
            F repel = F.Load(pairs.Row + j) * Exponential.Of((s - maximum) - logSum);
            repel = F.MulAdd(F.Load(pairs.Column + j), Exponential.Of((s - F.Load(ofColumns + j)) - F.Load(ofColumns + Side + j)), repel);
            F attract = F.MulAdd(F.Load(pairs.RowPositive + j), inverse,
                F.Load(pairs.ColumnPositive + j) * F.Load(ofColumns + 2 * Side + j));
            F ties = TDistance.SharedByTies ? F.Load(distances + 2 * Tile + j) : F.Zero;
            TDistance.Weight((repel - attract) * part, distance, ties).Store(distances + Tile + j);
        }
    }
}
