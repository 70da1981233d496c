using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Testing.Ptx;

namespace Ascl.Testing;

/// <summary>
/// The CUDA device of the tests: the machine's first where there is one, else a simulated one that executes the kernels' PTX. Tests that
/// use it belong to the collection <see cref="Collection"/>, because a device is driven by one thread.
/// </summary>
public static class TestGpu
{
    public const string Collection = "cuda";

    private static readonly Lazy<CudaDevice> Opened = new(() => Open(graphs: true));

    public static bool IsReal { get; } = CudaDevice.Available().Count > 0;

    public static CudaDevice Device => Opened.Value;

    /// <summary>Another one, for the caller alone.</summary>
    public static CudaDevice Open(bool graphs) => IsReal ? CudaDevice.Open(0, graphs) : CudaDevice.Simulated(new PtxKernelLoader(), graphs);
}
