using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Contrastive;

/// <summary>The contribution of one coordinate to a value of a pair of rows.</summary>
internal interface IPairStep
{
    static abstract F1 Of(F1 value, F1 u, F1 v, F1 distance);
}

/// <summary>Sums S.</summary>
internal readonly struct DistanceStep<TDistance> : IPairStep where TDistance : struct, IRowDistance
{
    public static F1 Of(F1 value, F1 u, F1 v, F1 distance) => TDistance.Accumulate(value, u, v);
}

/// <summary>Counts the coordinates that share the gradient.</summary>
internal readonly struct TieStep<TDistance> : IPairStep where TDistance : struct, IRowDistance
{
    public static F1 Of(F1 value, F1 u, F1 v, F1 edge) => value + TDistance.Share(u - v, edge, new(1));
}

/// <summary>
/// A thread's 4 × 4 values of a tile of 64 × 64 pairs of rows: of 16 × 16 threads, thread x owns the rows j from 4x, thread y the rows i
/// from 4y. Unrolled by hand, because indexed arrays would go to local memory.
/// </summary>
internal struct PairTile(Float4 a, Float4 b, Float4 c, Float4 d)
{
    /// <summary>
    /// Side of a tile in rows, coordinates in a shared-memory slice, and the stride by coordinate in shared memory in Float4s: 16 plus one
    /// of padding against bank conflicts.
    /// </summary>
    public const int Side = 64, Depth = 16, Pitch = 17, SharedLength = Depth * Pitch;

    /// <summary>Rows i; lanes are rows j.</summary>
    public Float4 A = a, B = b, C = c, D = d;

    /// <summary>
    /// The values of rows u from i and rows v from j: TStep over all coordinates (a multiple of <see cref="Depth"/>) of memory
    /// [rows][coordinates]. The whole group must call it; the shared memory may be reused after a barrier.
    /// </summary>
    public static PairTile Over<TStep>(
        ArrayView<Float4> rows, int quads, int i, int j, PairTile distances, ArrayView<Float4> sharedU, ArrayView<Float4> sharedV)
        where TStep : struct, IPairStep
    {
        int thread = Group.IdxX, y = thread >> 4, x = thread & 15;
        // This thread's part of the load: four coordinates of one row of each side.
        int row = thread >> 2, quad = thread & 3, place = quad * 4 * Pitch * 4 + row;
        ArrayView<float> toU = sharedU.Cast<float>(), toV = sharedV.Cast<float>();
        PairTile sums = default;
        for (int first = 0; first < quads; first += Depth / 4)
        {
            Float4 u = rows[(i + row) * quads + first + quad], v = rows[(j + row) * quads + first + quad];
            Group.Barrier();
            Scatter(toU, place, u);
            Scatter(toV, place, v);
            Group.Barrier();
            for (int k = 0; k < Depth; k += 4)
            {
                // Views with constant offsets, so that addresses are computed once.
                ArrayView<Float4> ownU = sharedU.SubView(k * Pitch + y), ownV = sharedV.SubView(k * Pitch + x);
                sums = sums.Plus<TStep>(ownU[0], ownV[0], distances);
                sums = sums.Plus<TStep>(ownU[Pitch], ownV[Pitch], distances);
                sums = sums.Plus<TStep>(ownU[2 * Pitch], ownV[2 * Pitch], distances);
                sums = sums.Plus<TStep>(ownU[3 * Pitch], ownV[3 * Pitch], distances);
            }
        }
        return sums;
    }

    private static void Scatter(ArrayView<float> to, int place, Float4 values)
    {
        to[place] = values.X;
        to[place + Pitch * 4] = values.Y;
        to[place + 2 * Pitch * 4] = values.Z;
        to[place + 3 * Pitch * 4] = values.W;
    }

    private PairTile Plus<TStep>(Float4 u, Float4 v, PairTile distances) where TStep : struct, IPairStep => new(
        Plus<TStep>(A, u.X, v, distances.A), Plus<TStep>(B, u.Y, v, distances.B), Plus<TStep>(C, u.Z, v, distances.C),
        Plus<TStep>(D, u.W, v, distances.D));

    private static Float4 Plus<TStep>(Float4 sum, float u, Float4 v, Float4 distance) where TStep : struct, IPairStep => new(
        TStep.Of(new(sum.X), new(u), new(v.X), new(distance.X)).Value, TStep.Of(new(sum.Y), new(u), new(v.Y), new(distance.Y)).Value,
        TStep.Of(new(sum.Z), new(u), new(v.Z), new(distance.Z)).Value, TStep.Of(new(sum.W), new(u), new(v.W), new(distance.W)).Value);

    /// <summary>The tile with another value of one of the 16 pairs, counted along the rows j.</summary>
    public PairTile With(int pair, float value) =>
        new(With(A, pair, value), With(B, pair - 4, value), With(C, pair - 8, value), With(D, pair - 12, value));

    private static Float4 With(Float4 of, int place, float value) => new(
        place == 0 ? value : of.X, place == 1 ? value : of.Y, place == 2 ? value : of.Z, place == 3 ? value : of.W);

    /// <summary>The values, none of them below <paramref name="least"/>.</summary>
    public PairTile AtLeast(float least) => new(AtLeast(A, least), AtLeast(B, least), AtLeast(C, least), AtLeast(D, least));

    private static Float4 AtLeast(Float4 of, float least) =>
        new(Math.Max(of.X, least), Math.Max(of.Y, least), Math.Max(of.Z, least), Math.Max(of.W, least));

    public PairTile Finished<TDistance>() where TDistance : struct, IRowDistance =>
        new(Finished<TDistance>(A), Finished<TDistance>(B), Finished<TDistance>(C), Finished<TDistance>(D));

    private static Float4 Finished<TDistance>(Float4 s) where TDistance : struct, IRowDistance => new(
        TDistance.Finish(new F1(s.X)).Value, TDistance.Finish(new F1(s.Y)).Value, TDistance.Finish(new F1(s.Z)).Value,
        TDistance.Finish(new F1(s.W)).Value);

    /// <summary>With the tile as gradients of 4 rows i × 4 coordinates: adds those of each row's pair with one row j.</summary>
    /// <param name="u">The rows i.</param>
    /// <param name="v">The row j.</param>
    /// <param name="weights">Weights of the pairs; like <paramref name="edges"/>, one lane per row i.</param>
    public PairTile PlusGradients<TDistance>(PairTile u, Float4 v, Float4 weights, Float4 edges)
        where TDistance : struct, IRowDistance => new(
        PlusGradient<TDistance>(A, u.A, v, weights.X, edges.X), PlusGradient<TDistance>(B, u.B, v, weights.Y, edges.Y),
        PlusGradient<TDistance>(C, u.C, v, weights.Z, edges.Z), PlusGradient<TDistance>(D, u.D, v, weights.W, edges.W));

    private static Float4 PlusGradient<TDistance>(Float4 sum, Float4 u, Float4 v, float weight, float edge)
        where TDistance : struct, IRowDistance => new(
        PlusGradient<TDistance>(sum.X, u.X, v.X, weight, edge), PlusGradient<TDistance>(sum.Y, u.Y, v.Y, weight, edge),
        PlusGradient<TDistance>(sum.Z, u.Z, v.Z, weight, edge), PlusGradient<TDistance>(sum.W, u.W, v.W, weight, edge));

    private static float PlusGradient<TDistance>(float sum, float u, float v, float weight, float edge)
        where TDistance : struct, IRowDistance =>
        TDistance.OfDifference ? sum + TDistance.Gradient(new F1(u - v), new F1(weight), new F1(edge)).Value : sum + weight * v;
}
