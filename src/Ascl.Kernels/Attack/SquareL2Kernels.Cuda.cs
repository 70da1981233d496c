using Ascl.Core.Random;
using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Attack;

public static unsafe partial class SquareL2Kernels
{
    private static void ProposeCuda(
        CudaDevice device, int channels, int height, int width, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key,
        float epsilon, int side, DeviceBuffer<float> x, DeviceBuffer<float> candidate) =>
        device.Launch(Cuda.ProposeL2, ImageGroups.PerImageRows(ids.Length, height), new Cuda.ProposeL2Arguments
        {
            Original = CudaDevice.View(original),
            X = CudaDevice.View(x),
            Candidate = CudaDevice.View(candidate),
            Eta = device.Constants([.. Eta(side).Select(v => (float)v)]),
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
        private const float Tiny = (float)SquareL2Kernels.Tiny;

        internal struct ProposeL2Arguments
        {
            public ArrayView<float> Original, X, Candidate;

            /// <summary>[side, side].</summary>
            public ArrayView<float> Eta;

            public ArrayView<int> Ids;
            public RandomKey Key;
            public int Channels, Height, Width, Side;
            public float Epsilon;
        }

        /// <summary>
        /// A group owns an image, a warp a row: <see cref="ImageGroups.PerImageRows"/>. A thread owns the same pixels in every pass, and
        /// keeps δ in the candidate.
        /// </summary>
        internal static void ProposeL2(ProposeL2Arguments p)
        {
            ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
            RandomKey own = p.Key.For(p.Ids[Grid.IdxX]);
            Window target = new(own, 0, p.Side, p.Height, p.Width), source = new(own, 2, p.Side, p.Height, p.Width);
            int plane = p.Height * p.Width, first = Grid.IdxX * p.Channels * plane, step = Group.DimY * p.Width;
            float all = 0, windows = 0;
            for (int at = first; at < first + p.Channels * plane; at += plane)
                for (int row = Group.IdxY; row < p.Height; row += Group.DimY)
                    for (int column = Group.IdxX; column < p.Width; column += Group.DimX)
                    {
                        int i = at + row * p.Width + column;
                        float delta = p.X[i] - p.Original[i], square = delta * delta;
                        p.Candidate[i] = delta;
                        all += square;
                        windows += target.Holds(row, column) || source.Holds(row, column) ? square : 0;
                    }
            float unused = p.Epsilon * p.Epsilon - GroupReduction.Sum(shared, all), squares = 0;
            windows = GroupReduction.Sum(shared, windows);
            float budget = MathF.Sqrt((unused > 0 ? unused : 0) / p.Channels + windows);
            int isLying = Philox.IsOdd(own, 4) ? 1 : 0;
            for (int c = 0; c < p.Channels; c++)
            {
                float sign = Philox.IsOdd(own, 5 + (uint)c) ? 1 : -1;
                int at = first + c * plane;
                float scale = 1 / (MathF.Sqrt(WindowSquares(p, shared, target, at)) + Tiny);
                for (int row = Group.IdxY; row < p.Height; row += Group.DimY)
                    for (int column = Group.IdxX; column < p.Width; column += Group.DimX)
                        if (target.Holds(row, column))
                        {
                            int i = at + row * p.Width + column, down = row - target.Top, right = column - target.Left;
                            p.Candidate[i] = sign * p.Eta[isLying == 1 ? right * p.Side + down : down * p.Side + right]
                                + p.Candidate[i] * scale;
                        }
                scale = budget / (MathF.Sqrt(WindowSquares(p, shared, target, at)) + Tiny);
                for (int row = Group.IdxY; row < p.Height; row += Group.DimY)
                    for (int column = Group.IdxX; column < p.Width; column += Group.DimX)
                    {
                        int i = at + row * p.Width + column;
                        float delta = p.Candidate[i];
                        delta = target.Holds(row, column) ? delta * scale : source.Holds(row, column) ? 0 : delta;
                        p.Candidate[i] = delta;
                        squares += delta * delta;
                    }
            }
            float length = p.Epsilon / (MathF.Sqrt(GroupReduction.Sum(shared, squares)) + Tiny);
            for (int at = first; at < first + p.Channels * plane; at += plane)
                for (int i = at + Group.IdxY * p.Width; i < at + plane; i += step)
                    for (int j = i + Group.IdxX; j < i + p.Width; j += Group.DimX)
                        p.Candidate[j] = ImageGroups.Clip(p.Original[j] + length * p.Candidate[j], 0, 1);
        }

        /// <summary>‖δ‖² of a window of one channel.</summary>
        private static float WindowSquares(in ProposeL2Arguments p, ArrayView<float> shared, Window window, int at)
        {
            float squares = 0;
            for (int row = Group.IdxY; row < p.Height; row += Group.DimY)
                for (int column = Group.IdxX; column < p.Width; column += Group.DimX)
                    if (window.Holds(row, column))
                    {
                        float delta = p.Candidate[at + row * p.Width + column];
                        squares += delta * delta;
                    }
            return GroupReduction.Sum(shared, squares);
        }
    }
}
