using System.Runtime.InteropServices;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Gemm;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;

namespace Ascl.Kernels.Conv2d;

/// <summary>The host side of TensorCoreConvolution.cu and TensorCoreWeightGradient.cu: packed weights, tiles, arguments.</summary>
internal static class TensorCoreConvolution
{
    /// <summary>
    /// Minimum number of input channels for tensor cores. The first layer stays in float32, because image pixels need more bits than bf16
    /// has (near 1 an ε of 8/255 would be four bf16 steps); with so few channels it is memory-bound anyway.
    /// </summary>
    private const int FewestChannels = 5;

    /// <summary>A part of the weight gradient has a multiple of this many pixels.</summary>
    public const int PixelUnit = 32;

    /// <summary>With fewer groups than this the tiles are smaller. Results do not depend on it.</summary>
    private const int EnoughGroups = 128;

    private static readonly NativeKernel PackBf16 = new("TensorCoreConvolution", "pack_bf16", CudaDevice.GroupSize),
        PackTf32 = new("TensorCoreConvolution", "pack_tf32", CudaDevice.GroupSize);

    private static readonly Dictionary<Precision, TensorCoreTile[]> PixelTiles =
        TensorCoreTile.ByPrecision("TensorCoreConvolution", "convolve",
            [(128, 16, 128), (128, 32, 128), (64, 64, 128), (128, 64, 128), (128, 128, 256)],
            (precision, rows, columns) => (precision == Precision.Bf16 ? 3 : 4) * (rows + columns) * TensorCoreTile.LineBytes);

    private static readonly Dictionary<Precision, TensorCoreTile[]> WeightTiles =
        TensorCoreTile.ByPrecision("TensorCoreWeightGradient", "add_pixels", [(16, 64, 128), (32, 64, 128), (64, 64, 128), (128, 128, 256)],
            SharedBytesOfPixels);

    /// <summary>
    /// Shared memory: two stages in bf16 or three in tf32, padded by 16 or 32 bytes per pixel, and the addresses of four slices.
    /// </summary>
    private static int SharedBytesOfPixels(Precision precision, int rows, int columns)
    {
        int pixels = TensorCoreTile.LineValues(precision);
        return precision == Precision.Bf16
            ? pixels * (2 * (2 * (rows + columns) + 2 * 16) + 4 * 8)
            : pixels * (3 * (4 * (rows + columns) + 2 * 32) + 4 * 8);
    }

    /// <summary>Whether tensor cores compute a convolution with this many input channels.</summary>
    public static bool Takes(CudaDevice device, ActivationLayout result, int channels) =>
        device.TensorCores is not null && result.Block > 1 && channels >= FewestChannels;

    /// <summary>As in <see cref="ImplicitGemm"/>.</summary>
    public static void Convolve(CudaDevice device, string what, ConvolutionOperands.Packing packing, DeviceBuffer<float> weight,
        (ArrayView<float> Memory, PixelGrid Pixels, (int Row, int Column) TapStep) from,
        (ActivationLayout Layout, DeviceBuffer<float> Memory, PixelGrid Pixels, PixelNumbers Numbers) to, Conv2dEpilogue epilogue)
    {
        if (to.Numbers.Count == 0)
            return;
        Precision precision = device.Precision;
        TensorCoreTile tile = Choose(device, to.Numbers.Count, packing.Columns);
        DeviceBuffer<float> packed = weight.Derived<DeviceBuffer<float>>($"cuda {precision} {what} {tile.Columns}",
            old => Pack(device, precision, packing, tile.Columns, weight, old));
        device.Launch(tile.Kernel, ((to.Numbers.Count + tile.Rows - 1) / tile.Rows, (packing.Columns + tile.Columns - 1) / tile.Columns, 1),
            new ConvolveArguments
            {
                X = CudaDevice.Address(from.Memory),
                Weight = CudaDevice.Address(packed),
                Bias = CudaDevice.Address(epilogue.Bias),
                Residual = CudaDevice.Address(epilogue.Residual),
                Gate = CudaDevice.Address(epilogue.Gate),
                Y = CudaDevice.Address(to.Memory),
                Pixels = to.Numbers,
                Input = from.Pixels,
                Output = to.Pixels,
                Order = new(precision, packing),
                TapRowStep = from.TapStep.Row,
                TapColumnStep = from.TapStep.Column,
                Chunks = Chunks(precision, packing),
                Quads = packing.Quads,
                Channels = packing.Columns,
                Block = to.Layout.Block,
                Relu = epilogue.Relu ? 1 : 0,
            });
    }

    private static TensorCoreTile Choose(CudaDevice device, int pixels, int channels)
    {
        TensorCoreTile[] tiles = PixelTiles[device.Precision];
        return channels <= 16
            ? tiles[0]
            : channels <= 32
            ? tiles[1]
            : channels > 64 && Enough(tiles[4])
            ? tiles[4]
            : Enough(tiles[3])
            ? tiles[3]
            : tiles[2];

        bool Enough(TensorCoreTile tile) => device.IsOccupiedBy(
            (pixels + tile.Rows - 1L) / tile.Rows * ((channels + tile.Columns - 1) / tile.Columns), EnoughGroups);
    }

    /// <summary>Packed weights: [tile][slice][column of the tile][64 bytes].</summary>
    /// <param name="old">Stale packed weights whose memory is reused; null if there are none.</param>
    private static DeviceBuffer<float> Pack(
        CudaDevice device, Precision precision, ConvolutionOperands.Packing packing, int tileColumns, DeviceBuffer<float> weight,
        DeviceBuffer<float>? old)
    {
        int slices = (Chunks(precision, packing) + TensorCoreTile.ChunksOfLine - 1) / TensorCoreTile.ChunksOfLine;
        int tiles = (packing.Columns + tileColumns - 1) / tileColumns;
        int length = checked(tiles * slices * tileColumns * (TensorCoreTile.LineBytes / sizeof(float)));
        DeviceBuffer<float> packed = old?.Length == length ? old : device.Allocate<float>(length);
        int count = packed.Length * (TensorCoreTile.ChunkValues(precision) / 4);
        if (count > 0)
            device.Launch(precision == Precision.Bf16 ? PackBf16 : PackTf32, (CudaDevice.Groups(count), 1, 1), new PackArguments
            {
                Weight = CudaDevice.Address(weight),
                Packed = CudaDevice.Address(packed),
                ByColumns = new(tileColumns),
                BySlices = new(slices),
                Order = new(precision, packing),
                Count = count,
                Columns = packing.Columns,
                ColumnStride = packing.ColumnStride,
                Channels = packing.Channels,
                ChannelStride = packing.ChannelStride,
                FirstTap = packing.FirstTap,
                TapRowStep = packing.TapRowStep,
                TapColumnStep = packing.TapColumnStep,
            });
        return packed;
    }

    /// <summary>
    /// The tile of a weight gradient with <paramref name="rows"/> output channels and <paramref name="columns"/> weights each, including
    /// the padding of quads. Depends only on the shape.
    /// </summary>
    public static TensorCoreTile ChooseWeights(Precision precision, int rows, int columns)
    {
        TensorCoreTile[] tiles = WeightTiles[precision];
        return rows <= 16 ? tiles[0] : rows <= 32 ? tiles[1] : rows > 64 && columns > 64 ? tiles[3] : tiles[2];
    }

    public static void AddPixels(
        CudaDevice device, TensorCoreTile tile, (int, int, int) groups, in WeightGradient.WeightGradientArguments p) =>
        device.Launch(tile.Kernel, groups, new AddPixelsArguments
        {
            X = CudaDevice.Address(p.X),
            Dy = CudaDevice.Address(p.Dy),
            Partial = CudaDevice.Address(p.Partial),
            Pixels = p.Pixels,
            Input = p.Input,
            Gradient = p.Gradient,
            PixelsPerPart = p.PixelsPerPart,
            RowQuads = p.RowQuads,
            ColumnQuads = p.ColumnQuads,
            TapRowStep = p.TapRowStep,
            TapColumnStep = p.TapColumnStep,
            ByQuads = p.ByQuads,
            ByTapColumns = p.ByTapColumns,
        });

    /// <summary>Chunks of channels in the sum of a result.</summary>
    private static int Chunks(Precision precision, ConvolutionOperands.Packing packing) =>
        packing.TapRows * packing.TapColumns * ChunksOfTap(precision, packing);

    private static int ChunksOfTap(Precision precision, ConvolutionOperands.Packing packing) =>
        (packing.Channels + TensorCoreTile.ChunkValues(precision) - 1) / TensorCoreTile.ChunkValues(precision);

    /// <summary>The order of the sum: see the *.cuh.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct ChunkOrder
    {
        private readonly InvariantDivision byGroup, byTaps, byTapColumns;

        public ChunkOrder(Precision precision, ConvolutionOperands.Packing packing)
        {
            int chunks = ChunksOfTap(precision, packing);
            byGroup = new(chunks % TensorCoreTile.ChunksOfLine == 0 ? TensorCoreTile.ChunksOfLine : chunks);
            byTaps = new(Math.Max(packing.TapRows * packing.TapColumns, 1));
            byTapColumns = new(Math.Max(packing.TapColumns, 1));
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct ConvolveArguments
    {
        public nint X, Weight, Bias, Residual, Gate, Y;
        public PixelNumbers Pixels;
        public PixelGrid Input, Output;
        public ChunkOrder Order;
        public int TapRowStep, TapColumnStep, Chunks, Quads, Channels, Block, Relu;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct PackArguments
    {
        public nint Weight, Packed;
        public InvariantDivision ByColumns, BySlices;
        public ChunkOrder Order;
        public int Count, Columns, ColumnStride, Channels, ChannelStride, FirstTap, TapRowStep, TapColumnStep;
    }

    /// <summary>As in <see cref="WeightGradient"/>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct AddPixelsArguments
    {
        public nint X, Dy, Partial;
        public PixelNumbers Pixels;
        public PixelGrid Input, Gradient;
        public int PixelsPerPart, RowQuads, ColumnQuads, TapRowStep, TapColumnStep;
        public InvariantDivision ByQuads, ByTapColumns;
    }
}
