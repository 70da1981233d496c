namespace Ascl.Kernels.Devices;

/// <summary>
/// Reuses a device's float buffers in scopes: a buffer rented inside <see cref="BeginScope"/> returns to the pool when the scope ends, so a
/// training step that needs the same sizes as the previous one allocates nothing. Outside any scope a rented buffer belongs to the caller
/// and is garbage collected. When free buffers outgrow the memory in use (after a change of batch size, for instance), the longest unused
/// are released. Not thread-safe: inside <see cref="Device.Independently"/> each thread has its own pool, and a device is used by one
/// thread at a time; a second one is refused.
/// </summary>
public sealed class BufferPool(Device device)
{
    /// <summary>Bytes that may be free beyond twice the peak use.</summary>
    private const long SpareBytes = 64 << 20;

    /// <summary>Free buffers by length and tag, in order of return, each with the running number of its return.</summary>
    private readonly Dictionary<(int Length, long Tag), List<(DeviceBuffer<float> Buffer, long Returned)>> free = [];
    private readonly Stack<List<(DeviceBuffer<float> Buffer, int Rental)>> scopes = [];

    /// <summary>The thread that has a scope open; 0 if none has.</summary>
    private int owner;

    private long freeBytes, usedBytes, mostUsedBytes, returns;

    /// <summary>Total bytes this pool has allocated on the device, including released ones.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>A free buffer of this length and tag, or a new one.</summary>
    /// <param name="length">Floats.</param>
    /// <param name="tag">A buffer is reused only for the same tag. An activation's tag encodes its height and width: its border, once zero,
    /// stays zero, because kernels never write there. 0 for plain memory, whose contents are arbitrary.</param>
    /// <exception cref="InvalidOperationException">Another thread has a scope open.</exception>
    public DeviceBuffer<float> Rent(int length, long tag)
    {
        if (scopes.Count > 0)
            RequireOwner(Volatile.Read(ref owner));
        DeviceBuffer<float> buffer;
        if (scopes.Count > 0 && free.TryGetValue((length, tag), out var kind) && kind.Count > 0)
        {
            buffer = kind[^1].Buffer;
            kind.RemoveAt(kind.Count - 1);
            freeBytes -= Bytes(buffer);
            buffer.ForgetDerived();
        }
        else
        {
            buffer = device.Allocate<float>(length);
            AllocatedBytes += Bytes(buffer);
        }
        if (device.Capture is { } capture)
        {
            capture.Hold(buffer);
            buffer.IsCaptured = true;
        }
        if (scopes.Count > 0)
        {
            buffer.PoolTag = tag;
            scopes.Peek().Add((buffer, buffer.Rental));
            usedBytes += Bytes(buffer);
            mostUsedBytes = Math.Max(mostUsedBytes, usedBytes);
        }
        return buffer;
    }

    /// <summary>Returns a buffer before its scope ends. Buffers that were not rented in a scope are ignored.</summary>
    public void Return(DeviceBuffer<float> buffer)
    {
        if (buffer.PoolTag < 0)
            return;
        (int, long) key = (buffer.Length, buffer.PoolTag);
        if (!free.TryGetValue(key, out var kind))
            free[key] = kind = [];
        buffer.PoolTag = -1;
        buffer.Rental++;
        kind.Add((buffer, returns++));
        usedBytes -= Bytes(buffer);
        freeBytes += Bytes(buffer);
        while (freeBytes > 2 * mostUsedBytes + SpareBytes)
            LetGoOldest();
    }

    private void LetGoOldest()
    {
        var oldest = free.Values.Where(kind => kind.Count > 0).MinBy(kind => kind[0].Returned)!;
        freeBytes -= Bytes(oldest[0].Buffer);
        oldest.RemoveAt(0);
    }

    private static long Bytes(DeviceBuffer<float> buffer) => buffer.Length * (long)sizeof(float);

    /// <summary>Begins a scope: buffers rented from now on return to the pool when the result is disposed. Scopes nest.</summary>
    /// <exception cref="InvalidOperationException">Another thread has a scope open.</exception>
    public IDisposable BeginScope()
    {
        RequireOwner(Interlocked.CompareExchange(ref owner, Environment.CurrentManagedThreadId, 0));
        scopes.Push([]);
        return new Scope(this, scopes.Count);
    }

    private void RequireOwner(int thread)
    {
        if (thread != 0 && thread != Environment.CurrentManagedThreadId)
        {
            throw new InvalidOperationException(
                $"device {device.Name.Split(':')[0]} is used by another thread: open one device per thread");
        }
    }

    private void EndScope(int depth)
    {
        if (scopes.Count != depth)
            throw new InvalidOperationException("buffer scopes must end in the reverse order of their beginning");
        // Last rented first: the same requests in the same order then get the same buffers, so that captured launches stay valid.
        List<(DeviceBuffer<float> Buffer, int Rental)> rented = scopes.Pop();
        for (int i = rented.Count - 1; i >= 0; i--)
            if (rented[i].Buffer.Rental == rented[i].Rental)
                Return(rented[i].Buffer);
        if (scopes.Count == 0)
            Volatile.Write(ref owner, 0);
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
