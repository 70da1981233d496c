using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.PairDistance;

internal static class PairDistanceCuda
{
    /// <summary>Rows of a and of b per group, and coordinates in a shared-memory slice.</summary>
    private const int Side = 16;

    private const int Pitch = Side + 1, CoordinatesOfGroup = 64;

    public static void Forward(
        CudaDevice device, int n, int m, int d, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> distances) =>
            device.Launch(
        Forward, (new Index3D((m + Side - 1) / Side, (n + Side - 1) / Side, 1), new Index3D(Side, Side, 1)),
        new ForwardArguments
        {
            A = CudaDevice.View(a),
            B = CudaDevice.View(b),
            Distances = CudaDevice.View(distances),
            N = n,
            M = m,
            D = d,
        });

    /// <param name="dDistances">dD of own row i and other row j, at i·<paramref name="row"/> + j·<paramref name="column"/>.</param>
    public static void Backward(
        CudaDevice device, (int Own, int Other, int D) sizes, DeviceBuffer<float> own, DeviceBuffer<float> other,
        DeviceBuffer<float> dDistances, int row, int column, DeviceBuffer<float> gradient) =>
        device.Launch(
            Backward,
            (new Index3D(sizes.Own, (sizes.D + CoordinatesOfGroup - 1) / CoordinatesOfGroup, 1), new Index3D(CoordinatesOfGroup, 1, 1)),
            new BackwardArguments
            {
                Own = CudaDevice.View(own),
                Other = CudaDevice.View(other),
                DistanceGradient = CudaDevice.View(dDistances),
                Gradient = CudaDevice.View(gradient),
                Others = sizes.Other,
                D = sizes.D,
                Row = row,
                Column = column,
            });

    public static void ClassWeights(CudaDevice device, DeviceBuffer<int> labels, float other, DeviceBuffer<float> weights) => device.Launch(
        ClassWeights, (new Index3D(CudaDevice.Groups(labels.Length), labels.Length, 1), new Index3D(CudaDevice.GroupSize, 1, 1)),
        new ClassWeightsArguments { Labels = CudaDevice.View(labels), Weights = CudaDevice.View(weights), Other = other });

    internal struct ClassWeightsArguments
    {
        public ArrayView<int> Labels;
        public ArrayView<float> Weights;
        public float Other;
    }

    /// <summary>A thread owns a pair.</summary>
    internal static void ClassWeights(ClassWeightsArguments p)
    {
        int j = Grid.GlobalIndex.X, i = Grid.IdxY, n = p.Labels.IntLength;
        if (j < n)
            p.Weights[i * n + j] = p.Labels[i] == p.Labels[j] ? 1 : p.Other;
    }

    internal struct ForwardArguments
    {
        public ArrayView<float> A, B, Distances;
        public int N, M, D;
    }

    /// <summary>
    /// A thread owns a pair of rows; the group loads 16 coordinates of 16 rows of each side into shared memory at a time.
    /// </summary>
    internal static void Forward(ForwardArguments p)
    {
        ArrayView<float> a = SharedMemory.Allocate<float>(Side * Pitch), b = SharedMemory.Allocate<float>(Side * Pitch);
        int x = Group.IdxX, y = Group.IdxY, j = Grid.IdxX * Side + x, i = Grid.IdxY * Side + y, rowOfB = Grid.IdxX * Side + y;
        float sum = 0;
        for (int first = 0; first < p.D; first += Side)
        {
            int k = first + x;
            Group.Barrier();
            a[y * Pitch + x] = i < p.N && k < p.D ? p.A[i * p.D + k] : 0;
            b[y * Pitch + x] = rowOfB < p.M && k < p.D ? p.B[rowOfB * p.D + k] : 0;
            Group.Barrier();
            for (int c = 0; c < Side; c++)
                sum += MathF.Abs(a[y * Pitch + c] - b[x * Pitch + c]);
        }
        if (i < p.N && j < p.M)
            p.Distances[i * p.M + j] = sum;
    }

    internal struct BackwardArguments
    {
        public ArrayView<float> Own, Other, DistanceGradient, Gradient;
        public int Others, D, Row, Column;
    }

    /// <summary>A thread owns one coordinate of a row; the threads of a group share the row, and so the weights.</summary>
    internal static void Backward(BackwardArguments p)
    {
        int i = Grid.IdxX, k = Grid.IdxY * CoordinatesOfGroup + Group.IdxX;
        if (k >= p.D)
            return;
        float x = p.Own[i * p.D + k], sum = 0;
        for (int j = 0; j < p.Others; j++)
        {
            float weight = p.DistanceGradient[i * p.Row + j * p.Column], other = p.Other[j * p.D + k];
            sum += x > other ? weight : x < other ? -weight : 0;
        }
        p.Gradient[i * p.D + k] = sum;
    }
}
