namespace Ascl.Kernels.Devices;

/// <summary>
/// A device is memory and order, nothing else: it owns buffers, and the kernels given to it run one after another. What is computed is in the
/// kernel folders; each kernel picks the path of its buffers' device.
/// </summary>
public abstract class Device : IDisposable
{
    private BufferPool? pool;

    /// <summary>One line a user recognises: what the device is and how it will be used.</summary>
    public abstract string Name { get; }

    /// <summary>What convolutions and matrix products are computed in.</summary>
    public Precision Precision { get; private protected set; }

    /// <summary>Has convolutions and matrix products computed in <paramref name="precision"/>.</summary>
    /// <returns>Why that does not go; everything is computed in float32 then. Null where it goes.</returns>
    public virtual string? SetPrecision(Precision precision) => precision == Precision.Float32 ? null : "only CUDA devices have tensor cores";

    /// <summary>The same until the result is disposed; then as before. Scopes nest.</summary>
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

    /// <summary>Scopes and reuse of float buffers.</summary>
    public virtual BufferPool Pool
    {
        get => pool ??= new BufferPool(this);
        private protected set => pool = value;
    }

    /// <summary>What is noted while launches are captured; null while none are.</summary>
    internal CaptureNotes? Capture { get; private protected set; }

    /// <summary>New zeroed memory that lives as long as the returned object.</summary>
    public abstract DeviceBuffer<T> Allocate<T>(int length) where T : unmanaged;

    /// <summary>
    /// Does work that is likely to come again. A GPU captures its launches the second time and from then on starts all of them at once.
    /// </summary>
    /// <returns>What the work returned: valid in the pool's scope around the call, until the device repeats other work.</returns>
    public virtual TResult RunCaptured<TResult>(ICapturable<TResult> work) => work.Run();

    /// <summary>How many pieces of work <see cref="Independently"/> does at the same time.</summary>
    public virtual int PiecesAtOnce => 1;

    /// <summary>
    /// Does pieces of work that have nothing to do with each other: <paramref name="work"/>(0…<paramref name="pieces"/>−1). A CPU with several threads does
    /// several at once, each with all its kernels on one thread and with a pool of its own: a piece may read what others read, and writes only what is its own.
    /// </summary>
    public virtual void Independently(int pieces, Action<int> work)
    {
        for (int piece = 0; piece < pieces; piece++)
            work(piece);
    }

    /// <summary>Waits until everything given to the device is done.</summary>
    public abstract void Synchronize();

    /// <summary>Channels in one block of an activation that has <paramref name="channels"/>: the layout's <see cref="Activations.ActivationLayout.Block"/>.</summary>
    public abstract int ChannelBlock(int channels);

    public DeviceBuffer<T> Upload<T>(ReadOnlySpan<T> values) where T : unmanaged
    {
        DeviceBuffer<T> buffer = Allocate<T>(values.Length);
        buffer.CopyFrom(values);
        return buffer;
    }

    public abstract void Dispose();
}
