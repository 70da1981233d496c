using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Per-channel sums over the pixels of a convolution's result z for the BatchNorm that follows, Σ (z − shift) and Σ (z − shift)². The
/// convolution computes them while z is in registers, which saves a pass over z. There is one set of sums for each part of the result, with
/// a shift near that part's values; the parts depend only on the shape. Convolutions that cannot compute the sums leave <see cref="Made"/>
/// false.
/// </summary>
public sealed class ChannelSums
{
    /// <summary>
    /// Null until a convolution has computed them: [part][sum, sum of squares, shift][channels of whole blocks], then the part's number of
    /// pixels.
    /// </summary>
    internal DeviceBuffer<float>? Values { get; private set; }
    internal int Parts { get; private set; }
    internal int Channels { get; private set; }

    /// <summary>Floats per part.</summary>
    internal int PartStride => PixelsAt + 1;
    internal int ShiftAt => 2 * Channels;
    internal int PixelsAt => 3 * Channels;

    /// <summary>Whether the convolution has computed the sums.</summary>
    public bool Made => Values is not null;

    internal void Begin(CpuDevice device, int parts, int channels)
    {
        (Parts, Channels) = (parts, channels);
        Values = device.Pool.Rent(parts * PartStride, 0);
    }

    internal unsafe float* Part(int part) => CpuDevice.Pointer(Values!) + part * PartStride;
}
