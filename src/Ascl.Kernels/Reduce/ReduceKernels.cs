using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;

namespace Ascl.Kernels.Reduce;

/// <summary>Sums in a fixed order, accumulated in double on the CPU and in compensated floats on CUDA.</summary>
public static unsafe partial class ReduceKernels
{
    /// <summary>y[0] = scale·Σ x.</summary>
    public static void Sum(DeviceBuffer<float> x, float scale, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("reduce.sum", x.Length, x.Length, 4.0 * x.Length, OnCpu, cuda => SumCuda(cuda, x, scale, y), y);

        void OnCpu(CpuDevice cpu)
        {
            float* px = CpuDevice.Pointer(x);
            double sum = 0;
            for (int i = 0; i < x.Length; i++)
                sum += px[i];
            *CpuDevice.Pointer(y) = (float)(scale * sum);
        }
    }

    /// <summary>Σ x², returned to the host. On CUDA the squares must be in the range of a float.</summary>
    public static double SquaredNorm(DeviceBuffer<float> x) =>
        DeviceKernel.ReadBack("reduce.squared_norm", x.Length, 2.0 * x.Length, 4.0 * x.Length,
            cpu => SquaredNormCpu(cpu, x),
            cuda => SquaredNormCuda(cuda, x),
            x);

    private static double SquaredNormCpu(CpuDevice device, DeviceBuffer<float> x)
    {
        const int FloatsPerItem = 1 << 15;
        float* px = CpuDevice.Pointer(x);
        int length = x.Length;
        double[] sums = new double[(length + FloatsPerItem - 1) / FloatsPerItem];
        device.For(sums.Length, (item, _) =>
        {
            double sum = 0;
            for (int i = item * FloatsPerItem; i < Math.Min(length, (item + 1) * FloatsPerItem); i++)
                sum += (double)px[i] * px[i];
            sums[item] = sum;
        });
        return sums.Sum();
    }

    /// <summary>y[c] = Σ over rows of x[r, c], x plain [rows, columns].</summary>
    public static void ColumnSums(int rows, int columns, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("reduce.column_sums", (rows, columns), (double)rows * columns, 4.0 * rows * columns, OnCpu,
            cuda => ColumnSumsCuda(cuda, rows, columns, x, y), y);

        void OnCpu(CpuDevice cpu)
        {
            float* px = CpuDevice.Pointer(x), py = CpuDevice.Pointer(y);
            double[] sums = new double[columns];
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < columns; c++)
                    sums[c] += px[(nint)r * columns + c];
            for (int c = 0; c < columns; c++)
                py[c] = (float)sums[c];
        }
    }

    /// <summary>y[c] = Σ over n, h, w of x[n, c, h, w], x in channel blocks: a convolution's bias gradient.</summary>
    public static void ChannelSums(ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("reduce.channel_sums", layout, layout.Length, 4.0 * layout.Length,
            cpu => ChannelSumsCpu(cpu, layout, x, y),
            cuda => ChannelSumsCuda(cuda, layout, x, y),
            y);
    }
}
