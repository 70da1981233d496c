using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// A thread's 16 pairs of a <see cref="PairTile"/>, one after another, since each takes ten registers. Rows come from the caches: the
/// comparisons take several times as long as the loads.
/// </summary>
/// <param name="means">S of the pairs.</param>
/// <param name="edges">What a coordinate must reach to be among a pair's largest.</param>
internal struct LargestPairs(PairTile means, PairTile edges)
{
    public PairTile Means = means, Edges = edges;

    /// <summary>The pairs of rows u from i and rows v from j of memory [rows][quads], padded with zeros.</summary>
    /// <param name="count">How many coordinates the mean is over.</param>
    public static LargestPairs Over(ArrayView<Float4> rows, int quads, int i, int j, int count)
    {
        int ofU = i + (Group.IdxX >> 4) * 4, ofV = j + (Group.IdxX & 15) * 4;
        PairTile means = default, edges = default;
        for (int pair = 0; pair < 16; pair++)
        {
            int u = (ofU + (pair >> 2)) * quads, v = (ofV + (pair & 3)) * quads;
            TenLargest<F1> largest = default;
            for (int quad = 0; quad < quads; quad++)
            {
                Float4 a = rows[u + quad], b = rows[v + quad];
                largest = largest.With(Size(a.X - b.X)).With(Size(a.Y - b.Y)).With(Size(a.Z - b.Z)).With(Size(a.W - b.W));
            }
            means = means.With(pair, largest.Mean(count).Value);
            edges = edges.With(pair, largest.Edge.Value);
        }
        return new(means, edges);
    }

    private static F1 Size(float difference) => F1.Abs(new(difference));
}
