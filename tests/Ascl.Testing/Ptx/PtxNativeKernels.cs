using Ascl.Kernels.Cuda;

namespace Ascl.Testing.Ptx;

/// <summary>
/// Executes the PTX that nvcc made of the kernels for tensor cores. Their arguments hold plain addresses, so nothing is known of their
/// buffers: only races and shared memory are watched.
/// </summary>
internal sealed class PtxNativeKernels : NativeKernels
{
    private readonly Dictionary<string, PtxKernel> kernels;

    /// <param name="mutation">Changes the text of the kernels; null for nothing.</param>
    public PtxNativeKernels(Func<string, string>? mutation = null) => kernels = NativeKernel.Files.Select(NativeKernel.Ptx)
        .SelectMany(text => PtxKernel.Parse(mutation?.Invoke(text) ?? text)).ToDictionary(kernel => kernel.Name);

    /// <summary>The kernels executed so far, by name.</summary>
    public HashSet<string> Launched { get; } = [];

    public override void Launch(NativeKernel kernel, (int X, int Y, int Z) groups, ReadOnlySpan<byte> arguments)
    {
        PtxKernel compiled = kernels[kernel.Name];
        compiled.DynamicSharedBytes = kernel.SharedBytes;
        PtxBlock block = new(compiled, groups, (kernel.Threads, 1, 1), arguments.ToArray(), new(compiled, null));
        for (int number = 0; number < groups.X * groups.Y * groups.Z; number++)
            block.Run(number);
        Launched.Add(kernel.Name);
    }

    public override void Dispose()
    {
    }
}
