using Ascl.Core.Random;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class SquareKernels
{
    private static void StripesCuda(
        CudaDevice device, int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key,
        float epsilon, DeviceBuffer<float> x) =>
        device.Launch(Cuda.Stripes, ImageGroups.PerImageRows(ids.Length, height), new Cuda.StripesArguments
        {
            Original = CudaDevice.View(original),
            X = CudaDevice.View(x),
            Ids = CudaDevice.View(ids),
            Key = key,
            Channels = channels,
            Height = height,
            Width = width,
            Epsilon = epsilon,
        });

    private static void ProposeCuda(
        CudaDevice device, int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key,
        float epsilon, int side, DeviceBuffer<float> x, DeviceBuffer<float> candidate) =>
        device.Launch(Cuda.Propose, ImageGroups.PerImageRows(ids.Length, height), new Cuda.ProposeArguments
        {
            Original = CudaDevice.View(original),
            X = CudaDevice.View(x),
            Candidate = CudaDevice.View(candidate),
            Ids = CudaDevice.View(ids),
            Key = key,
            Channels = channels,
            Height = height,
            Width = width,
            Side = side,
            Epsilon = epsilon,
        });

    internal static class Cuda
    {
        internal struct StripesArguments
        {
            public ArrayView<float> Original, X;
            public ArrayView<int> Ids;
            public RandomKey Key;
            public int Channels, Height, Width;
            public float Epsilon;
        }

        /// <summary>A thread owns some columns of an image, in some rows: <see cref="ImageGroups.PerImageRows"/>.</summary>
        internal static void Stripes(StripesArguments p)
        {
            RandomKey own = p.Key.For(p.Ids[Grid.IdxX]);
            for (int c = 0; c < p.Channels; c++)
            {
                int at = (Grid.IdxX * p.Channels + c) * p.Height * p.Width;
                for (int column = Group.IdxX; column < p.Width; column += Group.DimX)
                {
                    float move = Philox.IsOdd(own, (uint)(c * p.Width + column)) ? p.Epsilon : -p.Epsilon;
                    for (int i = at + Group.IdxY * p.Width + column; i < at + p.Height * p.Width; i += Group.DimY * p.Width)
                        p.X[i] = ImageGroups.Clip(p.Original[i] + move, 0, 1);
                }
            }
        }

        internal struct ProposeArguments
        {
            public ArrayView<float> Original, X, Candidate;
            public ArrayView<int> Ids;
            public RandomKey Key;
            public int Channels, Height, Width, Side;
            public float Epsilon;
        }

        /// <summary>Threads as in <see cref="Stripes"/>; each draws the image's window itself.</summary>
        internal static void Propose(ProposeArguments p)
        {
            RandomKey own = p.Key.For(p.Ids[Grid.IdxX]);
            Window window = new(own, 0, p.Side, p.Height, p.Width);
            for (int c = 0; c < p.Channels; c++)
            {
                float move = Philox.IsOdd(own, (uint)(2 + c)) ? 2 * p.Epsilon : -2 * p.Epsilon;
                for (int row = Group.IdxY; row < p.Height; row += Group.DimY)
                    for (int column = Group.IdxX; column < p.Width; column += Group.DimX)
                    {
                        int i = ((Grid.IdxX * p.Channels + c) * p.Height + row) * p.Width + column;
                        float x = p.X[i], o = p.Original[i];
                        p.Candidate[i] = window.Holds(row, column)
                            ? ImageGroups.Clip(ImageGroups.Clip(x + move, o - p.Epsilon, o + p.Epsilon), 0, 1)
                            : x;
                    }
            }
        }
    }
}
