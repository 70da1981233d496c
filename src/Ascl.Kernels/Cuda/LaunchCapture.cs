using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Ascl.Kernels.Cuda;

/// <summary>A recording of a stream's launches, copies and fills that can be replayed.</summary>
internal abstract class LaunchCapture : IDisposable
{
    /// <summary>Begins recording: work given to the stream is not run.</summary>
    public abstract void Begin();

    /// <summary>Ends recording.</summary>
    public abstract void End();

    /// <summary>Discards the recording.</summary>
    public abstract void Abandon();

    /// <summary>Replays the recording.</summary>
    public abstract void Launch();

    public abstract void Dispose();
}

/// <summary>A CUDA graph: replayed by one driver call.</summary>
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

/// <summary>
/// The recording of a simulated device: a list. Like a graph it holds only kernels and their arguments, so a correct replay shows that
/// nothing else was needed.
/// </summary>
internal sealed class RecordedLaunches : LaunchCapture
{
    private readonly List<Action> launches = [];
    private bool isOpen;

    /// <summary>Whether launches are being recorded.</summary>
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
