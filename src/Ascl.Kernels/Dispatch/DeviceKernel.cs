using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Dispatch;

/// <summary>
/// Dispatches one kernel call, the engine's own or a user's, to the path of the device that holds its buffers, and traces it (name, shape,
/// operations, bytes). The caller checks the arguments first.
/// </summary>
public static class DeviceKernel
{
    /// <summary>Runs a kernel that writes buffers, and marks them as changed.</summary>
    /// <param name="name">Kernel family and direction, such as "conv2d.backward_input".</param>
    /// <param name="shape">The problem size; formatted only while kernels are recorded or printed.</param>
    /// <param name="flops">Floating-point operations of the plain definition.</param>
    /// <param name="bytes">Minimum bytes read and written.</param>
    /// <param name="cpu">The CPU path; null if there is none.</param>
    /// <param name="cuda">
    /// The CUDA path, which launches GPU kernels
    /// (<see cref="CudaDevice.Launch{TArguments}(Action{TArguments}, ILGPU.KernelConfig, in TArguments)"/>) or computes on the host;
    /// null if there is none.
    /// </param>
    /// <param name="writes">The buffers the kernel writes, all on one device. The first is not null; optional ones may be.</param>
    /// <exception cref="NotSupportedException">The kernel has no path for the device.</exception>
    /// <exception cref="ArgumentException">The buffers are on different devices.</exception>
    public static void Run<TShape>(
        string name, TShape shape, double flops, double bytes, Action<CpuDevice>? cpu, Action<CudaDevice>? cuda,
        params ReadOnlySpan<IDeviceBuffer?> writes)
    {
        Device device = DeviceOf(name, writes);
        using KernelTrace trace = KernelTrace.Begin(name, shape, flops, bytes, device is CpuDevice);
        if (device is CudaDevice gpu && cuda is not null)
            cuda(gpu);
        else if (device is CpuDevice host && cpu is not null)
            cpu(host);
        else
            throw NoPath(name, device);
        foreach (IDeviceBuffer? written in writes)
            written?.MarkChanged();
    }

    /// <summary>Runs a kernel that writes no buffer but returns its result to the host, which waits for the device.</summary>
    /// <param name="name">Kernel family and direction, such as "reduce.squared_norm".</param>
    /// <param name="shape">The problem size; formatted only while kernels are recorded or printed.</param>
    /// <param name="flops">Floating-point operations of the plain definition.</param>
    /// <param name="bytes">Minimum bytes read.</param>
    /// <param name="cpu">The CPU path; null if there is none.</param>
    /// <param name="cuda">The CUDA path; null if there is none.</param>
    /// <param name="reads">The buffers the kernel reads, all on one device. The first is not null; optional ones may be.</param>
    /// <returns>The result of the path that ran.</returns>
    /// <exception cref="NotSupportedException">The kernel has no path for the device.</exception>
    /// <exception cref="ArgumentException">The buffers are on different devices.</exception>
    public static TResult ReadBack<TShape, TResult>(
        string name, TShape shape, double flops, double bytes, Func<CpuDevice, TResult>? cpu, Func<CudaDevice, TResult>? cuda,
        params ReadOnlySpan<IDeviceBuffer?> reads)
    {
        Device device = DeviceOf(name, reads);
        using KernelTrace trace = KernelTrace.Begin(name, shape, flops, bytes, device is CpuDevice);
        return device switch
        {
            CudaDevice gpu when cuda is not null => cuda(gpu),
            CpuDevice host when cpu is not null => cpu(host),
            _ => throw NoPath(name, device),
        };
    }

    private static Device DeviceOf(string name, ReadOnlySpan<IDeviceBuffer?> buffers)
    {
        Device device = buffers[0]!.Device;
        foreach (IDeviceBuffer? other in buffers)
            if (other is not null && other.Device != device)
                throw new ArgumentException($"{name}: its buffers are on different devices, {device.Name} and {other.Device.Name}");
        return device;
    }

    private static NotSupportedException NoPath(string name, Device device) => new($"{name}: there is no such kernel for {device.Name}");
}
