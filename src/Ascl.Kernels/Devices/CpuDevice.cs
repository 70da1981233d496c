using Ascl.Core.Diagnostics;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Devices;

/// <summary>The CPU with a fixed number of threads.</summary>
public sealed unsafe class CpuDevice : Device
{
    /// <summary>More buffers than any kernel works on.</summary>
    private const int MostOperands = 32;

    private readonly WorkerTeam team;
    private readonly BufferPool?[] pools;
    private readonly RecentOperands[] recent;
    private readonly CpuBuffer<float>?[] scratch;

    /// <summary>More than any machine has processors; each thread takes memory and time to start.</summary>
    public const int MaximumThreads = 1024;

    /// <param name="threads">Threads that compute, the calling one included; 0 for one a core.</param>
    /// <param name="pinned">Fix each thread, the calling one too, to a core of its own: what a program that owns the machine wants.</param>
    /// <exception cref="UserErrorException">A negative number of threads, or more than <see cref="MaximumThreads"/>.</exception>
    public CpuDevice(int threads = 0, bool pinned = false)
    {
        if (threads is < 0 or > MaximumThreads)
            throw new UserErrorException($"threads is {threads}: must be 0 (one a core) to {MaximumThreads}");
        Threads = threads > 0 ? threads : Environment.ProcessorCount;
        team = new WorkerTeam(Threads, pinned && Threads <= Environment.ProcessorCount);
        scratch = new CpuBuffer<float>?[Threads];
        pools = new BufferPool?[Threads];
        recent = [.. Enumerable.Range(0, Threads).Select(_ => new RecentOperands())];
        DebugSettings.Say($"device {Name}");
    }

    public int Threads { get; }

    public override string Name => $"cpu: {SimdWidth.InstructionSet}, {Threads} thread{(Threads == 1 ? "" : "s")}";

    /// <summary>Of the calling thread, where it does a piece of <see cref="Independently"/>.</summary>
    public override BufferPool Pool => pools[team.CurrentWorker] ??= new BufferPool(this);

    /// <summary>One where kernels are listened to, so that each is seen as it works on all images with all threads.</summary>
    public override int PiecesAtOnce => team.IsInside || KernelTrace.IsListening ? 1 : Threads;

    public override void Independently(int pieces, Action<int> work)
    {
        WorkReading[] done = new WorkReading[pieces];
        For(pieces, (piece, _) => done[piece] = WorkReading.Of(() => work(piece)));
        foreach (WorkReading reading in done)
            reading.Add();
    }

    public override int ChannelBlock(int channels) => SimdWidth.Current;

    public override DeviceBuffer<T> Allocate<T>(int length) => new CpuBuffer<T>(this, length);

    public override void Synchronize()
    {
        // Kernels on the CPU have ended when their call returns.
    }

    /// <summary>
    /// Runs <paramref name="body"/>(item, worker) for every item in 0…<paramref name="items"/>−1, spread over the threads. Which thread takes an
    /// item varies; what an item computes must not depend on it, and sums over items belong in a second, ordered pass. So results have the same
    /// bits for any number of threads. <c>worker</c> (0…<see cref="Threads"/>−1) is only for <see cref="Scratch"/>.
    /// </summary>
    public void For(int items, Action<int, int> body) => team.For(items, body);

    /// <summary>Memory of the worker's own, at least <paramref name="length"/> floats with arbitrary contents, valid inside one item.</summary>
    internal float* Scratch(int worker, int length)
    {
        CpuBuffer<float>? buffer = scratch[worker];
        if (buffer is null || buffer.Length < length)
            scratch[worker] = buffer = new CpuBuffer<float>(this, length);
        return buffer.Pointer;
    }

    /// <summary>The values of a buffer on a CPU, to be read or written where they lie.</summary>
    public static Span<T> Span<T>(DeviceBuffer<T> buffer) where T : unmanaged => ((CpuBuffer<T>)buffer).Span;

    /// <summary>The memory of a buffer that must be this device's.</summary>
    internal static T* Pointer<T>(DeviceBuffer<T> buffer) where T : unmanaged => ((CpuBuffer<T>)buffer).Pointer;

    /// <summary>
    /// Kernels work on raw pointers, which the garbage collector does not see, and their caller may hold no reference to an operand any more. So the
    /// device refers to the last <see cref="MostOperands"/> buffers whose memory a thread has asked for.
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

    public override void Dispose()
    {
        team.Dispose();
        Array.ForEach(recent, operands => operands.Clear());
    }
}
