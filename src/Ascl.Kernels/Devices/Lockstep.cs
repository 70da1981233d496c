using System.Runtime.ExceptionServices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Devices;

/// <summary>
/// Runs several parts of a batch on one device so that they can share statistics in the middle of their passes: each part has a thread and
/// a buffer pool of its own, and one thread runs at a time, in the order of the parts, from one <see cref="Gather"/> to the next. All
/// threads of the device work for the part whose turn it is.
/// </summary>
/// <param name="device">A CPU; on a GPU only one part is possible.</param>
/// <param name="exchange">Given the values of this process's parts, returns those of all processes' parts. Called once per
/// <see cref="Gather"/> of all parts, and once with nothing when all parts are done; a process without parts calls it until it returns
/// nothing.</param>
public sealed class Lockstep(Device device, Func<IReadOnlyList<float[]>, float[][]> exchange) : IBatchGroup
{
    private readonly List<BufferPool> pools = [];
    private readonly List<IDisposable> scopes = [];
    private readonly List<Action> updates = [];
    private readonly object turnChanged = new();
    private float[]?[] given = [];
    private float[][] all = [];
    private bool[] isDone = [];
    private int turn;
    private ExceptionDispatchInfo? failure;

    /// <summary>The part that the calling thread runs.</summary>
    [ThreadStatic] private static int part;

    /// <summary>Runs a part's body for each part. What the parts have rented stays valid until <see cref="Release"/>.</summary>
    /// <param name="parts">Number of parts in this process; may be 0.</param>
    /// <param name="body">Given the number of the part.</param>
    /// <returns>The deferred updates, in order.</returns>
    public IReadOnlyList<Action> Run(int parts, Action<int> body)
    {
        updates.Clear();
        (given, isDone, turn, failure) = (new float[]?[parts], new bool[parts], 0, null);
        if (parts == 1)
        {
            part = 0;
            using (device.WithBatchGroup(this))
                body(0);
            EndTogether();
            return [.. updates];
        }
        while (pools.Count < parts)
            pools.Add(new BufferPool(device));
        WorkReading[] work = new WorkReading[parts];
        Thread[] threads = [.. Enumerable.Range(0, parts).Select(i => new Thread(() => RunPart(i, body, work)) { Name = $"part {i}" })];
        using (device.WithBatchGroup(this))
        {
            foreach (Thread thread in threads)
                thread.Start();
            foreach (Thread thread in threads)
                thread.Join();
        }
        failure?.Throw();
        foreach (WorkReading reading in work)
            reading.Add();
        EndTogether();
        return [.. updates];
    }

    /// <summary>Returns what the parts have rented.</summary>
    public void Release()
    {
        foreach (BufferPool pool in pools)
            pool.Adopt();
        foreach (IDisposable scope in Enumerable.Reverse(scopes))
            scope.Dispose();
        scopes.Clear();
    }

    /// <inheritdoc/>
    public float[][] Gather(float[] own)
    {
        given[part] = own;
        bool isLast = part == Array.FindLastIndex(isDone, done => !done);
        if (isLast)
        {
            all = exchange([.. given.OfType<float[]>()]);
            Array.Clear(given);
        }
        PassTurn();
        AwaitTurn();
        return all;
    }

    /// <inheritdoc/>
    public void Defer(Action update)
    {
        if (part == 0)
            updates.Add(update);
    }

    /// <summary>Tells processes without parts that there is nothing more to exchange, or waits to be told.</summary>
    private void EndTogether()
    {
        while (exchange([]).Length > 0)
        {
        }
    }

    private void RunPart(int own, Action<int> body, WorkReading[] work)
    {
        part = own;
        try
        {
            AwaitTurn();
            using (device.WithPool(pools[own]))
            {
                pools[own].Adopt();
                scopes.Add(pools[own].BeginScope());
                work[own] = WorkReading.Of(() => body(own));
            }
        }
        catch (Exception e)
        {
            failure ??= ExceptionDispatchInfo.Capture(e);
        }
        isDone[own] = true;
        PassTurn();
    }

    private void AwaitTurn()
    {
        lock (turnChanged)
            while (turn != part && failure is null)
                Monitor.Wait(turnChanged);
        // The thread that failed has told why.
        if (failure is not null)
            throw new OperationCanceledException("another part of the batch has failed");
    }

    private void PassTurn()
    {
        lock (turnChanged)
        {
            // With equally many gathers, parts are done in their order.
            turn = Enumerable.Range(1, isDone.Length).Select(step => (part + step) % isDone.Length)
                .FirstOrDefault(next => !isDone[next], part);
            Monitor.PulseAll(turnChanged);
        }
    }
}
