using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Layout;

/// <summary>
/// How an [N, C, H, W] activation lies in memory: [N][C/Block][H+2][W+2][Block], channels in blocks and a border of one zero pixel around
/// every plane, so that kernels need no padding logic. Block is the vector width on a CPU, the channels rounded up to four on a GPU (so that all of a
/// pixel's lie together), or 1 for the few planes of an image ("planes").
/// Channels that only fill up the last block are zero, and the border is zero: kernels rely on both and keep them so.
/// </summary>
public readonly record struct ActivationLayout(int N, int C, int H, int W, int Block)
{
    public const int Halo = 1;

    /// <summary>The layout between layers: blocks as wide as a CPU's vectors, or all of a pixel's channels together on a GPU.</summary>
    public static ActivationLayout Blocked(Device device, int n, int c, int h, int w) => new(n, c, h, w, device.ChannelBlock(c));

    /// <summary>The layout of normalised input images: one channel a plane.</summary>
    public static ActivationLayout Planes(int n, int c, int h, int w) => new(n, c, h, w, 1);

    /// <summary>Channel blocks an image.</summary>
    public int Blocks => (C + Block - 1) / Block;

    /// <summary>Floats from a pixel to the one below it.</summary>
    public int RowStride => (W + 2 * Halo) * Block;

    /// <summary>Floats of one channel block of one image.</summary>
    public int PlaneSize => (H + 2 * Halo) * RowStride;

    public int ImageSize => Blocks * PlaneSize;
    public int Length => checked((int)((long)N * ImageSize));

    /// <summary>Floats from the start of a plane to its first pixel inside the border.</summary>
    public int Interior => RowStride * Halo + Block * Halo;

    /// <summary>Buffers of the same tag and length have the same border.</summary>
    public long PoolTag => 1 + (((long)H << 40) | ((long)W << 16) | (uint)Block);

    public override string ToString() => $"[{N}, {C}, {H}, {W}]";
}
