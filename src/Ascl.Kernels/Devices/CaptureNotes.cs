namespace Ascl.Kernels.Devices;

/// <summary>
/// What the host did about a device's buffers while launches were captured, and has to do again at each replay: the graph writes the buffers, but only
/// the host knows what was derived from them.
/// </summary>
internal sealed class CaptureNotes
{
    private readonly HashSet<object> held = [];
    private readonly HashSet<IDeviceBuffer> changed = [];
    private readonly List<(IDeviceBuffer Source, Func<bool> Refresh)> derived = [];

    /// <summary>Keeps memory that the launches use.</summary>
    public void Hold(object buffer) => held.Add(buffer);

    public void NoteChange(IDeviceBuffer buffer) => changed.Add(buffer);

    /// <param name="source">What something is derived from.</param>
    /// <param name="refresh">Brings it up to date, and tells whether it is where it was.</param>
    public void NoteDerived(IDeviceBuffer source, Func<bool> refresh) => derived.Add((source, refresh));

    /// <summary>Brings everything derived up to date that the launches read. False where one has moved: then they read what is no longer meant.</summary>
    public bool Refresh()
    {
        foreach (var (_, refresh) in derived)
            if (!refresh())
                return false;
        return true;
    }

    /// <summary>For launches that will never run: what they were to derive is not there.</summary>
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
