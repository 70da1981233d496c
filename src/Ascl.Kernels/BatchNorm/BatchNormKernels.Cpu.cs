using System.Runtime.CompilerServices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Conv2d;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.BatchNorm;

public static unsafe partial class BatchNormKernels
{
    private static readonly BatchNormCpu Cpu =
        SimdWidth.Choose<BatchNormCpu>(() => new BatchNormCpu<F16>(), () => new BatchNormCpu<F8>(), () => new BatchNormCpu<F4>());
}

internal abstract unsafe class BatchNormCpu
{
    public abstract void Statistics(CpuDevice device, ActivationLayout layout, float* x, float* mean, float* variance);
    public abstract void Statistics(CpuDevice device, ActivationLayout layout, ChannelSums sums, float* mean, float* variance);
    public abstract void Forward(
        CpuDevice device, ActivationLayout layout, float* x, float* mean, float* inverseStd, float* gamma, float* beta, float* residual,
        bool relu, float* y);
    public abstract void Backward(
        CpuDevice device, ActivationLayout layout, float* dy, float* y, float* x, float* mean, float* inverseStd, float* gamma,
        bool batchStatistics, float* dx, float* dgamma, float* dbeta, float* dz);
}

/// <summary>
/// A lane is a channel. Sums are in float within a plane, then in double over the images in order, so that they have the same bits for any
/// number of threads. Squares are of deviations from a value near the mean, so that a mean far from zero costs no precision.
/// </summary>
internal sealed unsafe class BatchNormCpu<F> : BatchNormCpu where F : struct, ISimd<F>
{
    private const MethodImplOptions Optimized = MethodImplOptions.AggressiveOptimization;

    /// <summary>Activations larger than this are written with non-temporal stores.</summary>
    private const long StreamedBytes = 8 << 20;

    /// <summary>
    /// Size of the channel blocks that the backward pass handles at a time: it reads its operands twice, and the second read should hit the
    /// last-level cache.
    /// </summary>
    private const long CachedBytes = 4 << 20;

    public override void Statistics(CpuDevice device, ActivationLayout layout, float* x, float* mean, float* variance)
    {
        PlaneView view = new(layout, x);
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> sums = device.Pool.Rent(2 * layout.N * channels, 0);
        float* first = CpuDevice.Pointer(sums), second = first + layout.N * channels;
        device.For(layout.N, (n, _) =>
        {
            for (int block = 0; block < layout.Blocks; block++)
            {
                // Relative to the channel's first pixel in the first image.
                int at = n * channels + block * layout.Block;
                SumPlane(view.First + n * view.Image + block * view.Plane, view.Row, layout.H, layout.W,
                    F.Load(view.First + block * view.Plane), first + at, second + at);
            }
        });
        double count = (double)layout.N * layout.H * layout.W;
        device.For(layout.Blocks, (block, _) =>
        {
            double* sum = stackalloc double[2 * F.Width], squares = sum + F.Width;
            SumOverImages(first, second, layout.N, channels, block, sum, squares);
            for (int lane = 0; lane < F.Width; lane++)
            {
                double shift = view.First[block * view.Plane + lane], offset = sum[lane] / count;
                mean[block * F.Width + lane] = (float)(shift + offset);
                variance[block * F.Width + lane] = (float)Math.Max(0, squares[lane] / count - offset * offset);
            }
        });
        device.Pool.Return(sums);
    }

    public override void Statistics(CpuDevice device, ActivationLayout layout, ChannelSums sums, float* mean, float* variance)
    {
        float* values = sums.Part(0);
        double count = (double)layout.N * layout.H * layout.W;
        device.For(layout.Blocks, (block, _) =>
        {
            // The parts have different shifts; their sums are converted to the shift of the first.
            for (int c = block * F.Width; c < (block + 1) * F.Width; c++)
            {
                double shift = values[sums.ShiftAt + c], sum = 0, squares = 0;
                float* part = values;
                for (int i = 0; i < sums.Parts; i++, part += sums.PartStride)
                {
                    double moved = part[sums.ShiftAt + c] - shift, pixels = part[sums.PixelsAt], first = part[c];
                    sum += first + pixels * moved;
                    squares += part[sums.Channels + c] + moved * (2 * first + pixels * moved);
                }
                double offset = sum / count;
                mean[c] = (float)(shift + offset);
                variance[c] = (float)Math.Max(0, squares / count - offset * offset);
            }
        });
    }

    public override void Forward(
        CpuDevice device, ActivationLayout layout, float* x, float* mean, float* inverseStd, float* gamma, float* beta, float* residual,
        bool relu, float* y)
    {
        PlaneView view = new(layout, x);
        bool streamed = layout.Length * 4L >= StreamedBytes;
        F low = F.Broadcast(relu ? 0 : float.NegativeInfinity);
        device.For(layout.N, (n, _) =>
        {
            for (int block = 0; block < layout.Blocks; block++)
            {
                int c = block * F.Width;
                F scale = F.Load(gamma + c) * F.Load(inverseStd + c), shift = F.NegMulAdd(F.Load(mean + c), scale, F.Load(beta + c));
                nint at = (nint)(view.First - x) + n * view.Image + block * view.Plane;
                ApplyPlane(x + at, residual == null ? null : residual + at, y + at, view.Row, layout.H, layout.W, scale, shift, low,
                    streamed);
            }
        });
    }

    public override void Backward(
        CpuDevice device, ActivationLayout layout, float* dy, float* y, float* x, float* mean, float* inverseStd, float* gamma,
        bool batchStatistics, float* dx, float* dgamma, float* dbeta, float* dz)
    {
        PlaneView view = new(layout, x);
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> sums = device.Pool.Rent((2 * layout.N + 3) * channels, 0);
        float* first = CpuDevice.Pointer(sums), second = first + layout.N * channels, a = second + layout.N * channels, b = a + channels;
        float* c = b + channels;
        double count = (double)layout.N * layout.H * layout.W;
        bool streamed = layout.Length * 4L >= StreamedBytes;
        int together = (int)Math.Max(1, CachedBytes / (layout.N * (long)layout.PlaneSize * sizeof(float)));
        for (int start = 0; start < layout.Blocks; start += together)
        {
            int firstBlock = start, blocks = Math.Min(together, layout.Blocks - start);
            device.For(layout.N, (n, _) =>
            {
                for (int block = firstBlock; block < firstBlock + blocks; block++)
                {
                    nint at = (nint)(view.First - x) + n * view.Image + block * view.Plane, sum = n * channels + block * F.Width;
                    SumGradientPlane(dy + at, y == null ? null : y + at, x + at, dz == null ? null : dz + at, view.Row, layout.H, layout.W,
                        F.Load(mean + block * F.Width), first + sum, second + sum);
                }
            });
            device.For(blocks, (block, _) => Coefficients(firstBlock + block));
            device.For(layout.N, (n, _) =>
            {
                for (int block = firstBlock; block < firstBlock + blocks; block++)
                {
                    nint at = (nint)(view.First - x) + n * view.Image + block * view.Plane;
                    int k = block * F.Width;
                    // If dz was stored, it is the masked gradient.
                    GradientPlane(dz == null ? dy + at : dz + at, y == null || dz != null ? null : y + at, x + at, dx + at, view.Row,
                        layout.H, layout.W,
                        F.Load(a + k), F.Load(b + k), F.NegMulAdd(F.Load(b + k), F.Load(mean + k), F.Load(c + k)), streamed);
                }
            });
        }
        device.Pool.Return(sums);

        // dx = a·dz + b·(x − mean) + c
        void Coefficients(int block)
        {
            double* sum = stackalloc double[2 * F.Width], product = sum + F.Width;
            SumOverImages(first, second, layout.N, channels, block, sum, product);
            for (int lane = 0; lane < F.Width; lane++)
            {
                int k = block * F.Width + lane;
                double s = inverseStd[k], scale = k < layout.C ? gamma[k] * s : 0;
                if (k < layout.C)
                    (dbeta[k], dgamma[k]) = ((float)sum[lane], (float)(product[lane] * s));
                a[k] = (float)scale;
                b[k] = batchStatistics ? (float)(-scale * s * s * product[lane] / count) : 0;
                c[k] = batchStatistics ? (float)(-scale * sum[lane] / count) : 0;
            }
        }
    }

    /// <summary>Sums over the images, in order, of two [image][channel] arrays, for the channels of one block.</summary>
    private static void SumOverImages(float* first, float* second, int images, int channels, int block, double* firstSum, double* secondSum)
    {
        new Span<double>(firstSum, F.Width).Clear();
        new Span<double>(secondSum, F.Width).Clear();
        for (int at = block * F.Width; at < images * channels; at += channels)
            for (int lane = 0; lane < F.Width; lane++)
            {
                firstSum[lane] += first[at + lane];
                secondSum[lane] += second[at + lane];
            }
    }

    [MethodImpl(Optimized)]
    private static void SumPlane(float* x, nint row, int height, int width, F shift, float* sum, float* squares)
    {
        F s0 = F.Zero, s1 = F.Zero, q0 = F.Zero, q1 = F.Zero;
        for (int i = 0; i < height; i++, x += row)
        {
            int j = 0;
            for (; j + 2 <= width; j += 2)
            {
                F u = F.Load(x + j * F.Width) - shift, v = F.Load(x + (j + 1) * F.Width) - shift;
                s0 += u;
                s1 += v;
                q0 = F.MulAdd(u, u, q0);
                q1 = F.MulAdd(v, v, q1);
            }
            if (j < width)
            {
                F u = F.Load(x + j * F.Width) - shift;
                s0 += u;
                q0 = F.MulAdd(u, u, q0);
            }
        }
        (s0 + s1).Store(sum);
        (q0 + q1).Store(squares);
    }

    [MethodImpl(Optimized)]
    private static void ApplyPlane(
        float* x, float* residual, float* y, nint row, int height, int width, F scale, F shift, F low, bool streamed)
    {
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width * F.Width; j += F.Width)
            {
                F value = F.MulAdd(F.Load(x + j), scale, shift);
                if (residual != null)
                    value += F.Load(residual + j);
                value = F.Max(low, value);
                if (streamed)
                    value.StoreNonTemporal(y + j);
                else
                    value.Store(y + j);
            }
            x += row;
            y += row;
            if (residual != null)
                residual += row;
        }
    }

    [MethodImpl(Optimized)]
    private static void SumGradientPlane(
        float* dy, float* y, float* x, float* dz, nint row, int height, int width, F mean, float* sum, float* product)
    {
        F s = F.Zero, p = F.Zero;
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width * F.Width; j += F.Width)
            {
                F g = F.Load(dy + j);
                if (y != null)
                    g = F.WherePositive(F.Load(y + j), g);
                if (dz != null)
                    g.Store(dz + j);
                s += g;
                p = F.MulAdd(g, F.Load(x + j) - mean, p);
            }
            dy += row;
            x += row;
            if (y != null)
                y += row;
            if (dz != null)
                dz += row;
        }
        s.Store(sum);
        p.Store(product);
    }

    [MethodImpl(Optimized)]
    private static void GradientPlane(
        float* dy, float* y, float* x, float* dx, nint row, int height, int width, F a, F b, F c, bool streamed)
    {
        for (int i = 0; i < height; i++)
        {
            for (int j = 0; j < width * F.Width; j += F.Width)
            {
                F g = F.Load(dy + j);
                if (y != null)
                    g = F.WherePositive(F.Load(y + j), g);
                F value = F.MulAdd(a, g, F.MulAdd(b, F.Load(x + j), c));
                if (streamed)
                    value.StoreNonTemporal(dx + j);
                else
                    value.Store(dx + j);
            }
            dy += row;
            x += row;
            dx += row;
            if (y != null)
                y += row;
        }
    }
}
