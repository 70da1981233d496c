using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Dispatch;

/// <summary>
/// The CUDA path of kernels that run on the CPU even for a GPU's buffers, because they are rare or do not parallelise: operands are copied
/// to the host and results back. The GPU is idle meanwhile.
/// </summary>
internal static class CpuFallback
{
    private static readonly Lazy<CpuDevice> Host = new(() => new CpuDevice());

    /// <summary>Runs a kernel on a host copy of <paramref name="buffer"/> and copies the result back.</summary>
    /// <param name="buffer">What the kernel updates.</param>
    /// <param name="kernel">The CPU path, given the host and the copy; it calls <see cref="Download"/> for its other operands.</param>
    public static void Update<T>(DeviceBuffer<T> buffer, Action<CpuDevice, DeviceBuffer<T>> kernel) where T : unmanaged
    {
        DeviceBuffer<T> copy = Download(buffer);
        kernel(Host.Value, copy);
        buffer.CopyFrom(CpuDevice.ReadSpan(copy));
    }

    /// <summary>Runs a kernel on the host and returns its result.</summary>
    /// <param name="kernel">The CPU path; it calls <see cref="Download"/> for its operands.</param>
    public static TResult Compute<TResult>(Func<CpuDevice, TResult> kernel) => kernel(Host.Value);

    /// <summary>A copy of <paramref name="buffer"/> on the host.</summary>
    public static DeviceBuffer<T> Download<T>(DeviceBuffer<T> buffer) where T : unmanaged => Host.Value.Upload<T>(buffer.ToArray());
}
