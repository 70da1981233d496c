using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime.Cuda;

namespace Ascl.Kernels.Cuda;

/// <summary>Sets up ILGPU for this engine's kernels.</summary>
internal static class CudaLibrary
{
    static CudaLibrary()
    {
        // ILGPU opens libcuda.so, which development packages install; a machine with only a driver has libcuda.so.1.
        NativeLibrary.SetDllImportResolver(typeof(CudaAPI).Assembly, Driver);
        NativeLibrary.SetDllImportResolver(typeof(CudaLibrary).Assembly, Driver);
    }

    /// <summary>Whether there is a driver; a faster test than ILGPU's.</summary>
    public static bool HasDriver => NativeLibrary.TryLoad(FileName, typeof(CudaLibrary).Assembly, null, out _);

    private static string FileName => OperatingSystem.IsWindows() ? "nvcuda" : "libcuda.so.1";

    private static nint Driver(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == CudaDriver.Library && NativeLibrary.TryLoad(FileName, assembly, path, out nint library) ? library : 0;

    public static Context CreateContext(Action<Context.Builder> devices) => Context.Create(builder =>
    {
        devices(builder);
        builder.Optimize(OptimizationLevel.O2).Math(MathMode.Fast).Inlining(InliningMode.Aggressive).PageLocking(PageLockingMode.Auto)
            .Profiling().EnableAlgorithms();
    });

    /// <summary>
    /// Sets the PTX target. ILGPU 1.5.3 writes .target sm_80 for every newer device unless this property, which has no public setter, is
    /// set before the accelerator is created.
    /// </summary>
    public static void SetTarget(CudaCapabilityContext capabilities, CudaArchitecture architecture) =>
        typeof(CudaCapabilityContext)
            .GetProperty(nameof(CudaCapabilityContext.TargetArchitecture),
                BindingFlags.Public | BindingFlags.Instance)!.SetValue(capabilities, architecture);
}
