namespace Ascl.Kernels.Devices;

/// <summary>Memory on a device.</summary>
public abstract class DeviceBuffer<T>(Device device, int length) where T : unmanaged
{
    private Dictionary<string, object>? derived;

    public Device Device { get; } = device;
    public int Length { get; } = length;

    /// <summary>How the pool files this buffer, and which of its rentals is current.</summary>
    internal long PoolTag { get; set; } = -1;
    internal int Rental { get; set; }

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
    public TDerived Derived<TDerived>(string name, Func<TDerived> make) where TDerived : class
    {
        derived ??= [];
        if (!derived.TryGetValue(name, out object? value))
            derived[name] = value = make();
        return (TDerived)value;
    }

    /// <summary>To be called by whatever writes into a buffer that already holds values others may have derived something from.</summary>
    public void MarkChanged() => derived = null;
}
