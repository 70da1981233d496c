using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.PairDistance;

namespace Ascl.Autograd.Ops;

/// <summary>Distances between all rows of two matrices.</summary>
public static class PairDistanceOps
{
    /// <summary>D[i, j] = Σ_k |a[i, k] − b[j, k]|: [n, m] from [n, d] and [m, d]. Equal coordinates have a zero gradient.</summary>
    public static Tensor PairDistances(this Tensor a, Tensor b)
    {
        if (a.Shape.Rank != 2 || b.Shape.Rank != 2 || a.Shape[1] != b.Shape[1])
            throw new ShapeException($"pair_distances: rows of {a.Shape} and {b.Shape} differ in length");
        var (n, m, d) = (a.Shape[0], b.Shape[0], a.Shape[1]);
        Tensor y = Tensor.Empty(a.Device, new(n, m));
        PairDistanceKernels.Forward(n, m, d, a.Data, b.Data, y.Data);
        return y.Record("pair_distances", (a, BackwardFirst), (b, BackwardSecond));

        Tensor BackwardFirst(Tensor dy)
        {
            Tensor da = Tensor.EmptyLike(a);
            PairDistanceKernels.BackwardFirst(n, m, d, a.Data, b.Data, dy.Data, da.Data);
            return da;
        }

        Tensor BackwardSecond(Tensor dy)
        {
            Tensor db = Tensor.EmptyLike(b);
            PairDistanceKernels.BackwardSecond(n, m, d, a.Data, b.Data, dy.Data, db.Data);
            return db;
        }
    }
}
