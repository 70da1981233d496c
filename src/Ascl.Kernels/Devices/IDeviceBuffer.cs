namespace Ascl.Kernels.Devices;

/// <summary>A <see cref="DeviceBuffer{T}"/> of any element type.</summary>
public interface IDeviceBuffer
{
    /// <summary>The device that holds the memory.</summary>
    Device Device { get; }

    /// <summary>Number of elements.</summary>
    int Length { get; }

    /// <summary>Invalidates values derived from the buffer; whatever writes into the buffer calls this.</summary>
    void MarkChanged();
}
