using System.Runtime.CompilerServices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Contrastive;

/// <summary>
/// Tiles of Side × Side pairs of rows. Distances: lanes are rows j, and both blocks are [d][Side]. Gradients: lanes are coordinates, and
/// blocks are [d / Width][Side][Width] with the last vector zero-padded.
/// </summary>
internal static unsafe class SimilarityTile<F, TDistance> where F : struct, ISimd<F> where TDistance : struct, IRowDistance
{
    private const int Side = ContrastiveCpu.Side;
    private const MethodImplOptions Kernel = MethodImplOptions.AggressiveOptimization;

    /// <summary>distances[i·Side + j] = S(u_i, v_j).</summary>
    /// <param name="edges">[Side·Side], receives <see cref="IRowDistance.OfLargest"/>'s edges; null if they are not needed.</param>
    public static void Distances(float* u, float* v, int d, float* distances, float* edges)
    {
        if (TDistance.OfLargest)
        {
            for (int j = 0; j < Side; j += F.Width)
                for (int i = 0; i < Side; i++)
                    Largest(u + i, v + j, d, distances + i * Side + j, edges == null ? null : edges + i * Side + j);
            return;
        }
        for (int j = 0; j < Side; j += 2 * F.Width)
            if (F.Width == 16)
            {
                for (int i = 0; i < Side; i += 8)
                    Distances8x2(u + i, v + j, d, distances + i * Side + j);
            }
            else
            {
                for (int i = 0; i < Side; i += 4)
                    Distances4x2(u + i, v + j, d, distances + i * Side + j);
            }
    }

    /// <summary>8 rows i × 2 vectors of rows j: the sums stay in 16 of AVX-512's 32 registers.</summary>
    [MethodImpl(Kernel), SkipLocalsInit]
    private static void Distances8x2(float* u, float* v, int d, float* distances)
    {
        F s00 = F.Zero, s01 = F.Zero, s10 = F.Zero, s11 = F.Zero, s20 = F.Zero, s21 = F.Zero, s30 = F.Zero, s31 = F.Zero;
        F s40 = F.Zero, s41 = F.Zero, s50 = F.Zero, s51 = F.Zero, s60 = F.Zero, s61 = F.Zero, s70 = F.Zero, s71 = F.Zero;
        for (int k = 0; k < d; k++)
        {
            F v0 = F.Load(v), v1 = F.Load(v + F.Width);
            F x = F.Broadcast(u[0]);
            s00 = TDistance.Accumulate(s00, x, v0); s01 = TDistance.Accumulate(s01, x, v1);
            x = F.Broadcast(u[1]);
            s10 = TDistance.Accumulate(s10, x, v0); s11 = TDistance.Accumulate(s11, x, v1);
            x = F.Broadcast(u[2]);
            s20 = TDistance.Accumulate(s20, x, v0); s21 = TDistance.Accumulate(s21, x, v1);
            x = F.Broadcast(u[3]);
            s30 = TDistance.Accumulate(s30, x, v0); s31 = TDistance.Accumulate(s31, x, v1);
            x = F.Broadcast(u[4]);
            s40 = TDistance.Accumulate(s40, x, v0); s41 = TDistance.Accumulate(s41, x, v1);
            x = F.Broadcast(u[5]);
            s50 = TDistance.Accumulate(s50, x, v0); s51 = TDistance.Accumulate(s51, x, v1);
            x = F.Broadcast(u[6]);
            s60 = TDistance.Accumulate(s60, x, v0); s61 = TDistance.Accumulate(s61, x, v1);
            x = F.Broadcast(u[7]);
            s70 = TDistance.Accumulate(s70, x, v0); s71 = TDistance.Accumulate(s71, x, v1);
            u += Side;
            v += Side;
        }
        Store(distances, s00, s01);
        Store(distances + Side, s10, s11);
        Store(distances + 2 * Side, s20, s21);
        Store(distances + 3 * Side, s30, s31);
        Store(distances + 4 * Side, s40, s41);
        Store(distances + 5 * Side, s50, s51);
        Store(distances + 6 * Side, s60, s61);
        Store(distances + 7 * Side, s70, s71);
    }

    /// <summary>4 rows i × 2 vectors of rows j, for machines with 16 registers.</summary>
    [MethodImpl(Kernel), SkipLocalsInit]
    private static void Distances4x2(float* u, float* v, int d, float* distances)
    {
        F s00 = F.Zero, s01 = F.Zero, s10 = F.Zero, s11 = F.Zero, s20 = F.Zero, s21 = F.Zero, s30 = F.Zero, s31 = F.Zero;
        for (int k = 0; k < d; k++)
        {
            F v0 = F.Load(v), v1 = F.Load(v + F.Width);
            F x = F.Broadcast(u[0]);
            s00 = TDistance.Accumulate(s00, x, v0); s01 = TDistance.Accumulate(s01, x, v1);
            x = F.Broadcast(u[1]);
            s10 = TDistance.Accumulate(s10, x, v0); s11 = TDistance.Accumulate(s11, x, v1);
            x = F.Broadcast(u[2]);
            s20 = TDistance.Accumulate(s20, x, v0); s21 = TDistance.Accumulate(s21, x, v1);
            x = F.Broadcast(u[3]);
            s30 = TDistance.Accumulate(s30, x, v0); s31 = TDistance.Accumulate(s31, x, v1);
            u += Side;
            v += Side;
        }
        Store(distances, s00, s01);
        Store(distances + Side, s10, s11);
        Store(distances + 2 * Side, s20, s21);
        Store(distances + 3 * Side, s30, s31);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* distances, F low, F high)
    {
        TDistance.Finish(low).Store(distances);
        TDistance.Finish(high).Store(distances + F.Width);
    }

    /// <summary>One row i × a vector of rows j: ten registers a pair leave no room for more.</summary>
    [MethodImpl(Kernel), SkipLocalsInit]
    private static void Largest(float* u, float* v, int d, float* distances, float* edges)
    {
        TenLargest<F> largest = default;
        for (int k = 0; k < d; k++, u += Side, v += Side)
            largest = largest.With(F.Abs(F.Broadcast(*u) - F.Load(v)));
        largest.Mean(TenLargest<F>.CountOf(d)).Store(distances);
        if (edges != null)
            largest.Edge.Store(edges);
    }

    /// <summary>ties[i·Side + j] = how many coordinates of a pair share its gradient.</summary>
    [MethodImpl(Kernel), SkipLocalsInit]
    public static void Ties(float* u, float* v, int d, float* edges, float* ties)
    {
        F least = TDistance.OfLargest ? F.Broadcast(TenLargest<F>.CountOf(d)) : F.Zero;
        for (int j = 0; j < Side; j += F.Width)
            for (int i = 0; i < Side; i += 4)
            {
                float* row = edges + i * Side + j;
                F d0 = F.Load(row), d1 = F.Load(row + Side), d2 = F.Load(row + 2 * Side), d3 = F.Load(row + 3 * Side);
                F n0 = F.Zero, n1 = F.Zero, n2 = F.Zero, n3 = F.Zero, one = F.Broadcast(1);
                float* ui = u + i, vj = v + j;
                for (int k = 0; k < d; k++, ui += Side, vj += Side)
                {
                    F x = F.Load(vj);
                    n0 += TDistance.Share(F.Broadcast(ui[0]) - x, d0, one);
                    n1 += TDistance.Share(F.Broadcast(ui[1]) - x, d1, one);
                    n2 += TDistance.Share(F.Broadcast(ui[2]) - x, d2, one);
                    n3 += TDistance.Share(F.Broadcast(ui[3]) - x, d3, one);
                }
                row = ties + i * Side + j;
                F.Max(least, n0).Store(row);
                F.Max(least, n1).Store(row + Side);
                F.Max(least, n2).Store(row + 2 * Side);
                F.Max(least, n3).Store(row + 3 * Side);
            }
    }

    /// <summary>
    /// Adds the gradients of four rows i of the tile with all rows j: du_i += Σ_j ∂/∂u_i and dv_j += Σ_i ∂/∂v_j. All pointers except
    /// <paramref name="v"/> and <paramref name="dv"/> point at the first of the four rows.
    /// </summary>
    [MethodImpl(Kernel), SkipLocalsInit]
    public static void Gradients(float* u, float* v, int vectors, float* weights, float* edges, float* du, float* dv)
    {
        for (int k = 0; k < vectors; k++)
        {
            F u0 = F.Load(u), u1 = F.Load(u + F.Width), u2 = F.Load(u + 2 * F.Width), u3 = F.Load(u + 3 * F.Width);
            F g0 = F.Zero, g1 = F.Zero, g2 = F.Zero, g3 = F.Zero;
            for (int j = 0; j < Side; j++)
            {
                F x = F.Load(v), dx = F.Load(dv);
                F w0 = F.Broadcast(weights[j]), w1 = F.Broadcast(weights[Side + j]);
                F w2 = F.Broadcast(weights[2 * Side + j]), w3 = F.Broadcast(weights[3 * Side + j]);
                if (TDistance.OfDifference)
                {
                    F t0 = TDistance.Gradient(u0 - x, w0, F.Broadcast(edges[j]));
                    F t1 = TDistance.Gradient(u1 - x, w1, F.Broadcast(edges[Side + j]));
                    F t2 = TDistance.Gradient(u2 - x, w2, F.Broadcast(edges[2 * Side + j]));
                    F t3 = TDistance.Gradient(u3 - x, w3, F.Broadcast(edges[3 * Side + j]));
                    g0 += t0;
                    g1 += t1;
                    g2 += t2;
                    g3 += t3;
                    dx -= (t0 + t1) + (t2 + t3);
                }
                else
                {
                    g0 = F.MulAdd(w0, x, g0);
                    g1 = F.MulAdd(w1, x, g1);
                    g2 = F.MulAdd(w2, x, g2);
                    g3 = F.MulAdd(w3, x, g3);
                    dx = F.MulAdd(w0, u0, F.MulAdd(w1, u1, dx)) + F.MulAdd(w2, u2, w3 * u3);
                }
                dx.Store(dv);
                v += F.Width;
                dv += F.Width;
            }
            (F.Load(du) + g0).Store(du);
            (F.Load(du + F.Width) + g1).Store(du + F.Width);
            (F.Load(du + 2 * F.Width) + g2).Store(du + 2 * F.Width);
            (F.Load(du + 3 * F.Width) + g3).Store(du + 3 * F.Width);
            u += Side * F.Width;
            du += Side * F.Width;
        }
    }
}
