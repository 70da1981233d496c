using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

/// <summary>
/// Prepares the operands of GPU convolutions: weights packed in the order of a tile's slices, and inputs in whole quads of channels with a
/// wide enough zero border.
/// </summary>
internal static class ConvolutionOperands
{
    /// <summary>Which taps and channels are packed.</summary>
    /// <param name="ColumnStride">Stride in the weight [K, C, R, S] by column of the product, that is by channel of the result.</param>
    /// <param name="ChannelStride">Stride by channel of the sum.</param>
    /// <param name="FirstTap">Offset of the first tap, followed by the strides by tap row and column.</param>
    /// <param name="Groups">Groups of channels; weights between two groups are zero.</param>
    internal readonly record struct Packing(
        int Columns, int ColumnStride, int Channels, int ChannelStride, int TapRows, int TapColumns, int FirstTap, int TapRowStep,
        int TapColumnStep, int Groups)
    {
        public int Quads => (Channels + 3) / 4;
        public int TotalQuads => TapRows * TapColumns * Quads;
        public int Depth => (TotalQuads + 1) / 2 * RegisterTile.Depth;
    }

    /// <summary>Packed weights: [tile][(tap, channel)][column of the tile], zero for padding channels and columns.</summary>
    /// <param name="old">Stale packed weights whose memory is reused; null if there are none.</param>
    public static DeviceBuffer<float> Pack(
        CudaDevice device, Packing packing, int tileColumns, DeviceBuffer<float> weight, DeviceBuffer<float>? old)
    {
        int tiles = (packing.Columns + tileColumns - 1) / tileColumns;
        int length = checked(tiles * packing.Depth * tileColumns);
        DeviceBuffer<float> packed = old?.Length == length ? old : device.Allocate<float>(length);
        device.Launch(PackWeight, (CudaDevice.Groups(packed.Length), CudaDevice.GroupSize), new PackWeightArguments
        {
            Weight = CudaDevice.View(weight),
            Packed = CudaDevice.View(packed),
            Taps = packing.TapRows * packing.TapColumns,
            ByTileColumns = new(tileColumns),
            ByDepth = new(Math.Max(packing.Depth, 1)),
            ByQuads = new(packing.Quads),
            ByTapColumns = new(Math.Max(packing.TapColumns, 1)),
            Columns = packing.Columns,
            ColumnStride = packing.ColumnStride,
            Channels = packing.Channels,
            ChannelStride = packing.ChannelStride,
            FirstTap = packing.FirstTap,
            TapRowStep = packing.TapRowStep,
            TapColumnStep = packing.TapColumnStep,
            ByGroupColumns = new(packing.Columns / packing.Groups),
            ByGroupChannels = new(packing.Channels / packing.Groups),
            Shared = Math.Max(packing.ColumnStride, packing.ChannelStride),
        });
        return packed;
    }

    internal struct PackWeightArguments
    {
        public ArrayView<float> Weight, Packed;
        public InvariantDivision ByTileColumns, ByDepth, ByQuads, ByTapColumns;
        public int Taps, Columns, ColumnStride, Channels, ChannelStride, FirstTap, TapRowStep, TapColumnStep;

        /// <summary>Columns and channels of a group.</summary>
        public InvariantDivision ByGroupColumns, ByGroupChannels;

        /// <summary>What the index of a group's first weight has too much: its input channels are numbered from 0.</summary>
        public int Shared;
    }

    /// <summary>A thread owns one packed value.</summary>
    internal static void PackWeight(PackWeightArguments p)
    {
        int i = Grid.GlobalIndex.X;
        if (i >= p.Packed.IntLength)
            return;
        int line = p.ByTileColumns.Quotient(i), tile = p.ByDepth.Quotient(line), depth = line - tile * p.ByDepth.Divisor;
        int column = tile * p.ByTileColumns.Divisor + i - line * p.ByTileColumns.Divisor;
        int quad = depth >> 2, tap = p.ByQuads.Quotient(quad), channel = 4 * (quad - tap * p.ByQuads.Divisor) + (depth & 3);
        int r = p.ByTapColumns.Quotient(tap), s = tap - r * p.ByTapColumns.Divisor;
        float value = 0;
        int group = p.ByGroupColumns.Quotient(column);
        if (column < p.Columns && channel < p.Channels && tap < p.Taps && group == p.ByGroupChannels.Quotient(channel))
        {
            int first = column * p.ColumnStride + channel * p.ChannelStride - group * p.Shared;
            value = p.Weight[first + p.FirstTap + r * p.TapRowStep + s * p.TapColumnStep];
        }
        p.Packed[i] = value;
    }

    /// <summary>
    /// The memory and pixel grid of an activation with a border of at least <paramref name="halo"/> zero pixels and whole quads of
    /// channels: its own, or those of a copy, which the caller returns to the pool.
    /// </summary>
    public static (ArrayView<float> Memory, PixelGrid Pixels) WithHalo(
        CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, int halo, out DeviceBuffer<float>? copy)
    {
        copy = null;
        if (halo <= ActivationLayout.Halo && layout.Block > 1)
            return (CudaDevice.View(x), PixelGrid.Of(layout));
        halo = Math.Max(halo, ActivationLayout.Halo);
        ActivationLayout whole = ActivationLayout.Blocked(device, layout.N, layout.C, layout.H, layout.W);
        PixelGrid wide = PixelGrid.Of(whole, halo);
        copy = device.Pool.Rent(checked(4 * layout.N * wide.Image), 0);
        int quads = whole.Block / 4;
        device.Launch(CopyWithHalo, (CudaDevice.Groups(copy.Length / 4), CudaDevice.GroupSize), new CopyWithHaloArguments
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(copy),
            Input = PixelGrid.Of(layout),
            Pixels = new(layout.N, layout.H + 2 * halo, layout.W + 2 * halo),
            Channels = layout.C,
            Plane = layout.Block == 1 ? layout.PlaneSize : 0,
            H = layout.H,
            W = layout.W,
            Halo = halo,
            ByQuads = new(quads),
        });
        return (CudaDevice.View(copy), wide);
    }

    internal struct CopyWithHaloArguments
    {
        public ArrayView<float> X, Y;
        public PixelGrid Input;

        /// <summary>The pixels of y, including its border.</summary>
        public PixelNumbers Pixels;

        public int H, W, Halo;

        /// <summary>Channels, and their stride in x if it is image planes, else 0.</summary>
        public int Channels, Plane;

        public InvariantDivision ByQuads;
    }

    /// <summary>A thread owns one quad of y.</summary>
    internal static void CopyWithHalo(CopyWithHaloArguments p)
    {
        int i = Grid.GlobalIndex.X, pixel = p.ByQuads.Quotient(i), quad = i - pixel * p.ByQuads.Divisor;
        if (pixel >= p.Pixels.Count)
            return;
        PixelNumbers.Place place = p.Pixels.Of(pixel);
        int y = place.Y - p.Halo, x = place.X - p.Halo;
        Float4 v = default;
        if (y >= 0 && y < p.H && x >= 0 && x < p.W)
        {
            int at = p.Input.At(place.Image, y, x);
            if (p.Plane == 0)
            {
                v = p.X.Cast<Float4>()[at + quad];
            }
            else
            {
                int channel = 4 * quad;
                at += channel * p.Plane;
                v.X = p.X[at];
                if (channel + 1 < p.Channels)
                    v.Y = p.X[at + p.Plane];
                if (channel + 2 < p.Channels)
                    v.Z = p.X[at + 2 * p.Plane];
                if (channel + 3 < p.Channels)
                    v.W = p.X[at + 3 * p.Plane];
            }
        }
        p.Y.Cast<Float4>()[i] = v;
    }
}
