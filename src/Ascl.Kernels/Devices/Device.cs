namespace Ascl.Kernels.Devices;

/// <summary>
/// A compute device: it owns buffers and runs the kernels given to it in order. The kernels themselves are in the kernel folders; each call
/// dispatches to the path of its buffers' device (<see cref="Dispatch.DeviceKernel"/>). One thread uses a device at a time.
/// </summary>
public abstract class Device : IDisposable
{
    private BufferPool? pool;

    /// <summary>One line for users: the device and how it is used, such as "cpu: AVX-512, 2 threads".</summary>
    public abstract string Name { get; }

    /// <summary>What decides the order of additions and so the bits of a result: the CPU's vectors, or the GPU's architecture.</summary>
    public abstract string InstructionSet { get; }

    /// <summary>The precision of convolutions and matrix products.</summary>
    public Precision Precision { get; private protected set; }

    /// <summary>Sets the precision of convolutions and matrix products.</summary>
    /// <returns>Null on success; otherwise why the device cannot, and it computes in float32.</returns>
    public virtual string? SetPrecision(Precision precision) =>
        precision == Precision.Float32 ? null : "only CUDA devices have tensor cores";

    /// <summary>Sets the precision until the result is disposed, which restores the previous one. Scopes nest.</summary>
    public IDisposable WithPrecision(Precision precision)
    {
        PrecisionScope scope = new(this, Precision);
        SetPrecision(precision);
        return scope;
    }

    private sealed class PrecisionScope(Device device, Precision before) : IDisposable
    {
        public void Dispose() => device.SetPrecision(before);
    }

    /// <summary>The parts of a batch that share BatchNorm's statistics; null for batches that are whole.</summary>
    public IBatchGroup? BatchGroup { get; private set; }

    /// <summary>Lets passes share BatchNorm's statistics with the other parts of their batch until the result is disposed.</summary>
    public IDisposable WithBatchGroup(IBatchGroup group)
    {
        BatchGroup = group;
        return new BatchGroupScope(this);
    }

    private sealed class BatchGroupScope(Device device) : IDisposable
    {
        public void Dispose() => device.BatchGroup = null;
    }

    /// <summary>Whether several parts of a batch can pass in turn (<see cref="Lockstep"/>), each with a pool of its own. A GPU has one
    /// pool.</summary>
    public virtual bool RunsLockstep => false;

    /// <summary>Lets the calling thread rent from another pool until the result is disposed.</summary>
    internal virtual IDisposable WithPool(BufferPool pool) => throw new NotSupportedException($"{Name}: has one pool of buffers");

    /// <summary>The pool of float buffers.</summary>
    public virtual BufferPool Pool
    {
        get => pool ??= new BufferPool(this);
        private protected set => pool = value;
    }

    /// <summary>The bookkeeping of the capture in progress; null if none is.</summary>
    internal CaptureNotes? Capture { get; private protected set; }

    /// <summary>Allocates zeroed memory that lives as long as the returned object.</summary>
    public abstract DeviceBuffer<T> Allocate<T>(int length) where T : unmanaged;

    /// <summary>
    /// Runs work that is likely to be repeated. A GPU captures its launches as a CUDA graph the second time and replays the graph from then
    /// on.
    /// </summary>
    /// <returns>The work's result, valid within the enclosing pool scope and until the device runs other captured work.</returns>
    public virtual TResult RunCaptured<TResult>(ICapturable<TResult> work) => work.Run();

    /// <summary>How many pieces <see cref="Independently"/> runs at the same time.</summary>
    public virtual int PiecesAtOnce => 1;

    /// <summary>
    /// Runs independent pieces of work: <paramref name="work"/>(0…<paramref name="pieces"/>−1). A CPU with several threads runs several at
    /// once, each with all its kernels on one thread and with its own pool. Pieces may share what they read but not what they write.
    /// </summary>
    public virtual void Independently(int pieces, Action<int> work)
    {
        for (int piece = 0; piece < pieces; piece++)
            work(piece);
    }

    /// <summary>Waits until the device has finished all work given to it.</summary>
    public abstract void Synchronize();

    /// <summary>Channels per block of an activation with this many channels: <see cref="Layout.ActivationLayout.Block"/>.</summary>
    public abstract int ChannelBlock(int channels);

    /// <summary>A new buffer with a copy of the values.</summary>
    public DeviceBuffer<T> Upload<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        DeviceBuffer<T> buffer = Allocate<T>(values.Length);
        buffer.CopyFrom(values);
        return buffer;
    }

    /// <summary>Releases the device; its buffers must not be used afterwards.</summary>
    public abstract void Dispose();
}
