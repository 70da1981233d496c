using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Gemm;

/// <summary>Splits rows and channel blocks into register tiles.</summary>
internal static class TilePlan<F> where F : struct, ISimd<F>
{
    private static readonly int[][] RowCounts = [[], [1, 2, 3, 4, 8, 12, 16], [1, 2, 3, 4, 6, 8, 14], [], [1, 2, 3, 4, 6]];

    /// <summary>
    /// Cached plans and groups, by [vectors or widest][rows or blocks], because kernels request them in their innermost loops.
    /// </summary>
    private static readonly byte[]?[][] Plans = NewCache<byte[]>();
    private static readonly (int Start, int Vectors)[]?[][] GroupLists = NewCache<(int, int)[]>();
    private const int CachedSizes = 2048;

    /// <summary>
    /// The cheapest tile heights that add up to <paramref name="rows"/>. A tile costs its multiply-adds, at least as many as hide their
    /// latency, plus a small fixed cost.
    /// </summary>
    public static byte[] Rows(int rows, int vectors) =>
        rows < CachedSizes ? Plans[vectors][rows] ??= Cut(rows, vectors) : Cut(rows, vectors);

    public static int Cost(int rows, int vectors) => Rows(rows, vectors).Sum(tile => TileCost(tile, vectors));

    /// <summary>The tile width, up to <paramref name="most"/> vectors, for which <paramref name="rows"/> rows are cheapest.</summary>
    public static int Widest(int rows, int most) => new[] { 4, 2, 1 }.Where(v => v <= most).MinBy(v => Cost(rows, v) / (double)v);

    /// <summary>A plan with one row per tile, for row strides that no microkernel is compiled for.</summary>
    public static byte[] SingleRows(int rows) => [.. Enumerable.Repeat((byte)1, rows)];

    private static int TileCost(int rows, int vectors) => Math.Max(rows * vectors, 10) + 2;

    private static byte[] Cut(int rows, int vectors)
    {
        int max = MicroKernels<F, UnitRows>.MaxRows(vectors);
        int[] best = new int[rows + 1], choice = new int[rows + 1];
        for (int r = 1; r <= rows; r++)
        {
            best[r] = int.MaxValue;
            foreach (int tile in RowCounts[vectors].Where(t => t <= max && t <= r))
            {
                int cost = best[r - tile] + TileCost(tile, vectors);
                if (cost <= best[r])
                    (best[r], choice[r]) = (cost, tile);
            }
        }
        List<byte> plan = [];
        for (int r = rows; r > 0; r -= choice[r])
            plan.Add((byte)choice[r]);
        return [.. plan.OrderDescending()];
    }

    /// <summary>
    /// Splits <paramref name="blocks"/> channel blocks into groups of at most <paramref name="widest"/> (1, 2 or 4) vectors.
    /// </summary>
    public static (int Start, int Vectors)[] Groups(int blocks, int widest) =>
        blocks < CachedSizes ? GroupLists[widest][blocks] ??= Group(blocks, widest) : Group(blocks, widest);

    private static (int Start, int Vectors)[] Group(int blocks, int widest)
    {
        List<(int, int)> groups = [];
        for (int start = 0; start < blocks;)
        {
            int vectors = blocks - start >= 4 && widest >= 4 ? 4 : blocks - start >= 2 && widest >= 2 ? 2 : 1;
            groups.Add((start, vectors));
            start += vectors;
        }
        return [.. groups];
    }

    private static T?[][] NewCache<T>() where T : class => [.. Enumerable.Range(0, 5).Select(_ => new T?[CachedSizes])];
}
