using Ascl.Kernels.Dispatch;
using System.Numerics;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;

namespace Ascl.Kernels.PairDistance;

/// <summary>Mean distances over pairs of rows: L2, cosine (1 − cos) and L∞, and the number of pairs.</summary>
/// <param name="Same">Pairs with equal labels.</param>
/// <param name="Other">Pairs with different labels.</param>
public readonly record struct PairMeans(
    (double L2, double Cosine, double Linf, long Count) Same, (double L2, double Cosine, double Linf, long Count) Other);

/// <summary>
/// Mean distances between the rows of two matrices, for equal and for different labels. Used in studies, and so computed on the CPU for any
/// device.
/// </summary>
public static unsafe class PairMeansKernels
{
    /// <summary>The means over all pairs of a row i of a and a row j ≠ i of b; rows i of a and of b belong to the same image.</summary>
    /// <param name="d">Coordinates per row.</param>
    /// <param name="a">[n, d].</param>
    /// <param name="b">[n, d]; may be a.</param>
    /// <param name="labels">[n], for both.</param>
    public static PairMeans Between(int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<int> labels)
    {
        const string name = "pair_means";
        int n = labels.Length;
        if (a.Length != (long)n * d || b.Length != (long)n * d)
            throw new ShapeException($"{name}: {a.Length} and {b.Length} values for [{n}, {d}]");
        return DeviceKernel.ReadBack(name, (n, d), 7.0 * n * n * d, 8.0 * n * d,
            cpu => BetweenCpu(cpu, d, a, b, labels),
            _ => CpuFallback.Compute(host =>
                BetweenCpu(host, d, CpuFallback.Download(a), CpuFallback.Download(b), CpuFallback.Download(labels))),
            a, b, labels);
    }

    private static PairMeans BetweenCpu(CpuDevice device, int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<int> labels)
    {
        int n = labels.Length;
        float* pa = CpuDevice.Pointer(a), pb = CpuDevice.Pointer(b);
        int* py = CpuDevice.Pointer(labels);
        // One worker computes a row's sums; those of the rows are added up in order.
        PairMeans[] rows = new PairMeans[n];
        double[] lengths = new double[n];
        device.For(n, (j, _) => lengths[j] = Math.Sqrt(Distances(pb + (nint)j * d, pb + (nint)j * d, d).Dot));
        device.For(n, (i, _) =>
        {
            float* row = pa + (nint)i * d;
            double length = Math.Sqrt(Distances(row, row, d).Dot);
            (double L2, double Cosine, double Linf, long Count) same = default, other = default;
            for (int j = 0; j < n; j++)
            {
                if (i == j)
                    continue;
                var (dot, squares, largest) = Distances(row, pb + (nint)j * d, d);
                double cosine = 1 - dot / Math.Max(length * lengths[j], 1e-30);
                ref var sums = ref py[i] == py[j] ? ref same : ref other;
                sums = (sums.L2 + Math.Sqrt(squares), sums.Cosine + cosine, sums.Linf + largest, sums.Count + 1);
            }
            rows[i] = new(same, other);
        });
        (double L2, double Cosine, double Linf, long Count) allSame = default, allOther = default;
        foreach (PairMeans row in rows)
            (allSame, allOther) = (Sum(allSame, row.Same), Sum(allOther, row.Other));
        return new(Mean(allSame), Mean(allOther));
    }

    private static (double Dot, double Squares, float Largest) Distances(float* a, float* b, int d)
    {
        Vector<float> dot = default, squares = default, largest = default;
        int k = 0;
        for (; k + Vector<float>.Count <= d; k += Vector<float>.Count)
        {
            Vector<float> x = *(Vector<float>*)(a + k), y = *(Vector<float>*)(b + k), difference = x - y;
            dot += x * y;
            squares += difference * difference;
            largest = Vector.Max(largest, Vector.Abs(difference));
        }
        (double Dot, double Squares, float Largest) all = (Vector.Sum(dot), Vector.Sum(squares), 0);
        for (int lane = 0; lane < Vector<float>.Count; lane++)
            all.Largest = Math.Max(all.Largest, largest[lane]);
        for (; k < d; k++)
        {
            float difference = a[k] - b[k];
            all = (all.Dot + (double)a[k] * b[k], all.Squares + (double)difference * difference,
                Math.Max(all.Largest, Math.Abs(difference)));
        }
        return all;
    }

    private static (double L2, double Cosine, double Linf, long Count) Sum(
        (double L2, double Cosine, double Linf, long Count) a, (double L2, double Cosine, double Linf, long Count) b) =>
        (a.L2 + b.L2, a.Cosine + b.Cosine, a.Linf + b.Linf, a.Count + b.Count);

    /// <summary>NaN if there are no pairs.</summary>
    private static (double L2, double Cosine, double Linf, long Count) Mean((double L2, double Cosine, double Linf, long Count) sums) =>
        (sums.L2 / sums.Count, sums.Cosine / sums.Count, sums.Linf / sums.Count, sums.Count);
}
