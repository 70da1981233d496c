namespace Ascl.Kernels.Devices;

/// <summary>A buffer of any element type.</summary>
public interface IDeviceBuffer
{
    Device Device { get; }
    int Length { get; }

    /// <summary>To be called by whatever writes into the buffer.</summary>
    void MarkChanged();
}
