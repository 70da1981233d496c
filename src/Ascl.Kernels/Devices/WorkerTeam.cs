using System.Runtime.ExceptionServices;
using Ascl.Kernels.Linux;

namespace Ascl.Kernels.Devices;

/// <summary>
/// A few threads that start on a loop within a microsecond: they spin for a moment after each loop and sleep when nothing comes. Each begins with
/// its own run of the items, the same in every loop of as many: what a thread wrote in one loop it finds in its core's cache in the next. Then it takes
/// what others have left, so a core that is slowed by others does fewer.
/// </summary>
internal sealed class WorkerTeam : IDisposable
{
    private const int SpinsBeforeSleep = 4000;
    private readonly Thread[] helpers;
    private readonly SemaphoreSlim wake = new(0);
    private readonly int spins;
    private volatile bool stopping;
    private Loop? current;
    private int sleeping;
    private int? callersCore;

    /// <summary>The team whose item this thread is in, and its number there: a loop inside an item stays on the item's thread.</summary>
    [ThreadStatic] private static (WorkerTeam? Team, int Worker) inside;

    public WorkerTeam(int threads, bool pinned)
    {
        spins = threads <= Environment.ProcessorCount ? SpinsBeforeSleep : 1;
        int[] cores = pinned && threads > 1 ? LinuxThreads.AvailableCores() : [];
        callersCore = cores.Length >= threads ? cores[0] : null;
        helpers = new Thread[threads - 1];
        for (int i = 0; i < helpers.Length; i++)
        {
            int worker = i + 1;
            helpers[i] = new Thread(() => Serve(worker, cores)) { IsBackground = true, Name = $"ascl worker {worker}" };
            helpers[i].Start();
        }
    }

    /// <summary>The number of the worker that this thread is; 0 of one that is none.</summary>
    public int CurrentWorker => IsInside ? inside.Worker : 0;

    /// <summary>Whether this thread is in an item of a loop.</summary>
    public bool IsInside => inside.Team == this;

    public void For(int count, Action<int, int> action)
    {
        if (IsInside || helpers.Length == 0 || count <= 1)
        {
            for (int i = 0; i < count; i++)
                action(i, CurrentWorker);
            return;
        }
        // Not before the first loop: threads that the caller starts until then, such as those that open data, must not inherit its one core.
        if (callersCore is { } core)
        {
            LinuxThreads.PinTo(core);
            callersCore = null;
        }
        Loop loop = new(action, count, helpers.Length + 1);
        // A full fence: a helper that goes to sleep either is counted here or sees the loop.
        Interlocked.Exchange(ref current, loop);
        int asleep = Math.Min(Volatile.Read(ref sleeping), count - 1);
        if (asleep > 0)
            wake.Release(asleep);
        Work(loop, 0);
        for (int spun = 0; !loop.Ended; spun++)
        {
            if (spun < spins)
                Thread.SpinWait(4);
            else
                Thread.Yield();
        }
        loop.Failure?.Throw();
    }

    private void Work(Loop loop, int worker)
    {
        var outer = inside;
        inside = (this, worker);
        loop.Work(worker);
        inside = outer;
    }

    private void Serve(int worker, int[] cores)
    {
        if (cores.Length > worker)
            LinuxThreads.PinTo(cores[worker]);
        Loop? seen = null;
        while (!stopping)
        {
            for (int spun = 0; Volatile.Read(ref current) == seen && !stopping; spun++)
            {
                if (spun < spins)
                {
                    Thread.SpinWait(20);
                    continue;
                }
                Interlocked.Increment(ref sleeping);
                if (Volatile.Read(ref current) == seen && !stopping)
                    wake.Wait(50);
                Interlocked.Decrement(ref sleeping);
            }
            seen = Volatile.Read(ref current);
            if (stopping || seen is null)
                return;
            Work(seen, worker);
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

    /// <summary>One loop. It has ended when its items have, whether or not every helper came: one that is late finds nothing left to claim.</summary>
    private sealed class Loop(Action<int, int> body, int items, int workers)
    {
        /// <summary>Ints in a cache line: counters that different cores write are as far apart, and one from what lies before them.</summary>
        private const int Line = 16;

        /// <summary>Of each worker's run, how many are claimed.</summary>
        private readonly int[] claimed = new int[(workers + 1) * Line];
        private int done;
        private ExceptionDispatchInfo? failure;

        public bool Ended => Volatile.Read(ref done) == items;

        /// <summary>The first exception of an item; the items after it were not run.</summary>
        public ExceptionDispatchInfo? Failure => Volatile.Read(ref failure);

        public void Work(int worker)
        {
            int own = 0;
            for (int i = 0; i < workers; i++)
                own += WorkRun((worker + i) % workers, worker);
            if (own > 0)
                Interlocked.Add(ref done, own);
        }

        /// <summary>What is left of a run.</summary>
        /// <returns>How many items that was.</returns>
        private int WorkRun(int run, int worker)
        {
            int first = Start(run), count = Start(run + 1) - first, own = 0;
            ref int next = ref claimed[(run + 1) * Line];
            while (Volatile.Read(ref next) < count)
            {
                int i = Interlocked.Increment(ref next) - 1;
                if (i >= count)
                    break;
                own++;
                try
                {
                    if (Failure is null)
                        body(first + i, worker);
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
                }
            }
            return own;
        }

        private int Start(int run) => (int)((long)items * run / workers);
    }
}
