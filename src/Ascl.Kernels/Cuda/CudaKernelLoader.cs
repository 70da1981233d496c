using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Ascl.Kernels.Cuda;

/// <summary>
/// Compiles kernels for a GPU. ILGPU marks some branches as uniform (bra.uni) although their condition depends on values selected by an
/// earlier divergent branch, which is undefined behaviour when a warp diverges there. Kernels are therefore loaded with ordinary branches
/// only; the driver's compiler finds the uniform ones itself.
/// </summary>
internal partial class CudaKernelLoader
{
    /// <summary>Reflection, because PTXCompiledKernel has no public constructor and its text no setter.</summary>
    private static readonly FieldInfo Text = typeof(PTXCompiledKernel)
        .GetField($"<{nameof(PTXCompiledKernel.PTXAssembly)}>k__BackingField", BindingFlags.NonPublic | BindingFlags.Instance)
        ?? throw new NotSupportedException("this version of ILGPU keeps PTX elsewhere");

    /// <summary>The launcher of a kernel.</summary>
    public virtual Action<AcceleratorStream, KernelConfig, TArguments> Load<TArguments>(Accelerator accelerator, Action<TArguments> kernel)
        where TArguments : struct
    {
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        var compiled = (PTXCompiledKernel)accelerator.GetBackend().Compile(entry, KernelSpecialization.Empty);
        Text.SetValue(compiled, WithoutUniformBranches(compiled.PTXAssembly));
        return accelerator.LoadKernel(compiled).CreateLauncherDelegate<Action<AcceleratorStream, KernelConfig, TArguments>>();
    }

    /// <summary>A kernel's PTX with every bra.uni replaced by bra.</summary>
    public static string WithoutUniformBranches(string ptx) => ConditionalUniform().Replace(ptx, "$1bra ");

    [GeneratedRegex(@"(@!?%p\d+\s+)bra\.uni\s")]
    private static partial Regex ConditionalUniform();
}
