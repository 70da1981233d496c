namespace Ascl.Kernels.Devices;

/// <summary>
/// Host-side bookkeeping of a capture that each replay must repeat: the graph writes the buffers, but only the host knows which values were
/// derived from them.
/// </summary>
internal sealed class CaptureNotes
{
    private readonly HashSet<object> held = [];
    private readonly HashSet<IDeviceBuffer> changed = [];
    private readonly List<(IDeviceBuffer Source, Func<bool> Refresh)> derived = [];

    /// <summary>Keeps memory alive that the captured launches use.</summary>
    public void Hold(object buffer) => held.Add(buffer);

    public void NoteChange(IDeviceBuffer buffer) => changed.Add(buffer);

    /// <param name="source">The buffer the value is derived from.</param>
    /// <param name="refresh">Recomputes the value if needed; returns whether it is still in the same memory.</param>
    public void NoteDerived(IDeviceBuffer source, Func<bool> refresh) => derived.Add((source, refresh));

    /// <summary>
    /// Recomputes the derived values that the launches read. False if one has moved: the launches would then read stale memory.
    /// </summary>
    public bool Refresh()
    {
        foreach (var (_, refresh) in derived)
            if (!refresh())
                return false;
        return true;
    }

    /// <summary>Invalidates the derived values of a capture that will never run, since its launches never computed them.</summary>
    public void Distrust()
    {
        foreach (var (source, _) in derived)
            source.MarkChanged();
    }

    public void MarkChanges()
    {
        foreach (IDeviceBuffer buffer in changed)
            buffer.MarkChanged();
    }
}
