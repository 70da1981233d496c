namespace Ascl.Kernels.Devices;

/// <summary>An array of elements in a device's memory.</summary>
public abstract class DeviceBuffer<T>(Device device, int length) : IDeviceBuffer where T : unmanaged
{
    private readonly Dictionary<string, Derivation> derivations = [];
    private long version;

    /// <summary>The device that holds the memory.</summary>
    public Device Device { get; } = device;

    /// <summary>Number of elements.</summary>
    public int Length { get; } = length;

    /// <summary>The pool's tag while the buffer is rented in a scope; −1 otherwise.</summary>
    internal long PoolTag { get; set; } = -1;

    /// <summary>How often the buffer has been returned to a pool.</summary>
    public int Rental { get; internal set; }

    /// <summary>Whether captured work rented the buffer: its results are valid after their scope, until other work is repeated.</summary>
    public bool IsCaptured { get; internal set; }

    /// <summary>Copies host values into the buffer.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public abstract void CopyFrom(ReadOnlySpan<T> source);

    /// <summary>Copies the buffer to host memory; waits for the device.</summary>
    /// <exception cref="ArgumentException">The lengths differ.</exception>
    public abstract void CopyTo(Span<T> destination);

    /// <summary>A copy of the elements on the host; waits for the device.</summary>
    public T[] ToArray()
    {
        T[] values = new T[Length];
        CopyTo(values);
        return values;
    }

    /// <summary>
    /// A value computed from this buffer's contents and cached until they change, such as a convolution's transformed weights. It is
    /// recomputed at the first use after a change, so an attack of many steps computes it once.
    /// </summary>
    /// <param name="name">Identifies the value among those derived from this buffer.</param>
    /// <param name="make">Computes the value, given the stale one (or null), whose memory it should refill, because captured launches read
    /// that memory.</param>
    /// <param name="others">Further buffers that the value depends on.</param>
    public TDerived Derived<TDerived>(string name, Func<TDerived?, TDerived> make, params ReadOnlySpan<DeviceBuffer<T>> others)
        where TDerived : class
    {
        TDerived value;
        // Pieces of work on several threads share weights: the first to get here computes the value.
        lock (derivations)
        {
            if (!derivations.TryGetValue(name, out Derivation? known) || !known.IsOf(this, others))
            {
                DeviceBuffer<T>[] sources = [this, .. others];
                derivations[name] = known = new(make((TDerived?)known?.Value), sources, [.. sources.Select(source => source.version)]);
            }
            value = (TDerived)known.Value;
        }
        if (Device.Capture is { } capture)
            NoteUse(capture, name, make, [.. others], value);
        return value;
    }

    /// <summary>
    /// Invalidates values derived from the buffer. Whatever writes into the buffer calls this; <see cref="Dispatch.DeviceKernel"/> does for
    /// kernels, <see cref="CpuDevice.Span"/> for whoever asks for a CPU buffer's memory.
    /// </summary>
    public void MarkChanged()
    {
        version++;
        Device.Capture?.NoteChange(this);
    }

    /// <summary>Drops all derived values when the buffer is rented again.</summary>
    internal void ForgetDerived() => derivations.Clear();

    private void NoteUse<TDerived>(
        CaptureNotes capture, string name, Func<TDerived?, TDerived> make, DeviceBuffer<T>[] others, TDerived value)
        where TDerived : class =>
        capture.NoteDerived(this, () => ReferenceEquals(Derived(name, make, others), value));

    /// <param name="Value">The derived value.</param>
    /// <param name="Sources">The buffers it was computed from, this one first.</param>
    /// <param name="Versions">Their versions at that time.</param>
    private sealed record Derivation(object Value, DeviceBuffer<T>[] Sources, long[] Versions)
    {
        public bool IsOf(DeviceBuffer<T> own, ReadOnlySpan<DeviceBuffer<T>> others)
        {
            bool same = Sources.Length == 1 + others.Length && Versions[0] == own.version;
            for (int i = 0; same && i < others.Length; i++)
                same = Sources[i + 1] == others[i] && Versions[i + 1] == others[i].version;
            return same;
        }
    }
}
