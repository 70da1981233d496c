using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.ReduceAxis;

/// <summary>A thread owns a value of the result; where there is no inner dimension, a warp does.</summary>
public static partial class ReduceAxisKernels
{
    private static void SumCuda(
        CudaDevice device, int outer, int size, int run, int inner, DeviceBuffer<float> x, float scale, DeviceBuffer<float> y)
    {
        Cuda.Arguments p = Cuda.Of(size, run, inner, x, y) with { Scale = scale };
        if (inner == 1)
            device.Launch(Cuda.SumAlong, WarpRows.For(y.Length), p);
        else
            device.Launch(Cuda.SumAcross, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), p);
    }

    private static void MaxCuda(CudaDevice device, int outer, int size, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        Cuda.Arguments p = Cuda.Of(size, size, inner, x, y);
        if (inner == 1)
            device.Launch(Cuda.MaxAlong, WarpRows.For(y.Length), p);
        else
            device.Launch(Cuda.MaxAcross, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), p);
    }

    private static void MaxBackwardCuda(
        CudaDevice device, int outer, int size, int inner, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y,
        DeviceBuffer<float> dx) =>
        device.Launch(Cuda.MaxBackward, (CudaDevice.Groups(y.Length), CudaDevice.GroupSize), Cuda.Of(size, size, inner, x, y) with
        {
            GradientY = CudaDevice.View(dy),
            GradientX = CudaDevice.View(dx),
        });

    internal static class Cuda
    {
        internal struct Arguments
        {
            public ArrayView<float> X, Y, GradientY, GradientX;

            /// <summary>By the inner dimension, and by the runs of an outer one.</summary>
            public InvariantDivision Inner, Runs;
            public int Size, Run;
            public float Scale;
        }

        public static Arguments Of(int size, int run, int inner, DeviceBuffer<float> x, DeviceBuffer<float> y) => new()
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Inner = new(inner),
            Runs = new(run == 0 ? 1 : (size + run - 1) / run),
            Size = size,
            Run = run,
            Scale = 1,
        };

        internal static void SumAlong(Arguments p)
        {
            int row = WarpRows.Row;
            if (row >= p.Y.IntLength)
                return;
            int outer = p.Runs.Quotient(row), first = (row - outer * p.Runs.Divisor) * p.Run;
            int end = IntrinsicMath.Min(p.Size, first + p.Run);
            float sum = 0;
            for (int r = first + WarpRows.Lane; r < end; r += WarpRows.Lanes)
                sum += p.X[outer * p.Size + r];
            sum = WarpRows.Sum(sum);
            if (WarpRows.Lane == 0)
                p.Y[row] = p.Scale * sum;
        }

        internal static void SumAcross(Arguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i >= p.Y.IntLength)
                return;
            int row = p.Inner.Quotient(i), outer = p.Runs.Quotient(row), first = (row - outer * p.Runs.Divisor) * p.Run;
            int end = IntrinsicMath.Min(p.Size, first + p.Run), start = outer * p.Size * p.Inner.Divisor + i - row * p.Inner.Divisor;
            float sum = 0;
            for (int r = first; r < end; r++)
                sum += p.X[start + r * p.Inner.Divisor];
            p.Y[i] = p.Scale * sum;
        }

        internal static void MaxAlong(Arguments p)
        {
            int row = WarpRows.Row;
            if (row >= p.Y.IntLength)
                return;
            float largest = float.NegativeInfinity;
            for (int r = WarpRows.Lane; r < p.Size; r += WarpRows.Lanes)
                largest = WarpRows.Larger(p.X[row * p.Size + r], largest);
            largest = WarpRows.Max(largest);
            if (WarpRows.Lane == 0)
                p.Y[row] = largest;
        }

        internal static void MaxAcross(Arguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i >= p.Y.IntLength)
                return;
            int outer = p.Inner.Quotient(i), start = outer * p.Size * p.Inner.Divisor + i - outer * p.Inner.Divisor;
            float largest = p.X[start];
            for (int r = 1; r < p.Size; r++)
                largest = WarpRows.Larger(p.X[start + r * p.Inner.Divisor], largest);
            p.Y[i] = largest;
        }

        internal static void MaxBackward(Arguments p)
        {
            int i = Grid.GlobalIndex.X;
            if (i >= p.Y.IntLength)
                return;
            int outer = p.Inner.Quotient(i), start = outer * p.Size * p.Inner.Divisor + i - outer * p.Inner.Divisor;
            float largest = p.Y[i], open = p.GradientY[i];
            for (int r = 0; r < p.Size; r++)
            {
                int at = start + r * p.Inner.Divisor;
                bool isFirst = p.X[at] == largest;
                p.GradientX[at] = isFirst ? open : 0;
                open = isFirst ? 0 : open;
            }
        }
    }
}
