using System.Reflection;
using Ascl.Kernels.Devices;
using ILGPU.Runtime.Cuda;

namespace Ascl.Kernels.Cuda;

/// <summary>A kernel written in CUDA C++: an entry point of a *.cu, which takes one structure. Each exists once, whatever device it runs on.</summary>
/// <param name="file">The *.cu's name.</param>
/// <param name="name">Of the entry point.</param>
/// <param name="threads">Of a block.</param>
/// <param name="sharedBytes">Memory that they share.</param>
internal sealed class NativeKernel(string file, string name, int threads, int sharedBytes = 0)
{
    /// <summary>The *.cu files, each beside the C# that launches its kernels.</summary>
    public static IReadOnlyList<string> Files { get; } = ["TensorCoreConvolution", "TensorCoreWeightGradient", "TensorCoreGemm"];

    public string File => file;
    public string Name => name;
    public int Threads => threads;
    public int SharedBytes => sharedBytes;

    /// <summary>The PTX that the *.cu was compiled to, which cmake/ writes and this library carries.</summary>
    public static string Ptx(string file)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(file + ".ptx") ?? throw new InvalidOperationException($"{file}.ptx is not embedded");
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    /// <summary>As the names of kernels have it.</summary>
    public static string Suffix(Precision precision) => precision == Precision.Bf16 ? "bf16" : "tf32";
}

/// <summary>Something that runs native kernels: the driver, or a test's emulation.</summary>
internal abstract class NativeKernels : IDisposable
{
    /// <summary>Puts a kernel into the device's stream. Nothing is waited for and no memory asked for.</summary>
    /// <param name="groups">Blocks, at least one in each direction.</param>
    public abstract void Launch(NativeKernel kernel, (int X, int Y, int Z) groups, ReadOnlySpan<byte> arguments);

    public abstract void Dispose();
}

/// <summary>The embedded PTX, compiled by the driver when this is made.</summary>
internal sealed unsafe class DriverKernels : NativeKernels
{
    /// <summary>What a block may share without being asked for more.</summary>
    private const int PlainSharedBytes = 48 << 10;

    private readonly CudaAccelerator accelerator;
    private readonly CudaStream stream;
    private readonly Dictionary<string, nint> modules = [];
    private readonly Dictionary<NativeKernel, nint> functions = [];

    /// <exception cref="CudaException">The driver does not take the PTX.</exception>
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
            CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.LaunchKernel(function, groups.X, groups.Y, groups.Z, kernel.Threads, 1, 1, kernel.SharedBytes, stream.StreamPtr, (nint)(&parameters), 0));
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
            // The context goes next, and takes what could not be unloaded with it.
            _ = CudaAPI.CurrentAPI.DestroyModule(module);
    }
}
