using Ascl.Core.Diagnostics;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Devices;

/// <summary>
/// The CPU, with a fixed number of threads of its own. Like every device it is used by one thread at a time: programs that train or
/// evaluate on several threads at once open a device on each.
/// </summary>
public sealed unsafe class CpuDevice : Device
{
    /// <summary>More than the operands of any kernel.</summary>
    private const int MostOperands = 32;

    private readonly WorkerTeam team;
    private readonly BufferPool?[] pools;
    private readonly RecentOperands[] recent;
    private readonly CpuBuffer<float>?[] scratch;

    /// <summary>Upper limit on threads: each takes memory and time to start.</summary>
    public const int MaximumThreads = 1024;

    /// <summary>Starts the threads.</summary>
    /// <param name="threads">Compute threads including the caller; 0 for one per core.</param>
    /// <param name="pinned">Pin each thread, including the caller, to its own core; for a program that has the machine to itself.</param>
    /// <param name="cores">The cores to pin to, at least one per thread; null for the first that this process may use.</param>
    /// <exception cref="UserErrorException"><paramref name="threads"/> is negative or above <see cref="MaximumThreads"/>.</exception>
    public CpuDevice(int threads = 0, bool pinned = false, IReadOnlyList<int>? cores = null)
    {
        if (threads is < 0 or > MaximumThreads)
            throw new UserErrorException($"threads is {threads}: must be from 0 (one per core) to {MaximumThreads}");
        Threads = threads > 0 ? threads : Environment.ProcessorCount;
        team = new WorkerTeam(Threads, pinned && Threads <= Environment.ProcessorCount ? cores ?? CpuCores.Available() : []);
        scratch = new CpuBuffer<float>?[Threads];
        pools = new BufferPool?[Threads];
        recent = [.. Enumerable.Range(0, Threads).Select(_ => new RecentOperands())];
        DebugSettings.Say($"device {Name}");
    }

    /// <summary>Compute threads, including the caller.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override string Name => $"cpu: {SimdWidth.InstructionSet}, {Threads} thread{(Threads == 1 ? "" : "s")}";

    /// <inheritdoc/>
    public override string InstructionSet => SimdWidth.InstructionSet;

    /// <summary>The pool of the calling thread: inside a piece of <see cref="Independently"/> each thread has its own.</summary>
    public override BufferPool Pool => threadPool is { } own && own.Device == this && !team.IsInside
        ? own.Pool
        : pools[team.CurrentWorker] ??= new BufferPool(this);

    /// <summary>The pool that this thread uses instead of a device's own.</summary>
    [ThreadStatic] private static (CpuDevice Device, BufferPool Pool)? threadPool;

    /// <inheritdoc/>
    public override bool RunsLockstep => true;

    internal override IDisposable WithPool(BufferPool pool)
    {
        threadPool = (this, pool);
        return new ThreadPoolScope();
    }

    private sealed class ThreadPoolScope : IDisposable
    {
        public void Dispose() => threadPool = null;
    }

    /// <summary>Threads that share a loop begun now: one inside <see cref="Independently"/>.</summary>
    internal int LoopThreads => team.IsInside ? 1 : Threads;

    /// <summary>1 while kernels are recorded or printed, so that each trace covers all images and all threads.</summary>
    public override int PiecesAtOnce => team.IsInside || KernelTrace.IsListening ? 1 : Threads;

    /// <inheritdoc/>
    public override void Independently(int pieces, Action<int> work)
    {
        WorkReading[] done = new WorkReading[pieces];
        For(pieces, (piece, _) => done[piece] = WorkReading.Of(() => work(piece)));
        foreach (WorkReading reading in done)
            reading.Add();
    }

    /// <summary>The vector width, for any number of channels.</summary>
    public override int ChannelBlock(int channels) => SimdWidth.Current;

    /// <inheritdoc/>
    public override DeviceBuffer<T> Allocate<T>(int length) => new CpuBuffer<T>(this, length);

    /// <summary>Does nothing: a CPU kernel has finished when its call returns.</summary>
    public override void Synchronize()
    {
    }

    /// <summary>
    /// Runs <paramref name="body"/>(item, worker) for every item in 0…<paramref name="items"/>−1, spread over the threads. Which thread
    /// runs an item varies, so an item's result must not depend on the worker, and sums over items belong in a second, ordered pass.
    /// Results then have the same bits for any number of threads. Use <c>worker</c> (0…<see cref="Threads"/>−1) only to index per-thread
    /// scratch memory.
    /// </summary>
    public void For(int items, Action<int, int> body) => team.For(items, body);

    /// <summary>
    /// Per-worker scratch memory of at least <paramref name="length"/> floats with arbitrary contents, valid inside one item.
    /// </summary>
    internal float* Scratch(int worker, int length)
    {
        CpuBuffer<float>? buffer = scratch[worker];
        if (buffer is null || buffer.Length < length)
            scratch[worker] = buffer = new CpuBuffer<float>(this, length);
        return buffer.Pointer;
    }

    /// <summary>
    /// The elements of a CPU buffer, in place, for writing: values derived from the buffer (<see cref="DeviceBuffer{T}.Derived"/>), such as
    /// a convolution's transformed weights, are computed anew at their next use. Ask for a new span before each round of writing, because
    /// what is written to a span that was kept is not noticed.
    /// </summary>
    public static Span<T> Span<T>(DeviceBuffer<T> buffer) where T : unmanaged => ((CpuBuffer<T>)buffer).Span;

    /// <summary>The elements of a CPU buffer, in place, for reading.</summary>
    public static ReadOnlySpan<T> ReadSpan<T>(DeviceBuffer<T> buffer) where T : unmanaged => ((CpuBuffer<T>)buffer).ReadSpan;

    /// <summary>The memory of a CPU buffer.</summary>
    internal static T* Pointer<T>(DeviceBuffer<T> buffer) where T : unmanaged => ((CpuBuffer<T>)buffer).Pointer;

    /// <summary>
    /// Keeps a buffer reachable while a kernel runs. Kernels use raw pointers, which the garbage collector does not see, and the caller may
    /// no longer reference an operand; so the device references at least the last <see cref="MostOperands"/> buffers whose pointers a
    /// thread took.
    /// </summary>
    internal void KeepAlive(object buffer) => recent[team.CurrentWorker].Add(buffer);

    private sealed class RecentOperands
    {
        private readonly object?[] ring = new object?[2 * MostOperands];
        private int last;

        public void Add(object buffer)
        {
            for (int i = 0; i < MostOperands; i++)
                if (ring[(uint)(last - i) % ring.Length] == buffer)
                    return;
            ring[(uint)++last % ring.Length] = buffer;
        }

        public void Clear() => Array.Clear(ring);
    }

    /// <summary>Stops the threads.</summary>
    public override void Dispose()
    {
        team.Dispose();
        Array.ForEach(recent, operands => operands.Clear());
    }
}
