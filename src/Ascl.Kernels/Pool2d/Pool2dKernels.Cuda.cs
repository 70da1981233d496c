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
    internal static partial class Cuda
    {
        private const int Lanes = 32;

        public static void Forward(CudaDevice device, Pool2dGeometry g, bool max, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            device.Launch(max ? MaximumOfWindow : MeanOfWindow, (new Index3D(g.Output.N, g.Output.H, 1), Threads),
                Arguments(g, x, y, null, null));

        /// <summary>The gradient of average pooling if x and y are null, else of max pooling.</summary>
        public static void Backward(
            CudaDevice device, Pool2dGeometry g, DeviceBuffer<float> dy, DeviceBuffer<float>? x, DeviceBuffer<float>? y,
            DeviceBuffer<float> dx) =>
            device.Launch(x is null ? SpreadMean : ToMaximum, (new Index3D(g.Input.N, g.Input.H, 1), Threads), Arguments(g, x, y, dy, dx));

        private static Index3D Threads => new(Lanes, CudaDevice.GroupSize / Lanes, 1);

        private static WindowArguments Arguments(
            Pool2dGeometry g, DeviceBuffer<float>? x, DeviceBuffer<float>? y, DeviceBuffer<float>? dy, DeviceBuffer<float>? dx) => new()
            {
                X = CudaDevice.View(x),
                Y = CudaDevice.View(y),
                Dy = CudaDevice.View(dy),
                Dx = CudaDevice.View(dx),
                Input = PixelGrid.Of(g.Input),
                Output = PixelGrid.Of(g.Output),
                Rows = new(g.Input.H, g.Output.H, g.Window.Height, g.Window.StrideY, g.Window.Top, g.Window.Bottom, g.Window.DilationY,
                    g.CountPadding),
                Columns = new(g.Input.W, g.Output.W, g.Window.Width, g.Window.StrideX, g.Window.Left, g.Window.Right, g.Window.DilationX,
                    g.CountPadding),
                Block = g.Input.Block,
            };

        /// <summary>The address of a channel of a pixel; a grid's unit is quads.</summary>
        private static int At(PixelGrid grid, int y, int x, int channel) => 4 * grid.At(Grid.IdxX, y, x) + channel;

        /// <summary>Windows along one direction: which pixels one has, and which windows have a pixel.</summary>
        internal readonly struct WindowAxis(
            int pixels, int windows, int size, int stride, int before, int after, int dilation, bool countPadding)
        {
            public readonly int Pixels = pixels, Windows = windows, Size = size, Stride = stride, Before = before, Dilation = dilation;
            private readonly int counted = countPadding ? pixels + after : pixels, skipsUncounted = countPadding ? 0 : 1;
            private readonly InvariantDivision byStride = new(stride), byDilation = new(dilation);

            /// <summary>The pixel of a window's first tap; negative in the padding.</summary>
            public int Start(int window) => window * Stride - Before;

            /// <summary>The first tap of a window that is in the image.</summary>
            public int FirstTap(int start)
            {
                int skipped = start < 0 ? byDilation.Quotient(Dilation - 1 - start) : 0;
                return skipped < Size ? skipped : Size;
            }

            /// <summary>The taps of a window before the image's end.</summary>
            public int EndTap(int start) => Below(start, Pixels);

            /// <summary>The pixels that a mean is over.</summary>
            public int Counted(int window)
            {
                int start = Start(window);
                return Below(start, counted) - (skipsUncounted != 0 ? FirstTap(start) : 0);
            }

            /// <summary>Whether a pixel is tap <paramref name="tap"/> of a window, and of which.</summary>
            public bool IsTap(int pixel, int tap, out int window)
            {
                int start = pixel + Before - tap * Dilation;
                window = start < 0 ? 0 : byStride.Quotient(start);
                return start >= 0 && window * Stride == start && window < Windows;
            }

            private int Below(int start, int limit)
            {
                int taps = start < limit ? byDilation.Quotient(limit - 1 - start) + 1 : 0;
                return taps < Size ? taps : Size;
            }
        }

        internal struct WindowArguments
        {
            public ArrayView<float> X, Y, Dy, Dx;
            public PixelGrid Input, Output;
            public WindowAxis Rows, Columns;
            public int Block;

            /// <summary>The largest value of a window; only of its pixels before tap (<paramref name="row"/>, <paramref name="column"/>)
            /// in row-major order.</summary>
            public readonly float Maximum(int wy, int wx, int c, int row, int column)
            {
                int y = Rows.Start(wy), x = Columns.Start(wx), first = Columns.FirstTap(x), end = Columns.EndTap(x), rows = Rows.EndTap(y);
                float largest = float.NegativeInfinity;
                for (int r = Rows.FirstTap(y); r < rows && r <= row; r++)
                {
                    int last = r < row || end < column ? end : column;
                    for (int s = first; s < last; s++)
                    {
                        float value = X[At(Input, y + r * Rows.Dilation, x + s * Columns.Dilation, c)];
                        if (!(largest > value))
                            largest = value;
                    }
                }
                return largest;
            }
        }

        internal static void MaximumOfWindow(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Columns.Windows; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                    p.Y[At(p.Output, Grid.IdxY, x, c)] = p.Maximum(Grid.IdxY, x, c, p.Rows.Size, p.Columns.Size);
        }

        internal static void MeanOfWindow(WindowArguments p)
        {
            int top = p.Rows.Start(Grid.IdxY), rows = p.Rows.EndTap(top), counted = p.Rows.Counted(Grid.IdxY);
            for (int x = Group.IdxY; x < p.Columns.Windows; x += Group.DimY)
            {
                int left = p.Columns.Start(x), first = p.Columns.FirstTap(left), columns = p.Columns.EndTap(left);
                float share = 1f / (counted * p.Columns.Counted(x));
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                {
                    float sum = 0;
                    for (int r = p.Rows.FirstTap(top); r < rows; r++)
                        for (int s = first; s < columns; s++)
                            sum += p.X[At(p.Input, top + r * p.Rows.Dilation, left + s * p.Columns.Dilation, c)];
                    p.Y[At(p.Output, Grid.IdxY, x, c)] = sum * share;
                }
            }
        }

        /// <summary>A thread owns a pixel and gathers from its windows, so that no two threads write to one address.</summary>
        internal static void SpreadMean(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Columns.Pixels; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                {
                    float sum = 0;
                    for (int r = 0; r < p.Rows.Size; r++)
                        for (int s = 0; s < p.Columns.Size; s++)
                            if (p.Rows.IsTap(Grid.IdxY, r, out int wy) && p.Columns.IsTap(x, s, out int wx))
                                sum += p.Dy[At(p.Output, wy, wx, c)] * (1f / (p.Rows.Counted(wy) * p.Columns.Counted(wx)));
                    p.Dx[At(p.Input, Grid.IdxY, x, c)] = sum;
                }
        }

        /// <summary>Likewise; a window counts if the pixel is its maximum and no earlier pixel is as large.</summary>
        internal static void ToMaximum(WindowArguments p)
        {
            for (int x = Group.IdxY; x < p.Columns.Pixels; x += Group.DimY)
                for (int c = Group.IdxX; c < p.Block; c += Group.DimX)
                {
                    int at = At(p.Input, Grid.IdxY, x, c);
                    float value = p.X[at], sum = 0;
                    for (int r = 0; r < p.Rows.Size; r++)
                        for (int s = 0; s < p.Columns.Size; s++)
                            if (p.Rows.IsTap(Grid.IdxY, r, out int wy) && p.Columns.IsTap(x, s, out int wx))
                            {
                                int window = At(p.Output, wy, wx, c);
                                if (value == p.Y[window] && p.Maximum(wy, wx, c, r, s) < value)
                                    sum += p.Dy[window];
                            }
                    p.Dx[at] = sum;
                }
        }
    }
}
