using System.Reflection;
using Ascl.Kernels.Devices;
using ILGPU.Runtime.Cuda;

namespace Ascl.Kernels.Cuda;

/// <summary>A kernel in CUDA C++: an entry point of a *.cu file that takes one structure. One instance serves all devices.</summary>
/// <param name="file">Name of the *.cu file.</param>
/// <param name="name">Name of the entry point.</param>
/// <param name="threads">Threads per block.</param>
/// <param name="sharedBytes">Dynamic shared memory per block.</param>
internal sealed class NativeKernel(string file, string name, int threads, int sharedBytes = 0)
{
    /// <summary>The *.cu files, each beside the C# code that launches its kernels.</summary>
    public static IReadOnlyList<string> Files { get; } = ["TensorCoreConvolution", "TensorCoreWeightGradient", "TensorCoreGemm"];

    public string File => file;
    public string Name => name;
    public int Threads => threads;
    public int SharedBytes => sharedBytes;

    /// <summary>The compiled PTX of a *.cu file, written by cmake/ and embedded in this assembly.</summary>
    public static string Ptx(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file + ".ptx")
            ?? throw new InvalidOperationException($"{file}.ptx is not embedded");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>The precision's name in kernel names.</summary>
    public static string Suffix(Precision precision) => precision == Precision.Bf16 ? "bf16" : "tf32";
}

/// <summary>A launcher of native kernels: the driver, or an emulation in tests.</summary>
internal abstract class NativeKernels : IDisposable
{
    /// <summary>Launches a kernel in the device's stream, without waiting or allocating memory.</summary>
    /// <param name="groups">Blocks, at least one in each dimension.</param>
    public abstract void Launch(NativeKernel kernel, (int X, int Y, int Z) groups, ReadOnlySpan<byte> arguments);

    public abstract void Dispose();
}

/// <summary>The embedded PTX, compiled by the driver in the constructor.</summary>
internal sealed unsafe class DriverKernels : NativeKernels
{
    /// <summary>Default limit of shared memory per block.</summary>
    private const int PlainSharedBytes = 48 << 10;

    private readonly CudaAccelerator accelerator;
    private readonly CudaStream stream;
    private readonly Dictionary<string, nint> modules = [];
    private readonly Dictionary<NativeKernel, nint> functions = [];

    /// <exception cref="CudaException">The driver rejects the PTX.</exception>
    public DriverKernels(CudaAccelerator accelerator, CudaStream stream)
    {
        (this.accelerator, this.stream) = (accelerator, stream);
        accelerator.Bind();
        foreach (string file in NativeKernel.Files)
        {
            CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.LoadModule(out nint module, NativeKernel.Ptx(file)));
            modules[file] = module;
        }
    }

    public override void Launch(NativeKernel kernel, (int X, int Y, int Z) groups, ReadOnlySpan<byte> arguments)
    {
        accelerator.Bind();
        if (!functions.TryGetValue(kernel, out nint function))
            functions[kernel] = function = Find(kernel);
        fixed (byte* structure = arguments)
        {
            void* parameters = structure;
            CudaException.ThrowIfFailed(
                CudaAPI.CurrentAPI.LaunchKernel(function, groups.X, groups.Y, groups.Z, kernel.Threads, 1, 1, kernel.SharedBytes,
                    stream.StreamPtr, (nint)(&parameters), 0));
        }
    }

    private nint Find(NativeKernel kernel)
    {
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.GetModuleFunction(out nint function, modules[kernel.File], kernel.Name));
        if (kernel.SharedBytes > PlainSharedBytes)
            CudaDriver.AllowSharedMemory(function, kernel.SharedBytes);
        return function;
    }

    public override void Dispose()
    {
        accelerator.Bind();
        foreach (nint module in modules.Values)
            // The context is destroyed next, and with it whatever could not be unloaded.
            _ = CudaAPI.CurrentAPI.DestroyModule(module);
    }
}
