namespace Ascl.Kernels.Devices;

/// <summary>
/// Reuses a device's float buffers by scopes: what is rented inside <see cref="BeginScope"/> goes back when the scope ends, so a training
/// step that asks for the same sizes as the one before it allocates nothing. Outside any scope a rented buffer is the caller's, freed with it.
/// Used by the one thread that drives the device.
/// </summary>
public sealed class BufferPool(Device device)
{
    private readonly Dictionary<(int Length, long Tag), Stack<DeviceBuffer<float>>> free = [];
    private readonly Stack<List<(DeviceBuffer<float> Buffer, int Rental)>> scopes = [];

    /// <summary>All bytes this pool has ever asked the device for.</summary>
    public long AllocatedBytes { get; private set; }

    /// <param name="length">Floats.</param>
    /// <param name="tag">Only buffers of the same tag replace each other. An activation's tag names its height and width: its halo, once
    /// zero, stays zero, because no kernel writes there. 0 for plain memory, whose old contents the renter overwrites.</param>
    public DeviceBuffer<float> Rent(int length, long tag)
    {
        if (scopes.Count > 0 && free.TryGetValue((length, tag), out var stack) && stack.TryPop(out DeviceBuffer<float>? buffer))
        {
            buffer.MarkChanged();
        }
        else
        {
            buffer = device.Allocate<float>(length);
            AllocatedBytes += length * (long)sizeof(float);
        }
        if (scopes.Count > 0)
        {
            buffer.PoolTag = tag;
            scopes.Peek().Add((buffer, buffer.Rental));
        }
        return buffer;
    }

    /// <summary>Gives a buffer back before its scope ends. Nothing happens to one that was not rented in a scope.</summary>
    public void Return(DeviceBuffer<float> buffer)
    {
        if (buffer.PoolTag < 0)
            return;
        (int, long) key = (buffer.Length, buffer.PoolTag);
        if (!free.TryGetValue(key, out var stack))
            free[key] = stack = [];
        buffer.PoolTag = -1;
        buffer.Rental++;
        stack.Push(buffer);
    }

    /// <summary>Everything rented until the result is disposed goes back then. Scopes nest.</summary>
    public IDisposable BeginScope()
    {
        scopes.Push([]);
        return new Scope(this, scopes.Count);
    }

    private void EndScope(int depth)
    {
        if (scopes.Count != depth)
            throw new InvalidOperationException("buffer scopes must end in the reverse order of their beginning");
        foreach (var (buffer, rental) in scopes.Pop())
            if (buffer.Rental == rental)
                Return(buffer);
    }

    private sealed class Scope(BufferPool pool, int depth) : IDisposable
    {
        private bool ended;

        public void Dispose()
        {
            if (!ended)
                pool.EndScope(depth);
            ended = true;
        }
    }
}
