using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Pool2d;

/// <summary>Maximum, average and global average pooling.</summary>
public static unsafe partial class Pool2dKernels
{
    private static readonly Pool2dCpu Cpu = SimdWidth.Choose<Pool2dCpu>(
        () => new Pool2dCpu<F16>(), () => new Pool2dCpu<F8>(), () => new Pool2dCpu<F4>());

    /// <summary>y = the maximum of each window's pixels in the image.</summary>
    public static void MaxForward(Pool2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("pool2d.max_forward", g, g.Input.Length, 4.0 * (g.Input.Length + g.Output.Length),
            cpu => Cpu.Forward(cpu, g, true, CpuDevice.Pointer(x), CpuDevice.Pointer(y)),
            cuda => Cuda.Forward(cuda, g, true, x, y),
            y);
    }

    /// <summary>dx: each window's dy goes to its maximum, the first in row-major order among equals.</summary>
    public static void MaxBackward(
        Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y, DeviceBuffer<float> dx)
    {
        DeviceKernel.Run("pool2d.max_backward", g, g.Input.Length, 4.0 * (2.0 * g.Input.Length + 2.0 * g.Output.Length),
            cpu => Cpu.Backward(cpu, g, CpuDevice.Pointer(dy), CpuDevice.Pointer(x), CpuDevice.Pointer(y), CpuDevice.Pointer(dx)),
            cuda => Cuda.Backward(cuda, g, dy, x, y, dx),
            dx);
    }

    /// <summary>y = the sum of each window's pixels in the image, divided by those that count (<see cref="Pool2dGeometry"/>).</summary>
    public static void AverageForward(Pool2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("pool2d.average_forward", g, g.Input.Length, 4.0 * (g.Input.Length + g.Output.Length),
            cpu => Cpu.Forward(cpu, g, false, CpuDevice.Pointer(x), CpuDevice.Pointer(y)),
            cuda => Cuda.Forward(cuda, g, false, x, y),
            y);
    }

    /// <summary>dx: each window's dy, divided by its pixels that count, goes to those in the image.</summary>
    public static void AverageBackward(Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        DeviceKernel.Run("pool2d.average_backward", g, g.Input.Length, 4.0 * (g.Input.Length + g.Output.Length),
            cpu => Cpu.Backward(cpu, g, CpuDevice.Pointer(dy), null, null, CpuDevice.Pointer(dx)),
            cuda => Cuda.Backward(cuda, g, dy, null, null, dx),
            dx);
    }

    /// <summary>y[n, c] = mean over H and W of x[n, c]; y is plain [N, C].</summary>
    public static void GlobalAverageForward(ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("pool2d.global_average_forward", layout, layout.Length, 4.0 * layout.Length,
            cpu => Cpu.GlobalForward(cpu, layout, false, CpuDevice.Pointer(x), CpuDevice.Pointer(y)),
            cuda => Cuda.GlobalForward(cuda, layout, false, x, y),
            y);
    }

    /// <summary>dx[n, c, y, x] = dy[n, c]/(H·W).</summary>
    public static void GlobalAverageBackward(ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        DeviceKernel.Run("pool2d.global_average_backward", layout, layout.Length, 4.0 * layout.Length,
            cpu => Cpu.GlobalBackward(cpu, layout, CpuDevice.Pointer(dy), null, null, CpuDevice.Pointer(dx)),
            cuda => Cuda.GlobalBackward(cuda, layout, dy, null, null, dx),
            dx);
    }

    /// <summary>y[n, c] = the largest of x[n, c]; y is plain [N, C].</summary>
    public static void GlobalMaxForward(ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        DeviceKernel.Run("pool2d.global_max_forward", layout, layout.Length, 4.0 * layout.Length,
            cpu => Cpu.GlobalForward(cpu, layout, true, CpuDevice.Pointer(x), CpuDevice.Pointer(y)),
            cuda => Cuda.GlobalForward(cuda, layout, true, x, y),
            y);
    }

    /// <summary>dx: dy[n, c] at the largest value of x[n, c], the first in row-major order among equals; elsewhere 0.</summary>
    public static void GlobalMaxBackward(
        ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y, DeviceBuffer<float> dx)
    {
        DeviceKernel.Run("pool2d.global_max_backward", layout, layout.Length, 8.0 * layout.Length,
            cpu => Cpu.GlobalBackward(
                cpu, layout, CpuDevice.Pointer(dy), CpuDevice.Pointer(x), CpuDevice.Pointer(y), CpuDevice.Pointer(dx)),
            cuda => Cuda.GlobalBackward(cuda, layout, dy, x, y, dx),
            dx);
    }
}
