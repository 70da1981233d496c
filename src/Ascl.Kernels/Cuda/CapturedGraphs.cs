using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Cuda;

/// <summary>
/// The work that a GPU repeats (<see cref="Device.RunCaptured"/>). The first time it runs as any work, which loads its kernels; the second time its launches are
/// captured and then run at once; so they are from then on. What it rents, it rents from a pool that nothing else uses, and what a capture rents it holds, so
/// that launches which come again later write over nobody's memory. Captures share that pool: none of them runs while another does.
/// </summary>
/// <param name="device">Whose work.</param>
/// <param name="begin">Makes what launches are put down in.</param>
internal sealed class CapturedGraphs(CudaDevice device, Func<LaunchCapture> begin) : IDisposable
{
    /// <summary>Pieces of work remembered at most; the longest unused is forgotten first.</summary>
    private const int MostRemembered = 16;

    private readonly Dictionary<object, Piece> pieces = [];
    private BufferPool pool = new(device);
    private IDisposable? lastScope;
    private bool isRunning;
    private long uses;

    /// <summary>How often launches were captured, and captured ones run.</summary>
    public (int Captures, int Replays) Count { get; private set; }

    public TResult RunCaptured<TResult>(ICapturable<TResult> work)
    {
        if (isRunning)
            return work.Run();
        lastScope?.Dispose();
        lastScope = null;
        // In another precision the same work is other kernels.
        object key = (work, device.Precision);
        Piece? piece = pieces.GetValueOrDefault(key);
        bool isFirst = piece is null;
        if (piece is null)
            pieces[key] = piece = Remember();
        piece.LastUse = uses++;
        // Whoever looks at each kernel, or at each op's values, must see them one by one.
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

    /// <summary>Null where it does not go; then nothing of it has run.</summary>
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
            // Buffers that were made meanwhile were not zeroed. What other captures use, they hold.
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
        // It may still be running.
        device.Synchronize();
        piece.Captured.Launches.Dispose();
        piece.Captured = null;
    }

    private static string Name(object work) => work.GetType().Name;

    /// <summary>Lets go of all captures, and with them of the memory that they hold. False where there are none, or they are needed now.</summary>
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

        /// <summary>It could not be captured.</summary>
        public bool IsRefused { get; set; }
        public long LastUse { get; set; }
    }
}
