using Ascl.Core.Diagnostics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Reduce;

public static unsafe partial class ReduceKernels
{
    /// <summary>
    /// Minimum values or rows per group, and maximum number of groups. Constants, because the order of a sum must not depend on the device.
    /// </summary>
    private const int LeastSlice = 4096, LeastRows = 256, MostSlices = 256;

    private static void SumCuda(CudaDevice device, DeviceBuffer<float> x, float scale, DeviceBuffer<float> y) =>
        SumCuda(device, CudaDevice.View(x), scale, CudaDevice.View(y));

    /// <summary>y[0] = scale·Σ x.</summary>
    internal static void SumCuda(CudaDevice device, ArrayView<float> x, float scale, ArrayView<float> y)
    {
        (int slices, int slice) = Slices(x.IntLength, LeastSlice);
        if (slices == 1)
        {
            Launch<Cuda.Value>(device, x, slices, slice, scale, y);
            return;
        }
        DeviceBuffer<float> partial = device.Pool.Rent(slices, 0);
        Launch<Cuda.Value>(device, x, slices, slice, 1, CudaDevice.View(partial));
        Launch<Cuda.Value>(device, CudaDevice.View(partial), 1, slices, scale, y);
        device.Pool.Return(partial);
    }

    /// <summary>Slices of x are summed in float on the device, and those sums in double on the host, which waits for the device.</summary>
    private static double SquaredNormCuda(CudaDevice device, DeviceBuffer<float> x)
    {
        (int slices, int slice) = Slices(x.Length, LeastSlice);
        DeviceBuffer<float> partial = device.Pool.Rent(slices, 0);
        Launch<Cuda.Square>(device, CudaDevice.View(x), slices, slice, 1, CudaDevice.View(partial));
        double sum = 0;
        foreach (float part in partial.ToArray())
            sum += part;
        device.Pool.Return(partial);
        return sum;
    }

    private static void ColumnSumsCuda(CudaDevice device, int rows, int columns, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
        ColumnSumsCuda(device, (rows, columns, columns), CudaDevice.View(x), CudaDevice.View(y));

    /// <summary>Sums all pixels including the border, which is zero, so that the memory is [pixels, Block].</summary>
    private static void ChannelSumsCuda(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        if (layout.Blocks != 1)
            throw new ShapeException($"reduce.channel_sums: {layout} in {layout.Blocks} blocks of {layout.Block} channels, one is needed");
        ColumnSumsCuda(device, (layout.Length / layout.Block, layout.Block, layout.C), CudaDevice.View(x), CudaDevice.View(y));
    }

    /// <summary>Sums of the first columns of [Rows, Stride].</summary>
    private static void ColumnSumsCuda(CudaDevice device, (int Rows, int Stride, int Columns) shape, ArrayView<float> x, ArrayView<float> y)
    {
        (int slices, int slice) = Slices(shape.Rows, LeastRows);
        if (slices == 1)
        {
            Launch(device, shape, slices, slice, x, y);
            return;
        }
        DeviceBuffer<float> partial = device.Pool.Rent(slices * shape.Columns, 0);
        Launch(device, shape, slices, slice, x, CudaDevice.View(partial));
        Launch(device, (slices, shape.Columns, shape.Columns), 1, slices, CudaDevice.View(partial), y);
        device.Pool.Return(partial);
    }

    private static (int Slices, int Slice) Slices(int length, int least)
    {
        int slice = Math.Max(least, (length + MostSlices - 1) / MostSlices);
        return (Math.Max(1, (length + slice - 1) / slice), slice);
    }

    private static void Launch<TTerm>(CudaDevice device, ArrayView<float> x, int slices, int slice, float scale, ArrayView<float> y)
        where TTerm : struct, Cuda.ITerm =>
        device.Launch(Cuda.Sum<TTerm>, (slices, CudaDevice.GroupSize), new Cuda.SumArguments
        {
            X = x,
            Y = y,
            Slice = slice,
            Scale = scale,
        });

    private static void Launch(
        CudaDevice device, (int Rows, int Stride, int Columns) shape, int slices, int slice, ArrayView<float> x, ArrayView<float> y) =>
            device.Launch(
        Cuda.ColumnSums,
        (new Index3D((shape.Columns + Cuda.ColumnsOfGroup - 1) / Cuda.ColumnsOfGroup, slices, 1), new Index3D(CudaDevice.GroupSize, 1, 1)),
        new Cuda.ColumnSumsArguments { X = x, Y = y, Rows = shape.Rows, Stride = shape.Stride, Columns = shape.Columns, Slice = slice });

    internal static class Cuda
    {
        public const int ColumnsOfGroup = 32;

        private const int RowsAtOnce = CudaDevice.GroupSize / ColumnsOfGroup;

        /// <summary>The term that a value contributes to a sum.</summary>
        internal interface ITerm
        {
            static abstract float Of(float x);
        }

        internal readonly struct Value : ITerm
        {
            public static float Of(float x) => x;
        }

        internal readonly struct Square : ITerm
        {
            public static float Of(float x) => x * x;
        }

        internal struct SumArguments
        {
            public ArrayView<float> X, Y;
            public int Slice;
            public float Scale;
        }

        /// <summary>y[g] = scale·Σ term(x) over the g-th slice of x: a thread takes every 256th value, then the group sums.</summary>
        internal static void Sum<TTerm>(SumArguments p) where TTerm : struct, ITerm
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            int begin = Grid.IdxX * p.Slice, end = begin + Math.Min(p.Slice, p.X.IntLength - begin);
            CompensatedSum sum = new(0, 0);
            for (int i = begin + Group.IdxX; i < end; i += CudaDevice.GroupSize)
                sum = sum.Plus(TTerm.Of(p.X[i]));
            float all = GroupReduction.Sum(shared, sum.Value);
            if (Group.IdxX == 0)
                p.Y[Grid.IdxX] = p.Scale * all;
        }

        internal struct ColumnSumsArguments
        {
            public ArrayView<float> X, Y;
            public int Rows, Stride, Columns, Slice;
        }

        /// <summary>
        /// y[s, c] = Σ over the s-th slice of rows of x[r, c]: neighbouring threads have neighbouring columns, 8 rows at a time.
        /// </summary>
        internal static void ColumnSums(ColumnSumsArguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(CudaDevice.GroupSize);
            int column = Grid.IdxX * ColumnsOfGroup + (Group.IdxX & (ColumnsOfGroup - 1)), begin = Grid.IdxY * p.Slice;
            int end = begin + Math.Min(p.Slice, p.Rows - begin);
            CompensatedSum sum = new(0, 0);
            if (column < p.Columns)
                for (int row = begin + (Group.IdxX >> 5); row < end; row += RowsAtOnce)
                    sum = sum.Plus(p.X[row * p.Stride + column]);
            shared[Group.IdxX] = sum.Value;
            Group.Barrier();
            if (Group.IdxX >= ColumnsOfGroup || column >= p.Columns)
                return;
            float all = 0;
            for (int part = Group.IdxX; part < CudaDevice.GroupSize; part += ColumnsOfGroup)
                all += shared[part];
            p.Y[Grid.IdxY * p.Columns + column] = all;
        }
    }
}
