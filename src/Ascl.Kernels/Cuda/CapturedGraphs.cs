using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Cuda;

/// <summary>
/// Captures and replays the work that a GPU repeats (<see cref="Device.RunCaptured"/>). The first run is ordinary and compiles the kernels.
/// The second captures the launches as a graph and launches it; later runs replay the graph. Captured work rents memory from a pool of its
/// own, and a capture keeps what it rented, so that replays never overwrite memory of other work. Captures share that pool, since only one
/// runs at a time.
/// </summary>
/// <param name="device">The device that runs the work.</param>
/// <param name="begin">Creates an empty capture.</param>
internal sealed class CapturedGraphs(CudaDevice device, Func<LaunchCapture> begin) : IDisposable
{
    /// <summary>Maximum number of captures kept; the least recently used is dropped first.</summary>
    private const int MostRemembered = 16;

    private readonly Dictionary<object, Piece> pieces = [];
    private BufferPool pool = new(device);
    private IDisposable? lastScope;
    private bool isRunning;
    private long uses;

    /// <summary>Number of captures and of replays so far.</summary>
    public (int Captures, int Replays) Count { get; private set; }

    public TResult RunCaptured<TResult>(ICapturable<TResult> work)
    {
        if (isRunning)
            return work.Run();
        lastScope?.Dispose();
        lastScope = null;
        // In another precision the same work launches other kernels.
        object key = (work, device.Precision);
        Piece? piece = pieces.GetValueOrDefault(key);
        bool isFirst = piece is null;
        if (piece is null)
            pieces[key] = piece = Remember();
        piece.LastUse = uses++;
        // Traces and NaN checks must see the kernels one by one.
        if (isFirst || piece.IsRefused || KernelTrace.IsListening || DebugSettings.CheckNaN)
            return RunPlainly(work);
        if (piece.Captured is { } captured && captured.Notes.Refresh())
        {
            Launch(captured);
            return (TResult)captured.Result!;
        }
        Forget(piece);
        if (Capture(work) is not { } made)
        {
            piece.IsRefused = true;
            return RunPlainly(work);
        }
        piece.Captured = made;
        Launch(made);
        return (TResult)made.Result!;
    }

    private TResult RunPlainly<TResult>(ICapturable<TResult> work)
    {
        using IDisposable own = device.BeginCapture(pool, notes: null);
        isRunning = true;
        try
        {
            lastScope = pool.BeginScope();
            return work.Run();
        }
        finally
        {
            isRunning = false;
        }
    }

    /// <summary>Captures the work; null if that fails, in which case none of it has run.</summary>
    private CapturedWork? Capture<TResult>(ICapturable<TResult> work)
    {
        CaptureNotes notes = new();
        LaunchCapture launches = begin();
        WorkReading before = WorkCount.Now;
        using IDisposable own = device.BeginCapture(pool, notes);
        isRunning = true;
        bool isOpen = false;
        try
        {
            launches.Begin();
            isOpen = true;
            object? result;
            using (pool.BeginScope())
                result = work.Run();
            isOpen = false;
            launches.End();
            (Count, WorkReading done) = ((Count.Captures + 1, Count.Replays), WorkCount.Now - before);
            WorkCount.Now = before;
            return new(launches, notes, result, done);
        }
        catch (Exception e)
        {
            if (isOpen)
                launches.Abandon();
            launches.Dispose();
            WorkCount.Now = before;
            notes.Distrust();
            // Buffers allocated during the failed capture were never zeroed. Other captures hold the buffers that they use.
            pool = new BufferPool(device);
            DebugSettings.Warn($"{device.Name}: {Name(work)} runs without a CUDA graph: {e.Message}");
            return null;
        }
        finally
        {
            isRunning = false;
        }
    }

    private void Launch(CapturedWork captured)
    {
        captured.Launches.Launch();
        captured.Notes.MarkChanges();
        captured.Done.Add();
        Count = (Count.Captures, Count.Replays + 1);
    }

    private Piece Remember()
    {
        if (pieces.Count >= MostRemembered)
        {
            object oldest = pieces.MinBy(entry => entry.Value.LastUse).Key;
            Forget(pieces[oldest]);
            pieces.Remove(oldest);
        }
        return new();
    }

    private void Forget(Piece piece)
    {
        if (piece.Captured is null)
            return;
        // The graph may still be running.
        device.Synchronize();
        piece.Captured.Launches.Dispose();
        piece.Captured = null;
    }

    private static string Name(object work) => work.GetType().Name;

    /// <summary>Drops all captures and the memory they hold. False if there are none, or one is in progress.</summary>
    public bool ForgetAll()
    {
        if (device.Capture is not null || pieces.Values.All(piece => piece.Captured is null))
            return false;
        foreach (Piece piece in pieces.Values)
            Forget(piece);
        if (!isRunning)
            pool = new BufferPool(device);
        return true;
    }

    public void Dispose() => ForgetAll();

    private sealed record CapturedWork(LaunchCapture Launches, CaptureNotes Notes, object? Result, WorkReading Done);

    private sealed class Piece
    {
        public CapturedWork? Captured { get; set; }

        /// <summary>Whether capturing this work has failed.</summary>
        public bool IsRefused { get; set; }
        public long LastUse { get; set; }
    }
}
