using System.Runtime.ExceptionServices;
using Ascl.Kernels.Linux;

namespace Ascl.Kernels.Devices;

/// <summary>
/// A thread pool that starts a loop within a microsecond: workers spin briefly after each loop before they sleep. Each worker starts with
/// its own run of items, the same in every loop of that length, so that it finds in its core's cache what it wrote in the previous loop.
/// Then it steals items that others have not started, so that a slow core does fewer.
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

    /// <summary>The team whose item this thread is running, and its worker number: a nested loop stays on that thread.</summary>
    [ThreadStatic] private static (WorkerTeam? Team, int Worker) inside;

    /// <param name="threads">Including the caller.</param>
    /// <param name="available">Cores to pin to; with fewer than threads, no thread is pinned.</param>
    public WorkerTeam(int threads, IReadOnlyList<int> available)
    {
        spins = threads <= Environment.ProcessorCount ? SpinsBeforeSleep : 1;
        int[] cores = threads > 1 ? [.. available] : [];
        callersCore = cores.Length >= threads ? cores[0] : null;
        helpers = new Thread[threads - 1];
        for (int i = 0; i < helpers.Length; i++)
        {
            int worker = i + 1;
            helpers[i] = new Thread(() => Serve(worker, cores)) { IsBackground = true, Name = $"ascl worker {worker}" };
            helpers[i].Start();
        }
    }

    /// <summary>This thread's worker number; 0 if it is not a worker.</summary>
    public int CurrentWorker => IsInside ? inside.Worker : 0;

    /// <summary>Whether this thread is running an item of a loop.</summary>
    public bool IsInside => inside.Team == this;

    public void For(int count, Action<int, int> action)
    {
        if (IsInside || helpers.Length == 0 || count <= 1)
        {
            for (int i = 0; i < count; i++)
                action(i, CurrentWorker);
            return;
        }
        // Not before the first loop: threads that the caller starts earlier, such as data loaders, would inherit its single core.
        if (callersCore is { } core)
        {
            LinuxThreads.PinTo(core);
            callersCore = null;
        }
        Loop loop = new(action, count, helpers.Length + 1);
        // Full fence: a helper about to sleep is either counted here or sees the loop.
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

    /// <summary>
    /// One loop. It ends when its items have, whether or not every helper took part: a late helper finds nothing left to claim.
    /// </summary>
    private sealed class Loop(Action<int, int> body, int items, int workers)
    {
        /// <summary>Ints per cache line: the spacing of counters that different cores write, to avoid false sharing.</summary>
        private const int Line = 16;

        /// <summary>How many items of each worker's run are claimed.</summary>
        private readonly int[] claimed = new int[(workers + 1) * Line];
        private int done;
        private ExceptionDispatchInfo? failure;

        public bool Ended => Volatile.Read(ref done) == items;

        /// <summary>The first exception of an item; later items were skipped.</summary>
        public ExceptionDispatchInfo? Failure => Volatile.Read(ref failure);

        public void Work(int worker)
        {
            int own = 0;
            for (int i = 0; i < workers; i++)
                own += WorkRun((worker + i) % workers, worker);
            if (own > 0)
                Interlocked.Add(ref done, own);
        }

        /// <summary>Runs the unclaimed items of a worker's run.</summary>
        /// <returns>How many items it ran.</returns>
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
