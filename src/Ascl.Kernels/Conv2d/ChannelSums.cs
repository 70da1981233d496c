using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Sums over the pixels of a convolution's result z that a BatchNorm after it needs, Σ (z − shift) and Σ (z − shift)², made while the result is in
/// registers, so that nobody has to read it again for them. They are kept for parts of the result, which depend on its shape alone, each with a
/// shift near its values. Not every convolution can; one that cannot leaves them unmade.
/// </summary>
public sealed class ChannelSums
{
    /// <summary>Null until a convolution has made them: [part][sum, sum of squares, shift][channels of whole blocks], then the part's pixels.</summary>
    internal DeviceBuffer<float>? Values { get; private set; }
    internal int Parts { get; private set; }
    internal int Channels { get; private set; }

    /// <summary>Floats from a part to the next.</summary>
    internal int PartStride => PixelsAt + 1;
    internal int ShiftAt => 2 * Channels;
    internal int PixelsAt => 3 * Channels;

    public bool Made => Values is not null;

    internal void Begin(CpuDevice device, int parts, int channels)
    {
        (Parts, Channels) = (parts, channels);
        Values = device.Pool.Rent(parts * PartStride, 0);
    }

    internal unsafe float* Part(int part) => CpuDevice.Pointer(Values!) + part * PartStride;
}
