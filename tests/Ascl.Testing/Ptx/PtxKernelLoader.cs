using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;
using Ascl.Kernels.Cuda;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Ascl.Testing.Ptx;

/// <summary>Has a simulated device execute what ILGPU's compiler makes of its kernels, instead of what .NET makes of them.</summary>
internal sealed class PtxKernelLoader : CudaKernelLoader
{
    private static readonly ConcurrentDictionary<MethodInfo, PtxKernel> Compiled = new();

    /// <summary>Names of the kernels that have been executed, as <see cref="CudaKernels.Name"/> has them.</summary>
    public static ConcurrentDictionary<string, bool> Executed { get; } = new();

    /// <summary>Changes the text of a kernel before it is executed, for tests of what is found; null for none.</summary>
    public Func<string, string>? Mutation { get; init; }

    public override Action<AcceleratorStream, KernelConfig, TArguments> Load<TArguments>(Accelerator accelerator, Action<TArguments> kernel)
    {
        PtxKernel compiled = Mutation is null ? Compiled.GetOrAdd(kernel.Method, Compile) : Compile(kernel.Method);
        return (_, config, arguments) =>
        {
            List<byte> bytes = [];
            List<(ulong, ulong)> buffers = [];
            KernelArguments.Write(arguments, bytes, buffers);
            bytes.AddRange(new byte[compiled.ParameterBytes - bytes.Count]);
            Run(compiled, (config.GridDim.X, config.GridDim.Y, config.GridDim.Z), (config.GroupDim.X, config.GroupDim.Y, config.GroupDim.Z),
                [.. bytes], [.. buffers]);
            Executed[compiled.Name] = true;
        };
    }

    private PtxKernel Compile(MethodInfo method)
    {
        string text = PtxCompiler.Compile(method, CudaArchitecture.SM_90);
        PtxKernel kernel = PtxKernel.Parse(Mutation?.Invoke(text) ?? text).Single();
        kernel.Name = CudaKernels.Name(method);
        return kernel;
    }

    private static void Run(
        PtxKernel kernel, (int X, int Y, int Z) grid, (int X, int Y, int Z) size, byte[] arguments, (ulong, ulong)[] buffers)
    {
        PtxBlock block = new(kernel, grid, size, arguments, new(kernel, buffers));
        for (int number = 0; number < grid.X * grid.Y * grid.Z; number++)
            block.Run(number);
    }
}
