using System.Reflection;
using System.Text.RegularExpressions;
using Ascl.Kernels.Cuda;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Ascl.Testing.Ptx;

/// <summary>What ILGPU makes of a kernel, without a GPU or a driver.</summary>
internal static partial class PtxCompiler
{
    /// <summary>
    /// The PTX text of a kernel for an architecture, as it is loaded. A failed compilation leaves ILGPU's context unusable, so each has its
    /// own. The language's version is that of CUDA 11.8: no kernel needs a newer one, and every assembler since then takes it.
    /// </summary>
    public static string Compile(MethodInfo kernel, CudaArchitecture architecture)
    {
        using Context context = CudaLibrary.CreateContext(_ => { });
        CudaCapabilityContext capabilities = new(architecture);
        CudaLibrary.SetTarget(capabilities, architecture);
        using PTXBackend backend = new(context, capabilities, architecture, CudaInstructionSet.ISA_78, nvvmAPI: null);
        EntryPointDescription entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel);
        return CudaKernelLoader.WithoutUniformBranches(((PTXCompiledKernel)backend.Compile(entry, KernelSpecialization.Empty)).PTXAssembly);
    }

    /// <summary>
    /// What must not be in a kernel: calls that the driver cannot resolve or that were not inlined, local memory, double precision by
    /// accident, integer division.
    /// </summary>
    public static IEnumerable<string> Complaints(string ptx)
    {
        if (ptx.Contains(".extern .func", StringComparison.Ordinal))
            yield return "an undefined function";
        else if (Call().IsMatch(ptx))
            yield return "a call";
        if (Uniform().Count(ptx) is var uniform and > 0)
            yield return $"{uniform} conditional branches taken for uniform";
        if (Switch().IsMatch(ptx))
            yield return "a table of branches, which has been seen to go astray";
        if (Local().Count(ptx) is var local and > 0)
            yield return $"{local} local-memory accesses";
        if (Double().Count(ptx) is var doubles and > 0)
            yield return $"{doubles} double-precision instructions";
        if (Division().Count(ptx) is var divisions and > 0)
            yield return $"{divisions} integer divisions";
    }

    [GeneratedRegex(@"\bcall(\.uni)?\b")]
    private static partial Regex Call();

    [GeneratedRegex(@"@!?%p\d+\s+bra\.uni")]
    private static partial Regex Uniform();

    [GeneratedRegex(@"\bbrx\.idx\b")]
    private static partial Regex Switch();

    [GeneratedRegex(@"(ld|st)\.local|\.local \.align")]
    private static partial Regex Local();

    [GeneratedRegex(@"\.f64")]
    private static partial Regex Double();

    [GeneratedRegex(@"\b(div|rem)\.[su](32|64)")]
    private static partial Regex Division();
}
