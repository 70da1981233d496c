using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Standardize;

/// <summary>A warp owns a short row, a group a long one. Lanes add with compensation, so that long rows stay accurate.</summary>
public static partial class StandardizeKernels
{
    /// <summary>Rows longer than this have a group each.</summary>
    private const int LongestOfWarp = 1024;

    private static void ForwardCuda(
        CudaDevice device, int rows, int length, DeviceBuffer<float> x, float epsilon, DeviceBuffer<float> y,
        DeviceBuffer<float> inverseStd)
    {
        Cuda.ForwardArguments p = new()
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            InverseStd = CudaDevice.View(inverseStd),
            Rows = rows,
            Length = length,
            Epsilon = epsilon,
            Share = 1f / length,
        };
        if (length > LongestOfWarp)
            device.Launch(Cuda.Forward<Cuda.GroupTeam>, (rows, CudaDevice.GroupSize), p);
        else
            device.Launch(Cuda.Forward<Cuda.WarpTeam>, WarpRows.For(rows), p);
    }

    private static void BackwardCuda(
        CudaDevice device, int rows, int length, DeviceBuffer<float> y, DeviceBuffer<float> inverseStd, DeviceBuffer<float> dy,
        DeviceBuffer<float> dx)
    {
        Cuda.BackwardArguments p = new()
        {
            Y = CudaDevice.View(y),
            InverseStd = CudaDevice.View(inverseStd),
            GradientY = CudaDevice.View(dy),
            GradientX = CudaDevice.View(dx),
            Rows = rows,
            Length = length,
            Share = 1f / length,
        };
        if (length > LongestOfWarp)
            device.Launch(Cuda.Backward<Cuda.GroupTeam>, (rows, CudaDevice.GroupSize), p);
        else
            device.Launch(Cuda.Backward<Cuda.WarpTeam>, WarpRows.For(rows), p);
    }

    internal static class Cuda
    {
        /// <summary>The threads that share a row.</summary>
        internal interface ITeam
        {
            static abstract int Row { get; }
            static abstract int Member { get; }
            static abstract int Members { get; }
            static abstract float Sum(ArrayView<float> shared, float value);
        }

        internal readonly struct WarpTeam : ITeam
        {
            public static int Row => WarpRows.Row;
            public static int Member => WarpRows.Lane;
            public static int Members => WarpRows.Lanes;
            public static float Sum(ArrayView<float> shared, float value) => WarpRows.Sum(value);
        }

        internal readonly struct GroupTeam : ITeam
        {
            public static int Row => Grid.IdxX;
            public static int Member => Group.IdxX;
            public static int Members => CudaDevice.GroupSize;
            public static float Sum(ArrayView<float> shared, float value) => GroupReduction.Sum(shared, value);
        }

        internal struct ForwardArguments
        {
            public ArrayView<float> X, Y, InverseStd;
            public int Rows, Length;
            public float Epsilon, Share;
        }

        internal static void Forward<TTeam>(ForwardArguments p) where TTeam : struct, ITeam
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int row = TTeam.Row, begin = row * p.Length;
            if (row >= p.Rows)
                return;
            CompensatedSum sum = new(0, 0);
            for (int i = TTeam.Member; i < p.Length; i += TTeam.Members)
                sum = sum.Plus(p.X[begin + i]);
            float mean = TTeam.Sum(shared, sum.Value) * p.Share;
            CompensatedSum squares = new(0, 0);
            for (int i = TTeam.Member; i < p.Length; i += TTeam.Members)
            {
                float x = p.X[begin + i] - mean;
                squares = squares.Plus(x * x);
            }
            float inverse = 1 / MathF.Sqrt(TTeam.Sum(shared, squares.Value) * p.Share + p.Epsilon);
            if (TTeam.Member == 0)
                p.InverseStd[row] = inverse;
            for (int i = TTeam.Member; i < p.Length; i += TTeam.Members)
                p.Y[begin + i] = (p.X[begin + i] - mean) * inverse;
        }

        internal struct BackwardArguments
        {
            public ArrayView<float> Y, InverseStd, GradientY, GradientX;
            public int Rows, Length;
            public float Share;
        }

        internal static void Backward<TTeam>(BackwardArguments p) where TTeam : struct, ITeam
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int row = TTeam.Row, begin = row * p.Length;
            if (row >= p.Rows)
                return;
            CompensatedSum sum = new(0, 0), along = new(0, 0);
            for (int i = TTeam.Member; i < p.Length; i += TTeam.Members)
            {
                float dy = p.GradientY[begin + i];
                sum = sum.Plus(dy);
                along = along.Plus(dy * p.Y[begin + i]);
            }
            float mean = TTeam.Sum(shared, sum.Value) * p.Share, slope = TTeam.Sum(shared, along.Value) * p.Share;
            float factor = p.InverseStd[row];
            for (int i = TTeam.Member; i < p.Length; i += TTeam.Members)
                p.GradientX[begin + i] = factor * (p.GradientY[begin + i] - mean - slope * p.Y[begin + i]);
        }
    }
}
