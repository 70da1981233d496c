using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Dispatch;

/// <summary>Opens devices by name.</summary>
public static class ComputeDevice
{
    /// <summary>The name of the device that suits this machine.</summary>
    public const string Auto = "auto";

    /// <param name="name">auto, cpu, cuda or cuda:NUMBER. Auto is the CPU until the CUDA kernels have been verified on a GPU.</param>
    /// <param name="threads">Threads of a CPU; 0 for one a core.</param>
    /// <param name="pinned">Whether these are fixed to cores, which is faster unless other libraries' threads work between.</param>
    /// <param name="graphs">Whether a GPU replays repeated work as CUDA graphs.</param>
    /// <param name="cores">The cores that CPU threads are pinned to; null for the first that this process may use.</param>
    /// <exception cref="UserErrorException">There is no such device.</exception>
    public static Device Open(string name = Auto, int threads = 0, bool pinned = true, bool graphs = true,
        IReadOnlyList<int>? cores = null) => name switch
        {
            Auto or "cpu" => new CpuDevice(threads, pinned, cores),
            "cuda" => CudaDevice.Open(0, graphs),
            _ when name.StartsWith("cuda:", StringComparison.Ordinal)
                && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                => CudaDevice.Open(index, graphs),
            _ => throw new UserErrorException($"device {name}: must be auto, cpu, cuda or cuda:NUMBER"),
        };
}
