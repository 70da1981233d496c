using Ascl.Kernels.Activations;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Pool2d;

/// <summary>Maximum, average and global average pooling.</summary>
public static unsafe partial class Pool2dKernels
{
    private static readonly Pool2dCpu Cpu = SimdWidth.Choose<Pool2dCpu>(() => new Pool2dCpu<F16>(), () => new Pool2dCpu<F8>(), () => new Pool2dCpu<F4>());

    /// <summary>y = the largest value of each window.</summary>
    public static void MaxForward(Pool2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        using var trace = KernelTrace.Begin("pool2d.max_forward", g, g.Input.Length, 4.0 * (g.Input.Length + g.Output.Length));
        if (x.Device is CudaDevice cuda)
            Cuda.Forward(cuda, g, true, x, y);
        else
            Cpu.Forward((CpuDevice)x.Device, g, true, CpuDevice.Pointer(x), CpuDevice.Pointer(y));
    }

    /// <summary>dx: dy goes to the first (row by row) of the largest values of its window.</summary>
    public static void MaxBackward(Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> x, DeviceBuffer<float> y, DeviceBuffer<float> dx)
    {
        using var trace = KernelTrace.Begin("pool2d.max_backward", g, g.Input.Length, 4.0 * (2.0 * g.Input.Length + 2.0 * g.Output.Length));
        if (x.Device is CudaDevice cuda)
            Cuda.Backward(cuda, g, dy, x, y, dx);
        else
            Cpu.Backward((CpuDevice)x.Device, g, CpuDevice.Pointer(dy), CpuDevice.Pointer(x), CpuDevice.Pointer(y), CpuDevice.Pointer(dx));
    }

    /// <summary>y = the mean of each window.</summary>
    public static void AverageForward(Pool2dGeometry g, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        using var trace = KernelTrace.Begin("pool2d.average_forward", g, g.Input.Length, 4.0 * (g.Input.Length + g.Output.Length));
        if (x.Device is CudaDevice cuda)
            Cuda.Forward(cuda, g, false, x, y);
        else
            Cpu.Forward((CpuDevice)x.Device, g, false, CpuDevice.Pointer(x), CpuDevice.Pointer(y));
    }

    /// <summary>dx: dy spread evenly over its window.</summary>
    public static void AverageBackward(Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        using var trace = KernelTrace.Begin("pool2d.average_backward", g, g.Input.Length, 4.0 * (g.Input.Length + g.Output.Length));
        if (dy.Device is CudaDevice cuda)
            Cuda.Backward(cuda, g, dy, null, null, dx);
        else
            Cpu.Backward((CpuDevice)dy.Device, g, CpuDevice.Pointer(dy), null, null, CpuDevice.Pointer(dx));
    }

    /// <summary>y[n, c] = mean over H and W of x[n, c]; y is plain [N, C].</summary>
    public static void GlobalAverageForward(ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y)
    {
        using var trace = KernelTrace.Begin("pool2d.global_average_forward", layout, layout.Length, 4.0 * layout.Length);
        if (x.Device is CudaDevice cuda)
            Cuda.GlobalForward(cuda, layout, x, y);
        else
            Cpu.GlobalForward((CpuDevice)x.Device, layout, CpuDevice.Pointer(x), CpuDevice.Pointer(y));
    }

    /// <summary>dx[n, c, y, x] = dy[n, c]/(H·W).</summary>
    public static void GlobalAverageBackward(ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> dx)
    {
        using var trace = KernelTrace.Begin("pool2d.global_average_backward", layout, layout.Length, 4.0 * layout.Length);
        if (dy.Device is CudaDevice cuda)
            Cuda.GlobalBackward(cuda, layout, dy, dx);
        else
            Cpu.GlobalBackward((CpuDevice)dy.Device, layout, CpuDevice.Pointer(dy), CpuDevice.Pointer(dx));
    }
}
