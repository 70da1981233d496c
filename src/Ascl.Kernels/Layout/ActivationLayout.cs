using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Layout;

/// <summary>
/// The memory layout of an [N, C, H, W] activation: [N][C/Block][H+2][W+2][Block]. Channels are in blocks, and each plane has a border of
/// one zero pixel, so that kernels need no padding logic. The border and the padding channels of the last block are zero; kernels rely on
/// this and preserve it.
/// </summary>
/// <param name="N">Images.</param>
/// <param name="C">Channels.</param>
/// <param name="H">Rows of pixels, without the border.</param>
/// <param name="W">Columns of pixels, without the border.</param>
/// <param name="Block">Channels per block: the vector width on a CPU, all channels rounded up to a multiple of four on a GPU, 1 for image
/// planes.</param>
public readonly record struct ActivationLayout(int N, int C, int H, int W, int Block)
{
    /// <summary>Width of the zero border, in pixels.</summary>
    public const int Halo = 1;

    /// <summary>The layout between layers, with the block size of <see cref="Device.ChannelBlock"/>.</summary>
    public static ActivationLayout Blocked(Device device, int n, int c, int h, int w) => new(n, c, h, w, device.ChannelBlock(c));

    /// <summary>The layout of normalised input images: each channel is a plane.</summary>
    public static ActivationLayout Planes(int n, int c, int h, int w) => new(n, c, h, w, 1);

    /// <summary>Channel blocks per image.</summary>
    public int Blocks => (C + Block - 1) / Block;

    /// <summary>Floats per row of a plane, with the border.</summary>
    public int RowStride => (W + 2 * Halo) * Block;

    /// <summary>Floats per channel block of one image, with the border.</summary>
    public int PlaneSize => (H + 2 * Halo) * RowStride;

    /// <summary>Floats per image.</summary>
    public int ImageSize => Blocks * PlaneSize;

    /// <summary>Floats in all.</summary>
    public int Length => checked((int)((long)N * ImageSize));

    /// <summary>Floats from the start of a plane to its first pixel inside the border.</summary>
    public int Interior => RowStride * Halo + Block * Halo;

    /// <summary>The <see cref="BufferPool"/> tag: buffers of equal tag and length have the border in the same place.</summary>
    public long PoolTag => 1 + (((long)H << 40) | ((long)W << 16) | (uint)Block);

    /// <summary>"[N, C, H, W]".</summary>
    public override string ToString() => $"[{N}, {C}, {H}, {W}]";
}
