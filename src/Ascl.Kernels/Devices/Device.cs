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

    /// <summary>Scopes and reuse of float buffers.</summary>
    public BufferPool Pool => pool ??= new BufferPool(this);

    /// <summary>New zeroed memory that lives as long as the returned object.</summary>
    public abstract DeviceBuffer<T> Allocate<T>(int length) where T : unmanaged;

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
