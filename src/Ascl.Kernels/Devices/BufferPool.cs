namespace Ascl.Kernels.Devices;

/// <summary>
/// Reuses a device's float buffers by scopes: what is rented inside <see cref="BeginScope"/> goes back when the scope ends, so a training
/// step that asks for the same sizes as the one before it allocates nothing. Outside any scope a rented buffer is the caller's, freed with it.
/// Free buffers that nothing asks for any more, of batch sizes that do not come again, are let go when they add up to more than everything else.
/// Used by one thread: the one that drives the device, or one that does pieces of work on it.
/// </summary>
public sealed class BufferPool(Device device)
{
    /// <summary>What may lie free beyond twice the most that was ever in use at once.</summary>
    private const long SpareBytes = 64 << 20;

    /// <summary>The buffers of a kind in the order of their return, each with the number of that return.</summary>
    private readonly Dictionary<(int Length, long Tag), List<(DeviceBuffer<float> Buffer, long Returned)>> free = [];
    private readonly Stack<List<(DeviceBuffer<float> Buffer, int Rental)>> scopes = [];

    private long freeBytes, usedBytes, mostUsedBytes, returns;

    /// <summary>All bytes this pool has ever asked the device for.</summary>
    public long AllocatedBytes { get; private set; }

    /// <param name="length">Floats.</param>
    /// <param name="tag">Only buffers of the same tag replace each other. An activation's tag names its height and width: its halo, once
    /// zero, stays zero, because no kernel writes there. 0 for plain memory, whose old contents the renter overwrites.</param>
    public DeviceBuffer<float> Rent(int length, long tag)
    {
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
        device.Capture?.Hold(buffer);
        if (scopes.Count > 0)
        {
            buffer.PoolTag = tag;
            scopes.Peek().Add((buffer, buffer.Rental));
            usedBytes += Bytes(buffer);
            mostUsedBytes = Math.Max(mostUsedBytes, usedBytes);
        }
        return buffer;
    }

    /// <summary>Gives a buffer back before its scope ends. Nothing happens to one that was not rented in a scope.</summary>
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
        // The last one first: then the same requests in the same order get the same buffers again, and captured launches stay of use.
        List<(DeviceBuffer<float> Buffer, int Rental)> rented = scopes.Pop();
        for (int i = rented.Count - 1; i >= 0; i--)
            if (rented[i].Buffer.Rental == rented[i].Rental)
                Return(rented[i].Buffer);
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
