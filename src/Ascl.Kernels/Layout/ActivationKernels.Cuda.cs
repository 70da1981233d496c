using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Layout;

public static unsafe partial class ActivationKernels
{
    /// <summary>A group owns one channel of one image; neighbouring threads own neighbouring pixels of a row.</summary>
    internal static class Cuda
    {
        private const int Lanes = 32;

        public static void FromPlain(
            CudaDevice device, ActivationLayout layout, DeviceBuffer<float> plain, ReadOnlyMemory<float> mean, ReadOnlyMemory<float> scale,
            DeviceBuffer<float> activation) =>
            Launch(device, CopyFromPlain, layout, layout.Blocks * layout.Block, plain, activation, device.Constants(mean.Span),
                device.Constants(scale.Span));

        public static void ToPlain(
            CudaDevice device, ActivationLayout layout, DeviceBuffer<float> activation, ReadOnlyMemory<float> scale,
            DeviceBuffer<float> plain) =>
            Launch(device, CopyToPlain, layout, layout.C, plain, activation, default, device.Constants(scale.Span));

        public static void ClearOutside(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> activation) =>
            device.Launch(Clear, (new Index3D(layout.N * layout.Blocks, 1, 1), new Index3D(Lanes, CudaDevice.GroupSize / Lanes, 1)),
                new OutsideArguments
                {
                    Activation = CudaDevice.View(activation),
                    Height = layout.H,
                    Width = layout.W,
                    Block = layout.Block,
                    Channels = layout.Block == 1 ? 1 : layout.C,
                });

        public static void Pad(
            CudaDevice device, ActivationLayout from, DeviceBuffer<float> x, ActivationLayout to, int top, int left,
            DeviceBuffer<float> y) =>
            device.Launch(CopyPadded, (new Index3D(to.N * to.Blocks, to.H, 1), new Index3D(CudaDevice.GroupSize, 1, 1)), new PadArguments
            {
                X = CudaDevice.View(x),
                Y = CudaDevice.View(y),
                FromHeight = from.H,
                FromWidth = from.W * from.Block,
                FromRow = from.RowStride,
                FromPlane = from.PlaneSize,
                FromInterior = from.Interior,
                Width = to.W * to.Block,
                Row = to.RowStride,
                Plane = to.PlaneSize,
                Interior = to.Interior,
                Top = top,
                Left = left * to.Block,
            });

        private static void Launch(
            CudaDevice device, Action<CopyArguments> kernel, ActivationLayout layout, int channels, DeviceBuffer<float> plain,
            DeviceBuffer<float> activation, ArrayView<float> mean, ArrayView<float> scale) =>
            device.Launch(kernel, (new Index3D(layout.N, channels, 1), new Index3D(Lanes, CudaDevice.GroupSize / Lanes, 1)),
                new CopyArguments
                {
                    Plain = CudaDevice.View(plain),
                    Activation = CudaDevice.View(activation),
                    Mean = mean,
                    Scale = scale,
                    Channels = layout.C,
                    Height = layout.H,
                    Width = layout.W,
                    Image = layout.ImageSize,
                    // All channels are in one block, or each has its own.
                    Channel = layout.Block == 1 ? layout.PlaneSize : 1,
                    Row = layout.RowStride,
                    Pixel = layout.Block,
                    Origin = layout.Interior,
                });

        internal struct CopyArguments
        {
            public ArrayView<float> Plain, Activation, Mean, Scale;
            public int Channels, Height, Width, Image, Channel, Row, Pixel, Origin;

            public readonly int PlainAt(int y) => ((Grid.IdxX * Channels + Grid.IdxY) * Height + y) * Width;
            public readonly int ActivationAt(int y) => Grid.IdxX * Image + Grid.IdxY * Channel + Origin + y * Row;
            public readonly float ScaleOfChannel => Scale.Length == 0 ? 1 : Scale[Grid.IdxY];
        }

        internal static void CopyFromPlain(CopyArguments p)
        {
            // A padding channel, in memory that may have held an activation of more channels.
            if (Grid.IdxY >= p.Channels)
            {
                for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
                    for (int x = Group.IdxX; x < p.Width; x += Group.DimX)
                        p.Activation[p.ActivationAt(y) + x * p.Pixel] = 0;
                return;
            }
            float mean = p.Mean.Length == 0 ? 0 : p.Mean[Grid.IdxY], scale = p.ScaleOfChannel;
            for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
            {
                int from = p.PlainAt(y), to = p.ActivationAt(y);
                for (int x = Group.IdxX; x < p.Width; x += Group.DimX)
                    p.Activation[to + x * p.Pixel] = (p.Plain[from + x] - mean) * scale;
            }
        }

        internal static void CopyToPlain(CopyArguments p)
        {
            float scale = p.ScaleOfChannel;
            for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
            {
                int from = p.ActivationAt(y), to = p.PlainAt(y);
                for (int x = Group.IdxX; x < p.Width; x += Group.DimX)
                    p.Plain[to + x] = p.Activation[from + x * p.Pixel] * scale;
            }
        }

        /// <summary>Widths and Left are in floats.</summary>
        internal struct PadArguments
        {
            public ArrayView<float> X, Y;
            public int FromHeight, FromWidth, FromRow, FromPlane, FromInterior, Width, Row, Plane, Interior, Top, Left;
        }

        /// <summary>A group owns a row of a plane.</summary>
        internal static void CopyPadded(PadArguments p)
        {
            int row = Grid.IdxY - p.Top, from = Grid.IdxX * p.FromPlane + p.FromInterior + row * p.FromRow - p.Left;
            int to = Grid.IdxX * p.Plane + p.Interior + Grid.IdxY * p.Row;
            for (int i = Group.IdxX; i < p.Width; i += Group.DimX)
            {
                float value = 0;
                if (row >= 0 && row < p.FromHeight && i >= p.Left && i - p.Left < p.FromWidth)
                    value = p.X[from + i];
                p.Y[to + i] = value;
            }
        }

        internal struct OutsideArguments
        {
            public ArrayView<float> Activation;
            public int Height, Width, Block, Channels;
        }

        /// <summary>A group owns a plane; neighbouring threads own neighbouring channels.</summary>
        internal static void Clear(OutsideArguments p)
        {
            int columns = p.Width + 2, plane = Grid.IdxX * (p.Height + 2) * columns;
            for (int y = 0; y < p.Height + 2; y++)
                for (int x = Group.IdxY; x < columns; x += Group.DimY)
                {
                    bool border = y == 0 || y == p.Height + 1 || x == 0 || x == columns - 1;
                    for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                        if (border || c >= p.Channels)
                            p.Activation[(plane + y * columns + x) * p.Block + c] = 0;
                }
        }
    }
}
