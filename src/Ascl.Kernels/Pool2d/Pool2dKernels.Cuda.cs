using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Pool2d;

public static unsafe partial class Pool2dKernels
{
    /// <summary>A group owns a row of one image; neighbouring threads own neighbouring channels, then pixels.</summary>
    internal static class Cuda
    {
        private const int Lanes = 32;

        public static void Forward(CudaDevice device, Pool2dGeometry g, bool max, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            device.Launch(max ? MaximumOfWindow : MeanOfWindow, (new Index3D(g.Output.N, g.Output.H, 1), Threads),
                Window(g, x, y, null, null));

        /// <summary>The gradient of average pooling if x and y are null, else of max pooling.</summary>
        public static void Backward(
            CudaDevice device, Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float>? x, DeviceBuffer<float>? y,
            DeviceBuffer<float> dx) =>
            device.Launch(x is null ? SpreadMean : ToMaximum, (new Index3D(g.Input.N, g.Input.H, 1), Threads), Window(g, x, y, dy, dx));

        public static void GlobalForward(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            device.Launch(MeanOfPlane, (new Index3D(layout.N, (layout.C + Lanes - 1) / Lanes, 1), Threads), Global(layout, x, y));

        public static void GlobalBackward(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> dx) =>
            device.Launch(SpreadPlane, (new Index3D(layout.N, layout.H, 1), Threads), Global(layout, dx, dy));

        private static Index3D Threads => new(Lanes, CudaDevice.GroupSize / Lanes, 1);

        private static WindowArguments Window(
            Pool2dGeometry g, DeviceBuffer<float>? x, DeviceBuffer<float>? y, DeviceBuffer<float>? dy, DeviceBuffer<float>? dx) => new()
            {
                X = CudaDevice.View(x),
                Y = CudaDevice.View(y),
                Dy = CudaDevice.View(dy),
                Dx = CudaDevice.View(dx),
                Input = PixelGrid.Of(g.Input),
                Output = PixelGrid.Of(g.Output),
                InputWidth = g.Input.W,
                OutputHeight = g.Output.H,
                OutputWidth = g.Output.W,
                Block = g.Input.Block,
                Size = g.Size,
                Stride = g.Stride,
                ByStride = new(g.Stride),
                Share = 1f / (g.Size * g.Size),
            };

        private static GlobalArguments Global(ActivationLayout layout, DeviceBuffer<float> activation, DeviceBuffer<float> plain) => new()
        {
            Activation = CudaDevice.View(activation),
            Plain = CudaDevice.View(plain),
            Pixels = PixelGrid.Of(layout),
            Height = layout.H,
            Width = layout.W,
            Block = layout.Block,
            Channels = layout.C,
            Share = 1f / (layout.H * layout.W),
        };

        /// <summary>The address of a channel of a pixel; a grid's unit is quads.</summary>
        private static int At(PixelGrid grid, int y, int x, int channel) => 4 * grid.At(Grid.IdxX, y, x) + channel;

        internal struct WindowArguments
        {
            public ArrayView<float> X, Y, Dy, Dx;
            public PixelGrid Input, Output;
            public int InputWidth, OutputHeight, OutputWidth, Block, Size, Stride;
            public InvariantDivision ByStride;
            public float Share;

            /// <summary>
            /// The largest value of a window; with <paramref name="before"/> only of the pixels before that one in row-major order.
            /// </summary>
            public readonly float Maximum(int y, int x, int c, int before)
            {
                float largest = float.NegativeInfinity;
                int seen = 0;
                for (int r = 0; r < Size; r++)
                    for (int s = 0; s < Size; s++, seen++)
                    {
                        float value = X[At(Input, y + r, x + s, c)];
                        if (seen < before && !(largest > value))
                            largest = value;
                    }
                return largest;
            }
        }

        internal static void MaximumOfWindow(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.OutputWidth; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                    p.Y[At(p.Output, Grid.IdxY, x, c)] = p.Maximum(Grid.IdxY * p.Stride, x * p.Stride, c, p.Size * p.Size);
        }

        internal static void MeanOfWindow(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.OutputWidth; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                {
                    float sum = 0;
                    for (int r = 0; r < p.Size; r++)
                        for (int s = 0; s < p.Size; s++)
                            sum += p.X[At(p.Input, Grid.IdxY * p.Stride + r, x * p.Stride + s, c)];
                    p.Y[At(p.Output, Grid.IdxY, x, c)] = sum * p.Share;
                }
        }

        /// <summary>A thread owns a pixel and gathers from its windows, so that no two threads write to one address.</summary>
        internal static void SpreadMean(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.InputWidth; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                {
                    float sum = 0;
                    for (int r = 0; r < p.Size; r++)
                        for (int s = 0; s < p.Size; s++)
                            if (IsWindow(p, Grid.IdxY - r, p.OutputHeight, out int oy) && IsWindow(p, x - s, p.OutputWidth, out int ox))
                                sum += p.Dy[At(p.Output, oy, ox, c)];
                    p.Dx[At(p.Input, Grid.IdxY, x, c)] = sum * p.Share;
                }
        }

        /// <summary>Likewise; a window counts if the pixel is its maximum and no earlier pixel is as large.</summary>
        internal static void ToMaximum(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.InputWidth; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                {
                    int at = At(p.Input, Grid.IdxY, x, c);
                    float value = p.X[at], sum = 0;
                    for (int r = 0; r < p.Size; r++)
                        for (int s = 0; s < p.Size; s++)
                            if (IsWindow(p, Grid.IdxY - r, p.OutputHeight, out int oy) && IsWindow(p, x - s, p.OutputWidth, out int ox))
                            {
                                int window = At(p.Output, oy, ox, c);
                                if (value == p.Y[window] && p.Maximum(Grid.IdxY - r, x - s, c, r * p.Size + s) < value)
                                    sum += p.Dy[window];
                            }
                    p.Dx[at] = sum;
                }
        }

        /// <summary>Whether a window begins at pixel <paramref name="first"/> of a row or column, and its index.</summary>
        private static bool IsWindow(WindowArguments p, int first, int windows, out int window)
        {
            window = first < 0 ? 0 : p.ByStride.Quotient(first);
            return first >= 0 && window * p.Stride == first && window < windows;
        }

        internal struct GlobalArguments
        {
            public ArrayView<float> Activation, Plain;
            public PixelGrid Pixels;
            public int Height, Width, Block, Channels;
            public float Share;
        }

        /// <summary>Eight threads per channel, each with every eighth row; their sums are added in order.</summary>
        internal static void MeanOfPlane(GlobalArguments p)
        {
            var sums = SharedMemory.Allocate<float>(CudaDevice.GroupSize);
            int c = Grid.IdxY * Lanes + Group.IdxX, t = Group.IdxY * Lanes + Group.IdxX;
            float sum = 0;
            if (c < p.Channels)
                for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
                    for (int x = 0; x < p.Width; x++)
                        sum += p.Activation[At(p.Pixels, y, x, c)];
            sums[t] = sum;
            Group.Barrier();
            if (Group.IdxY != 0 || c >= p.Channels)
                return;
            for (int part = 1; part < Group.DimY; part++)
                sum += sums[part * Lanes + Group.IdxX];
            p.Plain[Grid.IdxX * p.Channels + c] = sum * p.Share;
        }

        internal static void SpreadPlane(GlobalArguments p)
        {
            for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
            {
                float share = c < p.Channels ? p.Plain[Grid.IdxX * p.Channels + c] * p.Share : 0;
                for (int x = Group.IdxY; x < p.Width; x += Group.DimY)
                    p.Activation[At(p.Pixels, Grid.IdxY, x, c)] = share;
            }
        }
    }
}
