using System.Runtime.ExceptionServices;
using Ascl.Kernels.Native;

namespace Ascl.Kernels.Devices;

/// <summary>
/// A few threads that start on a loop within a microsecond: they spin for a moment after each loop and sleep when nothing comes. Items are
/// claimed one by one from a counter, so a core that is slowed by others takes fewer.
/// </summary>
internal sealed class WorkerTeam : IDisposable
{
    private const int SpinsBeforeSleep = 4000;
    private readonly Thread[] helpers;
    private readonly SemaphoreSlim wake = new(0);
    private readonly int spins;
    private Action<int, int>? body;
    private int items, next, finished, sleeping;
    private volatile int generation;
    private volatile bool stopping;
    private ExceptionDispatchInfo? failure;

    public WorkerTeam(int threads, bool pinned)
    {
        spins = threads <= Environment.ProcessorCount ? SpinsBeforeSleep : 1;
        int[] cores = pinned && threads > 1 ? LinuxThreads.AvailableCores() : [];
        helpers = new Thread[threads - 1];
        for (int i = 0; i < helpers.Length; i++)
        {
            int worker = i + 1;
            helpers[i] = new Thread(() => Serve(worker, cores)) { IsBackground = true, Name = $"ascl worker {worker}" };
            helpers[i].Start();
        }
        if (cores.Length >= threads)
            LinuxThreads.PinTo(cores[0]);
    }

    public void For(int count, Action<int, int> action)
    {
        if (helpers.Length == 0 || count <= 1 || body is not null)
        {
            for (int i = 0; i < count; i++)
                action(i, 0);
            return;
        }
        (body, items, next, finished) = (action, count, 0, 0);
        generation++;
        if (Volatile.Read(ref sleeping) > 0)
            wake.Release(helpers.Length);
        Work(0);
        while (Volatile.Read(ref finished) < helpers.Length)
            Thread.SpinWait(4);
        body = null;
        if (failure is { } thrown)
        {
            failure = null;
            thrown.Throw();
        }
    }

    private void Work(int worker)
    {
        try
        {
            for (int i = Interlocked.Increment(ref next) - 1; i < items; i = Interlocked.Increment(ref next) - 1)
                body!(i, worker);
        }
        catch (Exception e)
        {
            failure ??= ExceptionDispatchInfo.Capture(e);
            Volatile.Write(ref next, items);
        }
    }

    private void Serve(int worker, int[] cores)
    {
        if (cores.Length > worker)
            LinuxThreads.PinTo(cores[worker]);
        int seen = 0;
        while (!stopping)
        {
            for (int spun = 0; generation == seen && !stopping; spun++)
            {
                if (spun < spins)
                {
                    Thread.SpinWait(20);
                    continue;
                }
                Interlocked.Increment(ref sleeping);
                if (generation == seen && !stopping)
                    wake.Wait(50);
                Interlocked.Decrement(ref sleeping);
            }
            if (stopping)
                return;
            seen = generation;
            Work(worker);
            Interlocked.Increment(ref finished);
        }
    }

    public void Dispose()
    {
        stopping = true;
        wake.Release(helpers.Length + 1);
        foreach (Thread helper in helpers)
            helper.Join();
        wake.Dispose();
    }
}
