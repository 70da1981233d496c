using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Dispatch;

/// <summary>
/// One run of a kernel, the engine's own or a user's: traces it (name, shape, operations, bytes), picks the path of the device that its results lie on, and marks what it wrote.
/// Checks of arguments come before.
/// </summary>
public static class DeviceKernel
{
    /// <param name="name">Kernel family and direction, such as "conv2d.backward_input".</param>
    /// <param name="shape">What it works on; only made into text while somebody listens.</param>
    /// <param name="flops">Floating-point operations of the plain definition.</param>
    /// <param name="bytes">Bytes that have to be read and written at least.</param>
    /// <param name="cpu">The path for a CPU; null for none.</param>
    /// <param name="cuda">The path for a CUDA device, which launches (<see cref="CudaDevice.Launch{TArguments}(Action{TArguments}, ILGPU.KernelConfig, in TArguments)"/>); null for none.</param>
    /// <param name="writes">The buffers that it writes, all on one device.</param>
    /// <exception cref="NotSupportedException">There is no path for the device.</exception>
    public static void Run<TShape>(string name, TShape shape, double flops, double bytes, Action<CpuDevice>? cpu, Action<CudaDevice>? cuda, params ReadOnlySpan<IDeviceBuffer> writes)
    {
        Device device = writes[0].Device;
        foreach (IDeviceBuffer other in writes)
            if (other.Device != device)
                throw new ArgumentException($"{name}: its results lie on {device.Name} and {other.Device.Name}");
        using KernelTrace trace = KernelTrace.Begin(name, shape, flops, bytes);
        if (device is CudaDevice gpu && cuda is not null)
            cuda(gpu);
        else if (device is CpuDevice host && cpu is not null)
            cpu(host);
        else
            throw new NotSupportedException($"{name}: there is no such kernel for {device.Name}");
        foreach (IDeviceBuffer written in writes)
            written.MarkChanged();
    }
}
