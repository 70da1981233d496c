using System.Runtime.InteropServices;

namespace Ascl.Kernels.Cuda;

/// <summary>Driver functions that ILGPU lacks: graphs, and more shared memory per block.</summary>
internal static partial class CudaDriver
{
    /// <summary>The library name that <see cref="CudaLibrary"/> resolves.</summary>
    public const string Library = "cuda";

    /// <summary>CU_STREAM_CAPTURE_MODE_RELAXED: the thread may load kernels and allocate memory during a capture.</summary>
    private const int Relaxed = 2;

    /// <summary>CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.</summary>
    private const int MaxDynamicSharedBytes = 8;

    /// <summary>Begins a capture: work given to the stream is recorded instead of run.</summary>
    public static void BeginCapture(nint stream) => Check(cuStreamBeginCapture_v2(stream, Relaxed), "cuStreamBeginCapture");

    /// <summary>Ends the capture and instantiates its graph.</summary>
    public static nint EndCapture(nint stream)
    {
        Check(cuStreamEndCapture(stream, out nint graph), "cuStreamEndCapture");
        try
        {
            Check(cuGraphInstantiateWithFlags(out nint executable, graph, 0), "cuGraphInstantiate");
            return executable;
        }
        finally
        {
            // A failure to destroy the graph does not affect its instance.
            cuGraphDestroy(graph);
        }
    }

    /// <summary>Ends a capture and discards it.</summary>
    public static void AbandonCapture(nint stream)
    {
        // The driver may have invalidated the capture: then there is an error and no graph.
        if (cuStreamEndCapture(stream, out nint graph) == 0 && graph != 0)
            cuGraphDestroy(graph);
    }

    public static void Launch(nint executable, nint stream) => Check(cuGraphLaunch(executable, stream), "cuGraphLaunch");

    public static void Destroy(nint executable) => cuGraphExecDestroy(executable);

    /// <summary>Raises a kernel's limit of shared memory per block above the default 48 KB.</summary>
    public static void AllowSharedMemory(nint function, int bytes) =>
        Check(cuFuncSetAttribute(function, MaxDynamicSharedBytes, bytes), "cuFuncSetAttribute");

    private static void Check(int result, string call)
    {
        if (result != 0)
            throw new InvalidOperationException($"{call}: CUDA error {result}");
    }

    [LibraryImport(Library)]
    private static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    private static partial int cuStreamEndCapture(nint stream, out nint graph);

    [LibraryImport(Library)]
    private static partial int cuGraphInstantiateWithFlags(out nint executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    private static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    private static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    private static partial int cuGraphDestroy(nint graph);

    [LibraryImport(Library)]
    private static partial int cuFuncSetAttribute(nint function, int attribute, int value);
}
