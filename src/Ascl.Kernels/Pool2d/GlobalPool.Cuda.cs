using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace Ascl.Kernels.Pool2d;

public static unsafe partial class Pool2dKernels
{
    internal static partial class Cuda
    {
        public static void GlobalForward(
            CudaDevice device, ActivationLayout layout, bool max, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
            device.Launch(max ? MaximumOfPlane : MeanOfPlane, (new Index3D(layout.N, (layout.C + Lanes - 1) / Lanes, 1), Threads),
                Global(layout, x, y, null, null));

        /// <summary>The gradient of the mean if x and y are null, else of the maximum.</summary>
        public static void GlobalBackward(
            CudaDevice device, ActivationLayout layout, DeviceBuffer<float> dy, DeviceBuffer<float>? x, DeviceBuffer<float>? y,
            DeviceBuffer<float> dx)
        {
            if (x is null)
                device.Launch(SpreadPlane, (new Index3D(layout.N, layout.H, 1), Threads), Global(layout, dx, dy, null, null));
            else
                device.Launch(ToMaximumOfPlane, (new Index3D(layout.N, (layout.Block + Lanes - 1) / Lanes, 1), Threads),
                    Global(layout, x, y!, dy, dx));
        }

        private static GlobalArguments Global(
            ActivationLayout layout, DeviceBuffer<float> activation, DeviceBuffer<float> plain, DeviceBuffer<float>? dy,
            DeviceBuffer<float>? dx) => new()
            {
                Activation = CudaDevice.View(activation),
                Plain = CudaDevice.View(plain),
                Dy = CudaDevice.View(dy),
                Dx = CudaDevice.View(dx),
                Pixels = PixelGrid.Of(layout),
                Height = layout.H,
                Width = layout.W,
                Block = layout.Block,
                Channels = layout.C,
                Share = 1f / (layout.H * layout.W),
            };

        internal struct GlobalArguments
        {
            public ArrayView<float> Activation, Plain, Dy, Dx;
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

        /// <summary>Likewise.</summary>
        internal static void MaximumOfPlane(GlobalArguments p)
        {
            var parts = SharedMemory.Allocate<float>(CudaDevice.GroupSize);
            int c = Grid.IdxY * Lanes + Group.IdxX, t = Group.IdxY * Lanes + Group.IdxX;
            float largest = float.NegativeInfinity;
            if (c < p.Channels)
                for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
                    for (int x = 0; x < p.Width; x++)
                    {
                        float value = p.Activation[At(p.Pixels, y, x, c)];
                        if (!(largest > value))
                            largest = value;
                    }
            parts[t] = largest;
            Group.Barrier();
            if (Group.IdxY != 0 || c >= p.Channels)
                return;
            for (int part = 1; part < Group.DimY; part++)
            {
                float value = parts[part * Lanes + Group.IdxX];
                if (!(largest > value))
                    largest = value;
            }
            p.Plain[Grid.IdxX * p.Channels + c] = largest;
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

        /// <summary>Eight threads per channel find the first pixel as large as the maximum, then write the gradient.</summary>
        internal static void ToMaximumOfPlane(GlobalArguments p)
        {
            var firsts = SharedMemory.Allocate<int>(CudaDevice.GroupSize);
            int c = Grid.IdxY * Lanes + Group.IdxX, t = Group.IdxY * Lanes + Group.IdxX, first = int.MaxValue;
            bool present = c < p.Channels;
            float largest = present ? p.Plain[Grid.IdxX * p.Channels + c] : 0;
            if (present)
                for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
                    for (int x = 0; x < p.Width; x++)
                        if (p.Activation[At(p.Pixels, y, x, c)] == largest && y * p.Width + x < first)
                            first = y * p.Width + x;
            firsts[t] = first;
            Group.Barrier();
            for (int part = 0; part < Group.DimY; part++)
            {
                int other = firsts[part * Lanes + Group.IdxX];
                first = other < first ? other : first;
            }
            if (c >= p.Block)
                return;
            float dy = present ? p.Dy[Grid.IdxX * p.Channels + c] : 0;
            for (int y = Group.IdxY; y < p.Height; y += Group.DimY)
                for (int x = 0; x < p.Width; x++)
                    p.Dx[At(p.Pixels, y, x, c)] = y * p.Width + x == first ? dy : 0;
        }
    }
}
