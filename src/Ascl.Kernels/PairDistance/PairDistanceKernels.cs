using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.PairDistance;

/// <summary>L1 distances between all rows of two matrices, and weights of such pairs.</summary>
public static unsafe class PairDistanceKernels
{
    /// <summary>D[i, j] = Σ_k |a[i, k] − b[j, k]|.</summary>
    /// <param name="n">Rows of a.</param>
    /// <param name="m">Rows of b.</param>
    /// <param name="d">Coordinates per row.</param>
    /// <param name="a">[n, d].</param>
    /// <param name="b">[m, d].</param>
    /// <param name="distances">[n, m] receives D.</param>
    public static void Forward(int n, int m, int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> distances)
    {
        const string name = "pair_distance.forward";
        Check(name, n, m, d, a, b, distances);
        DeviceKernel.Run(name, (n, m, d), 3.0 * n * m * d, 4.0 * ((double)n * m + (n + m) * d),
            cpu => PairDistanceCpu.Instance.Forward(cpu, n, m, d, CpuDevice.Pointer(a), CpuDevice.Pointer(b), CpuDevice.Pointer(distances)),
            cuda => PairDistanceCuda.Forward(cuda, n, m, d, a, b, distances),
            distances);
    }

    /// <summary>da[i, k] = Σ_j dD[i, j]·sign(a[i, k] − b[j, k]); equal coordinates contribute nothing.</summary>
    /// <param name="dDistances">[n, m].</param>
    /// <param name="da">[n, d] receives the gradient with respect to a.</param>
    public static void BackwardFirst(
        int n, int m, int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDistances, DeviceBuffer<float> da)
    {
        const string name = "pair_distance.backward_first";
        Check(name, n, m, d, a, b, dDistances);
        Backward(name, (n, m, d), a, b, (dDistances, m, 1), da);
    }

    /// <summary>db[j, k] = Σ_i dD[i, j]·sign(b[j, k] − a[i, k]).</summary>
    /// <param name="dDistances">[n, m].</param>
    /// <param name="db">[m, d] receives the gradient with respect to b.</param>
    public static void BackwardSecond(
        int n, int m, int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDistances, DeviceBuffer<float> db)
    {
        const string name = "pair_distance.backward_second";
        Check(name, n, m, d, a, b, dDistances);
        Backward(name, (m, n, d), b, a, (dDistances, 1, m), db);
    }

    /// <summary>w[i, j] = 1 if rows i and j have the same label, else <paramref name="other"/>.</summary>
    /// <param name="labels">[n].</param>
    /// <param name="weights">[n, n] receives w.</param>
    public static void ClassWeights(DeviceBuffer<int> labels, float other, DeviceBuffer<float> weights)
    {
        const string name = "pair_distance.class_weights";
        int n = labels.Length;
        if (weights.Length != (long)n * n)
            throw new ShapeException($"{name}: {weights.Length} weights for the {n}×{n} pairs of rows");
        DeviceKernel.Run(name, n, 0, 4.0 * n * n, OnCpu, cuda => PairDistanceCuda.ClassWeights(cuda, labels, other, weights), weights);

        void OnCpu(CpuDevice cpu)
        {
            int* y = CpuDevice.Pointer(labels);
            float* w = CpuDevice.Pointer(weights);
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++)
                    w[(nint)i * n + j] = y[i] == y[j] ? 1 : other;
        }
    }

    /// <summary>
    /// The gradient with respect to the rows <paramref name="own"/>; dD of own row i and other row j is at i·Row + j·Column.
    /// </summary>
    private static void Backward(
        string name, (int Own, int Other, int D) sizes, DeviceBuffer<float> own, DeviceBuffer<float> other,
        (DeviceBuffer<float> Values, int Row, int Column) dDistances, DeviceBuffer<float> gradient)
    {
        if (gradient.Length != own.Length)
            throw new ShapeException($"{name}: the gradient has {gradient.Length} values, the rows {own.Length}");
        DeviceKernel.Run(name, sizes, 3.0 * sizes.Own * sizes.Other * sizes.D,
            4.0 * ((double)sizes.Own * sizes.Other + (sizes.Own + sizes.Other) * sizes.D),
            cpu => PairDistanceCpu.Instance.Backward(cpu, sizes, CpuDevice.Pointer(own), CpuDevice.Pointer(other),
                CpuDevice.Pointer(dDistances.Values), dDistances.Row, dDistances.Column, CpuDevice.Pointer(gradient)),
            cuda => PairDistanceCuda.Backward(cuda, sizes, own, other, dDistances.Values, dDistances.Row, dDistances.Column, gradient),
            gradient);
    }

    private static void Check(string name, int n, int m, int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> distances)
    {
        foreach (
            var (buffer, length, rows, columns) in new[] { ("a", a.Length, n, d), ("b", b.Length, m, d),
                ("the distances", distances.Length, n, m) })
            if (length != (long)rows * columns)
                throw new ShapeException($"{name}: {buffer} of {length} values for [{rows}, {columns}]");
    }
}
