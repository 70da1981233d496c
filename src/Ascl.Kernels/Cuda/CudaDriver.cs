using System.Runtime.InteropServices;

namespace Ascl.Kernels.Cuda;

/// <summary>The driver's calls that ILGPU does not have: graphs of launches, more shared memory.</summary>
internal static partial class CudaDriver
{
    /// <summary>As <see cref="CudaLibrary"/> has it looked for.</summary>
    public const string Library = "cuda";

    /// <summary>CU_STREAM_CAPTURE_MODE_RELAXED: the thread may load kernels and ask for memory meanwhile.</summary>
    private const int Relaxed = 2;

    /// <summary>CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES.</summary>
    private const int MaxDynamicSharedBytes = 8;

    /// <summary>What is given to the stream from now on is not run but put down.</summary>
    public static void BeginCapture(nint stream) => Check(cuStreamBeginCapture_v2(stream, Relaxed), "cuStreamBeginCapture");

    /// <summary>What was put down, ready to be launched.</summary>
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
            // A refusal to let go of the description changes nothing for what was made of it.
            cuGraphDestroy(graph);
        }
    }

    /// <summary>Ends a capture that is of no use any more.</summary>
    public static void AbandonCapture(nint stream)
    {
        // The driver may have given the capture up itself: then there is an error, and no graph.
        if (cuStreamEndCapture(stream, out nint graph) == 0 && graph != 0)
            cuGraphDestroy(graph);
    }

    public static void Launch(nint executable, nint stream) => Check(cuGraphLaunch(executable, stream), "cuGraphLaunch");

    public static void Destroy(nint executable) => cuGraphExecDestroy(executable);

    /// <summary>Lets a kernel's blocks share more than the 48 KB that they have without asking.</summary>
    public static void AllowSharedMemory(nint function, int bytes) => Check(cuFuncSetAttribute(function, MaxDynamicSharedBytes, bytes), "cuFuncSetAttribute");

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
