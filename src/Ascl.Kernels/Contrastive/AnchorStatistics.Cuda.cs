using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// Running statistics over an anchor's selected pairs: the largest similarity s, Σ exp(s − largest), and the sum of S over its positives.
/// </summary>
internal readonly struct AnchorStatistics(float largest, float sum, float positives)
{
    public float Largest { get; } = largest;
    public float Sum { get; } = sum;
    public float Positives { get; } = positives;

    /// <summary>No pairs yet: the largest similarity is below any real one.</summary>
    public static AnchorStatistics None => new(-1e30f, 0, 0);

    /// <param name="distances">S of four pairs; s = scale·S.</param>
    /// <param name="selected">Bits of <see cref="SelectedPairs"/>.</param>
    public AnchorStatistics Plus(Float4 distances, int selected, float scale)
    {
        float x = distances.X * scale, y = distances.Y * scale, z = distances.Z * scale, w = distances.W * scale;
        bool ofX = SelectedPairs.IsSelected(selected, 0), ofY = SelectedPairs.IsSelected(selected, 1);
        bool ofZ = SelectedPairs.IsSelected(selected, 2), ofW = SelectedPairs.IsSelected(selected, 3);
        float largest = WarpRows.Larger(ofX ? x : Largest, Largest);
        largest = WarpRows.Larger(ofY ? y : Largest, largest);
        largest = WarpRows.Larger(ofZ ? z : Largest, largest);
        largest = WarpRows.Larger(ofW ? w : Largest, largest);
        float sum = Sum * Exponential.Of(Largest - largest);
        sum += ofX ? Exponential.Of(x - largest) : 0;
        sum += ofY ? Exponential.Of(y - largest) : 0;
        sum += ofZ ? Exponential.Of(z - largest) : 0;
        sum += ofW ? Exponential.Of(w - largest) : 0;
        float positives = (SelectedPairs.IsPositive(selected, 0) ? distances.X : 0)
            + (SelectedPairs.IsPositive(selected, 1) ? distances.Y : 0)
            + ((SelectedPairs.IsPositive(selected, 2) ? distances.Z : 0) + (SelectedPairs.IsPositive(selected, 3) ? distances.W : 0));
        return new(largest, sum, Positives + positives);
    }

    public AnchorStatistics Plus(AnchorStatistics other)
    {
        float largest = WarpRows.Larger(Largest, other.Largest);
        return new(largest, Sum * Exponential.Of(Largest - largest) + other.Sum * Exponential.Of(other.Largest - largest),
            Positives + other.Positives);
    }

    /// <summary>Merged with those of the 16 threads that have the same anchor and neighbouring rows j.</summary>
    public AnchorStatistics OfRow() => Exchange(8).Exchange(4).Exchange(2).Exchange(1);

    private AnchorStatistics Exchange(int distance) =>
        Plus(new AnchorStatistics(Warp.ShuffleXor(Largest, distance), Warp.ShuffleXor(Sum, distance),
            Warp.ShuffleXor(Positives, distance)));
}

/// <summary>Which of four rows j an anchor i selects, as bits: 1 ≪ k for a selected row k, and also 16 ≪ k for a positive one.</summary>
internal static class SelectedPairs
{
    public const int Positive = 16;

    public static bool IsSelected(int bits, int place) => (bits >> place & 1) != 0;

    public static bool IsPositive(int bits, int place) => (bits & Positive << place) != 0;

    /// <summary>
    /// The selection for rows <paramref name="i"/> and <paramref name="j"/>… of <paramref name="count"/> sorted rows. In the column
    /// direction, rows j are the anchors and i is selected.
    /// </summary>
    public static (int Row, int Column) Of<TRule>(int yi, int pi, int i, Int4 yj, Int4 pj, int j, int count)
        where TRule : struct, IPairRule => (
        One<TRule>(yi, pi, yj.X, pj.X, i, j, count) | One<TRule>(yi, pi, yj.Y, pj.Y, i, j + 1, count) << 1
        | One<TRule>(yi, pi, yj.Z, pj.Z, i, j + 2, count) << 2 | One<TRule>(yi, pi, yj.W, pj.W, i, j + 3, count) << 3,
        One<TRule>(yj.X, pj.X, yi, pi, i, j, count) | One<TRule>(yj.Y, pj.Y, yi, pi, i, j + 1, count) << 1
        | One<TRule>(yj.Z, pj.Z, yi, pi, i, j + 2, count) << 2 | One<TRule>(yj.W, pj.W, yi, pi, i, j + 3, count) << 3);

    private static int One<TRule>(int ya, int pa, int yb, int pb, int i, int j, int count) where TRule : struct, IPairRule =>
        i == j || i >= count || j >= count ? 0 : TRule.IsPositive(ya, yb, pa, pb) ? 1 | Positive : TRule.IsNegative(ya, yb, pa, pb) ? 1 : 0;
}
