using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using ILGPU;

namespace Ascl.Kernels.Normalize;

/// <summary>A warp owns a row.</summary>
internal static class NormalizeCuda
{
    private const float SmallestDivisor = 1e-12f;

    public static void Forward(CudaDevice device, int n, int d, DeviceBuffer<float> x, DeviceBuffer<float> y, DeviceBuffer<float> norms) =>
        device.Launch(
        Forward, WarpRows.For(n), new ForwardArguments
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(y),
            Norms = CudaDevice.View(norms),
            N = n,
            D = d,
        });

    public static void Backward(
        CudaDevice device, int n, int d, DeviceBuffer<float> y, DeviceBuffer<float> norms, DeviceBuffer<float> dy,
        DeviceBuffer<float> dx) => device.Launch(
        Backward, WarpRows.For(n),
        new BackwardArguments
        {
            Y = CudaDevice.View(y),
            Norms = CudaDevice.View(norms),
            GradientY = CudaDevice.View(dy),
            GradientX = CudaDevice.View(dx),
            N = n,
            D = d,
        });

    internal struct ForwardArguments
    {
        public ArrayView<float> X, Y, Norms;
        public int N, D;
    }

    /// <summary>The norm; if the squares would overflow or underflow, the row is first scaled by a power of two.</summary>
    internal static void Forward(ForwardArguments p)
    {
        const float billion = 1 << 30, up = billion * billion * billion, down = 1 / up;
        int row = WarpRows.Row, begin = row * p.D;
        if (row >= p.N)
            return;
        float squares = Squares(p, begin, 1), norm = MathF.Sqrt(squares);
        if (!(squares > 1e-30f && squares < 1e37f))
        {
            float scale = squares < 1 ? up : down;
            norm = MathF.Sqrt(Squares(p, begin, scale)) * (squares < 1 ? down : up);
        }
        float factor = 1 / WarpRows.Larger(norm, SmallestDivisor);
        if (WarpRows.Lane == 0)
            p.Norms[row] = norm;
        for (int c = WarpRows.Lane; c < p.D; c += WarpRows.Lanes)
            p.Y[begin + c] = p.X[begin + c] * factor;
    }

    private static float Squares(ForwardArguments p, int begin, float scale)
    {
        float sum = 0;
        for (int c = WarpRows.Lane; c < p.D; c += WarpRows.Lanes)
        {
            float x = p.X[begin + c] * scale;
            sum += x * x;
        }
        return WarpRows.Sum(sum);
    }

    internal struct BackwardArguments
    {
        public ArrayView<float> Y, Norms, GradientY, GradientX;
        public int N, D;
    }

    /// <summary>dx = (dy − y (y·dy)) / ‖x‖, 0 for a zero row; dy / 1e-12 for a row that was divided by 1e-12.</summary>
    internal static void Backward(BackwardArguments p)
    {
        int row = WarpRows.Row, begin = row * p.D;
        if (row >= p.N)
            return;
        float dot = 0, norm = p.Norms[row];
        for (int c = WarpRows.Lane; c < p.D; c += WarpRows.Lanes)
            dot += p.Y[begin + c] * p.GradientY[begin + c];
        dot = WarpRows.Sum(dot);
        if (norm < SmallestDivisor)
            dot = 0;
        float factor = norm == 0 ? 0 : 1 / WarpRows.Larger(norm, SmallestDivisor);
        for (int c = WarpRows.Lane; c < p.D; c += WarpRows.Lanes)
            p.GradientX[begin + c] = (p.GradientY[begin + c] - dot * p.Y[begin + c]) * factor;
    }
}
