namespace Ascl.Kernels.Devices;

/// <summary>Memory on a device.</summary>
public abstract class DeviceBuffer<T>(Device device, int length) : IDeviceBuffer where T : unmanaged
{
    private readonly Dictionary<string, Derivation> derivations = [];
    private long version;

    public Device Device { get; } = device;
    public int Length { get; } = length;

    /// <summary>How the pool files this buffer, and which of its rentals is current.</summary>
    internal long PoolTag { get; set; } = -1;

    /// <summary>How often the buffer has gone back to a pool.</summary>
    public int Rental { get; internal set; }

    public abstract void CopyFrom(ReadOnlySpan<T> source);
    public abstract void CopyTo(Span<T> destination);

    public T[] ToArray()
    {
        T[] values = new T[Length];
        CopyTo(values);
        return values;
    }

    /// <summary>
    /// Something computed from this buffer's contents and kept until they change, such as a convolution's transformed weights: made at the first
    /// use after a change, so an attack of many steps makes it once.
    /// </summary>
    /// <param name="make">Makes it; given what it made before the change, whose memory it may fill again. Launches that were captured read that memory.</param>
    /// <param name="others">Further buffers that it is computed from.</param>
    public TDerived Derived<TDerived>(string name, Func<TDerived?, TDerived> make, params ReadOnlySpan<DeviceBuffer<T>> others) where TDerived : class
    {
        TDerived value;
        // Pieces of work on several threads share weights: the first that comes makes it.
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

    /// <summary>To be called by whatever writes into a buffer that already holds values others may have derived something from.</summary>
    public void MarkChanged()
    {
        version++;
        Device.Capture?.NoteChange(this);
    }

    /// <summary>Forgets what was computed from a buffer that begins a new life.</summary>
    internal void ForgetDerived() => derivations.Clear();

    private void NoteUse<TDerived>(CaptureNotes capture, string name, Func<TDerived?, TDerived> make, DeviceBuffer<T>[] others, TDerived value) where TDerived : class =>
        capture.NoteDerived(this, () => ReferenceEquals(Derived(name, make, others), value));

    /// <param name="Value">What was made.</param>
    /// <param name="Sources">Of what, this buffer first.</param>
    /// <param name="Versions">Theirs, then.</param>
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
