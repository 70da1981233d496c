using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Dispatch;

/// <summary>CPU fallback for rare or irregular kernels: operands are copied to the CPU, and results back.
/// The GPU waits meanwhile.</summary>
internal static class CpuFallback
{
    private static readonly Lazy<CpuDevice> Host = new(() => new CpuDevice());

    public static DeviceBuffer<T> Download<T>(DeviceBuffer<T> buffer) where T : unmanaged => Host.Value.Upload<T>(buffer.ToArray());

    public static void Upload<T>(DeviceBuffer<T> host, DeviceBuffer<T> buffer) where T : unmanaged => buffer.CopyFrom(((CpuBuffer<T>)host).Span);
}
