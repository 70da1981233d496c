using Ascl.Kernels.Activations;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Native;
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
            device.Launch(max ? MaximumOfWindow : MeanOfWindow, (new Index3D(g.Output.N, g.Output.H, 1), Threads), Window(g, x, y, null, null));

        /// <summary>With x and y null the average's gradient, else the maximum's.</summary>
        public static void Backward(CudaDevice device, Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float>? x, DeviceBuffer<float>? y, DeviceBuffer<float> dx) =>
            device.Launch(x is null ? SpreadMean : ToMaximum, (new Index3D(g.Input.N, g.Input.H, 1), Threads), Window(g, x, y, dy, dx));

        public static void GlobalForward(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            device.Launch(MeanOfPlane, (new Index3D(layout.N, (layout.C + Lanes - 1) / Lanes, 1), Threads), Global(layout, x, y));

        public static void GlobalBackward(CudaDevice device, ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float> dx) =>
            device.Launch(SpreadPlane, (new Index3D(layout.N, layout.H, 1), Threads), Global(layout, dx, dy));

        private static Index3D Threads => new(Lanes, CudaDevice.GroupSize / Lanes, 1);

        private static WindowArguments Window(Pool2dGeometry g, DeviceBuffer<float>? x, DeviceBuffer<float>? y, DeviceBuffer<float>? dy, DeviceBuffer<float>? dx) => new()
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Dy = CudaDevice.View(dy),
            Dx = CudaDevice.View(dx),
            Input = new(g.Input),
            Output = new(g.Output),
            Size = g.Size,
            Stride = g.Stride,
            ByStride = new(g.Stride),
            Share = 1f / (g.Size * g.Size),
        };

        private static GlobalArguments Global(ActivationLayout layout, DeviceBuffer<float> activation, DeviceBuffer<float> plain) => new()
        {
            Activation = CudaDevice.View(activation),
            Plain = CudaDevice.View(plain),
            Pixels = new(layout),
            Channels = layout.C,
            Share = 1f / (layout.H * layout.W),
        };

        /// <summary>Where pixels are: an activation with all channels of a pixel together.</summary>
        internal struct PixelGrid(ActivationLayout layout)
        {
            public int Height = layout.H, Width = layout.W, Block = layout.Block;
            private readonly int image = layout.ImageSize, row = layout.RowStride, origin = layout.Interior;

            public readonly int At(int n, int y, int x) => n * image + origin + y * row + x * Block;
        }

        internal struct WindowArguments
        {
            public ArrayView<float> X, Y, Dy, Dx;
            public PixelGrid Input, Output;
            public int Size, Stride;
            public InvariantDivision ByStride;
            public float Share;

            /// <summary>The largest value of the window whose first pixel is there, in its row-major order; with <paramref name="before"/> of the pixels before that one.</summary>
            public readonly float Maximum(int n, int y, int x, int c, int before)
            {
                float largest = float.NegativeInfinity;
                int seen = 0;
                for (int r = 0; r < Size; r++)
                    for (int s = 0; s < Size; s++, seen++)
                    {
                        float value = X[Input.At(n, y + r, x + s) + c];
                        if (seen < before && !(largest > value))
                            largest = value;
                    }
                return largest;
            }
        }

        internal static void MaximumOfWindow(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Output.Width; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Output.Block; c += Group.DimX)
                    p.Y[p.Output.At(Grid.IdxX, Grid.IdxY, x) + c] = p.Maximum(Grid.IdxX, Grid.IdxY * p.Stride, x * p.Stride, c, p.Size * p.Size);
        }

        internal static void MeanOfWindow(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Output.Width; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Output.Block; c += Group.DimX)
                {
                    float sum = 0;
                    for (int r = 0; r < p.Size; r++)
                        for (int s = 0; s < p.Size; s++)
                            sum += p.X[p.Input.At(Grid.IdxX, Grid.IdxY * p.Stride + r, x * p.Stride + s) + c];
                    p.Y[p.Output.At(Grid.IdxX, Grid.IdxY, x) + c] = sum * p.Share;
                }
        }

        /// <summary>A pixel gathers from the windows it is in: so no two threads add to one place.</summary>
        internal static void SpreadMean(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Input.Width; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Input.Block; c += Group.DimX)
                {
                    float sum = 0;
                    for (int r = 0; r < p.Size; r++)
                        for (int s = 0; s < p.Size; s++)
                            if (IsWindow(p, Grid.IdxY - r, p.Output.Height, out int oy) && IsWindow(p, x - s, p.Output.Width, out int ox))
                                sum += p.Dy[p.Output.At(Grid.IdxX, oy, ox) + c];
                    p.Dx[p.Input.At(Grid.IdxX, Grid.IdxY, x) + c] = sum * p.Share;
                }
        }

        /// <summary>Likewise; a window counts where the pixel is its maximum and no pixel before it is as large.</summary>
        internal static void ToMaximum(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Input.Width; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Input.Block; c += Group.DimX)
                {
                    int at = p.Input.At(Grid.IdxX, Grid.IdxY, x) + c;
                    float value = p.X[at], sum = 0;
                    for (int r = 0; r < p.Size; r++)
                        for (int s = 0; s < p.Size; s++)
                            if (IsWindow(p, Grid.IdxY - r, p.Output.Height, out int oy) && IsWindow(p, x - s, p.Output.Width, out int ox))
                            {
                                int window = p.Output.At(Grid.IdxX, oy, ox) + c;
                                if (value == p.Y[window] && p.Maximum(Grid.IdxX, Grid.IdxY - r, x - s, c, r * p.Size + s) < value)
                                    sum += p.Dy[window];
                            }
                    p.Dx[at] = sum;
                }
        }

        /// <summary>Whether a window begins at pixel <paramref name="first"/> of a row or column, and which.</summary>
        private static bool IsWindow(WindowArguments p, int first, int windows, out int window)
        {
            window = first < 0 ? 0 : p.ByStride.Quotient(first);
            return first >= 0 && window * p.Stride == first && window < windows;
        }

        internal struct GlobalArguments
        {
            public ArrayView<float> Activation, Plain;
            public PixelGrid Pixels;
            public int Channels;
            public float Share;
        }

        /// <summary>Eight threads a channel, each with every eighth row; their sums are added in order.</summary>
        internal static void MeanOfPlane(GlobalArguments p)
        {
            var sums = SharedMemory.Allocate<float>(CudaDevice.GroupSize);
            int c = Grid.IdxY * Lanes + Group.IdxX, t = Group.IdxY * Lanes + Group.IdxX;
            float sum = 0;
            if (c < p.Channels)
                for (int y = Group.IdxY; y < p.Pixels.Height; y += Group.DimY)
                    for (int x = 0; x < p.Pixels.Width; x++)
                        sum += p.Activation[p.Pixels.At(Grid.IdxX, y, x) + c];
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
            for (int c = Group.IdxX; c < p.Pixels.Block; c += Group.DimX)
            {
                float share = c < p.Channels ? p.Plain[Grid.IdxX * p.Channels + c] * p.Share : 0;
                for (int x = Group.IdxY; x < p.Pixels.Width; x += Group.DimY)
                    p.Activation[p.Pixels.At(Grid.IdxX, Grid.IdxY, x) + c] = share;
            }
        }
    }
}
