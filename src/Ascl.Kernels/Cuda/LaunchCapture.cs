using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Ascl.Kernels.Cuda;

/// <summary>Launches, copies and fillings of a stream, put down to be run again as they are.</summary>
internal abstract class LaunchCapture : IDisposable
{
    /// <summary>From here on nothing runs.</summary>
    public abstract void Begin();

    /// <summary>Nothing more belongs to it.</summary>
    public abstract void End();

    /// <summary>Ends it before its end; it cannot be run then.</summary>
    public abstract void Abandon();

    /// <summary>Runs all of it.</summary>
    public abstract void Launch();

    public abstract void Dispose();
}

/// <summary>A CUDA graph: one call of the driver starts all of it.</summary>
internal sealed class CudaGraph(Accelerator accelerator, CudaStream stream) : LaunchCapture
{
    private nint executable;

    public override void Begin()
    {
        accelerator.Bind();
        CudaDriver.BeginCapture(stream.StreamPtr);
    }

    public override void End() => executable = CudaDriver.EndCapture(stream.StreamPtr);

    public override void Abandon() => CudaDriver.AbandonCapture(stream.StreamPtr);

    public override void Launch()
    {
        accelerator.Bind();
        CudaDriver.Launch(executable, stream.StreamPtr);
    }

    public override void Dispose()
    {
        if (executable != 0)
            CudaDriver.Destroy(executable);
        executable = 0;
    }
}

/// <summary>The same on a simulated device: a list. It holds kernels with their arguments and nothing else, as a graph does; so what comes out of a run of it shows
/// that nothing else was needed.</summary>
internal sealed class RecordedLaunches : LaunchCapture
{
    private readonly List<Action> launches = [];
    private bool isOpen;

    /// <summary>Whether launches are to be put down here.</summary>
    public bool IsOpen => isOpen;

    public int Count => launches.Count;

    public void Add(Action launch) => launches.Add(launch);

    public override void Begin() => isOpen = true;

    public override void End() => isOpen = false;

    public override void Abandon() => isOpen = false;

    public override void Launch()
    {
        foreach (Action launch in launches)
            launch();
    }

    public override void Dispose() => launches.Clear();
}
