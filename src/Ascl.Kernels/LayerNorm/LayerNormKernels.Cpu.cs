using System.Runtime.CompilerServices;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Layout;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.LayerNorm;

internal abstract unsafe class LayerNormCpu
{
    public abstract void Forward(
        CpuDevice device, ActivationLayout layout, float* x, DeviceBuffer<float>? scale, DeviceBuffer<float>? bias, float epsilon,
        float* mean, float* inverseStd, float* y);
    public abstract void Backward(
        CpuDevice device, ActivationLayout layout, float* dy, float* x, DeviceBuffer<float>? scale, float* mean, float* inverseStd,
        DeviceBuffer<float>? dx, DeviceBuffer<float>? dscale, DeviceBuffer<float>? dbias);
}

/// <summary>
/// A lane is a channel; a work item is one image. A row of pixels is taken at a time, so that its channel blocks, which are far apart in
/// memory, are read in runs and found in the cache when they are read again.
/// </summary>
internal sealed unsafe class LayerNormCpu<F> : LayerNormCpu where F : struct, ISimd<F>
{
    private const MethodImplOptions Optimized = MethodImplOptions.AggressiveOptimization;

    public override void Forward(
        CpuDevice device, ActivationLayout layout, float* x, DeviceBuffer<float>? scale, DeviceBuffer<float>? bias, float epsilon,
        float* mean, float* inverseStd, float* y)
    {
        PlaneView view = new(layout, x);
        DeviceBuffer<float> factors = Padded(device, layout, scale, 1), terms = Padded(device, layout, bias, 0);
        float* a = CpuDevice.Pointer(factors), b = CpuDevice.Pointer(terms);
        int columns = layout.W + 2;
        device.For(layout.N, (n, worker) =>
        {
            float* sums = device.Scratch(worker, layout.W * F.Width);
            for (int i = 0; i < layout.H; i++)
            {
                nint at = (nint)(view.First - x) + n * view.Image + i * view.Row, pixel = ((nint)n * (layout.H + 2) + i + 1) * columns + 1;
                float* means = mean + pixel, inverses = inverseStd + pixel;
                Means(layout, x + at, view.Plane, sums, means);
                InverseStds(layout, x + at, view.Plane, epsilon, sums, means, inverses);
                ForwardRow(layout, x + at, view.Plane, means, inverses, a, b, y + at);
            }
        });
        device.Pool.Return(factors);
        device.Pool.Return(terms);
    }

    [MethodImpl(Optimized)]
    private static void Means(ActivationLayout layout, float* x, nint plane, float* sums, float* means)
    {
        int width = layout.W * F.Width;
        new Span<float>(sums, width).Clear();
        for (int block = 0; block < layout.Blocks; block++, x += plane)
            for (int j = 0; j < width; j += F.Width)
                (F.Load(sums + j) + F.Load(x + j)).Store(sums + j);
        float share = 1f / layout.C;
        for (int j = 0; j < layout.W; j++)
            means[j] = F.Sum(F.Load(sums + j * F.Width)) * share;
    }

    [MethodImpl(Optimized)]
    private static void InverseStds(
        ActivationLayout layout, float* x, nint plane, float epsilon, float* sums, float* means, float* inverses)
    {
        int width = layout.W * F.Width;
        F last = Present(layout);
        new Span<float>(sums, width).Clear();
        for (int block = 0; block < layout.Blocks; block++, x += plane)
        {
            F present = block == layout.Blocks - 1 ? last : F.Broadcast(1);
            for (int j = 0, pixel = 0; j < width; j += F.Width, pixel++)
            {
                F deviation = (F.Load(x + j) - F.Broadcast(means[pixel])) * present;
                F.MulAdd(deviation, deviation, F.Load(sums + j)).Store(sums + j);
            }
        }
        float share = 1f / layout.C;
        for (int j = 0; j < layout.W; j++)
            inverses[j] = 1 / MathF.Sqrt(F.Sum(F.Load(sums + j * F.Width)) * share + epsilon);
    }

    [MethodImpl(Optimized)]
    private static void ForwardRow(
        ActivationLayout layout, float* x, nint plane, float* means, float* inverses, float* scale, float* bias, float* y)
    {
        for (int block = 0; block < layout.Blocks; block++, x += plane, y += plane)
        {
            F a = F.Load(scale + block * F.Width), b = F.Load(bias + block * F.Width);
            for (int pixel = 0; pixel < layout.W; pixel++)
            {
                F normalized = (F.Load(x + pixel * F.Width) - F.Broadcast(means[pixel])) * F.Broadcast(inverses[pixel]);
                F.MulAdd(normalized, a, b).Store(y + pixel * F.Width);
            }
        }
    }

    public override void Backward(
        CpuDevice device, ActivationLayout layout, float* dy, float* x, DeviceBuffer<float>? scale, float* mean, float* inverseStd,
        DeviceBuffer<float>? dx, DeviceBuffer<float>? dscale, DeviceBuffer<float>? dbias)
    {
        PlaneView view = new(layout, x);
        int channels = layout.Blocks * layout.Block, columns = layout.W + 2;
        DeviceBuffer<float> factors = Padded(device, layout, scale, 1), partial = device.Pool.Rent(2 * layout.N * channels, 0);
        float* a = CpuDevice.Pointer(factors), ofScale = CpuDevice.Pointer(partial), ofBias = ofScale + layout.N * channels;
        float* to = dx is null ? null : CpuDevice.Pointer(dx);
        bool sums = dscale is not null || dbias is not null;
        device.For(layout.N, (n, worker) =>
        {
            float* g = device.Scratch(worker, 2 * layout.W * F.Width), gz = g + layout.W * F.Width;
            new Span<float>(ofScale + n * channels, channels).Clear();
            new Span<float>(ofBias + n * channels, channels).Clear();
            for (int i = 0; i < layout.H; i++)
            {
                nint at = (nint)(view.First - x) + n * view.Image + i * view.Row, pixel = ((nint)n * (layout.H + 2) + i + 1) * columns + 1;
                if (sums)
                    SumRow(layout, dy + at, x + at, view.Plane, mean + pixel, inverseStd + pixel, ofScale + n * channels,
                        ofBias + n * channels);
                if (to == null)
                    continue;
                GradientMeans(layout, dy + at, x + at, view.Plane, mean + pixel, inverseStd + pixel, a, g, gz);
                GradientRow(layout, dy + at, x + at, view.Plane, mean + pixel, inverseStd + pixel, a, g, gz, to + at);
            }
        });
        OverImages(layout, ofScale, dscale);
        OverImages(layout, ofBias, dbias);
        device.Pool.Return(factors);
        device.Pool.Return(partial);
    }

    /// <summary>Adds a row's dy·z and dy to the sums of its image.</summary>
    [MethodImpl(Optimized)]
    private static void SumRow(
        ActivationLayout layout, float* dy, float* x, nint plane, float* means, float* inverses, float* ofScale, float* ofBias)
    {
        for (int block = 0; block < layout.Blocks; block++, dy += plane, x += plane)
        {
            F product = F.Zero, sum = F.Zero;
            for (int pixel = 0; pixel < layout.W; pixel++)
            {
                F d = F.Load(dy + pixel * F.Width);
                sum += d;
                product = F.MulAdd(
                    d, (F.Load(x + pixel * F.Width) - F.Broadcast(means[pixel])) * F.Broadcast(inverses[pixel]), product);
            }
            (F.Load(ofScale + block * F.Width) + product).Store(ofScale + block * F.Width);
            (F.Load(ofBias + block * F.Width) + sum).Store(ofBias + block * F.Width);
        }
    }

    /// <summary>The means of g and g·z over the channels of a row's pixels, at the first lane of each pixel.</summary>
    [MethodImpl(Optimized)]
    private static void GradientMeans(
        ActivationLayout layout, float* dy, float* x, nint plane, float* means, float* inverses, float* scale, float* g, float* gz)
    {
        new Span<float>(g, 2 * layout.W * F.Width).Clear();
        for (int block = 0; block < layout.Blocks; block++, dy += plane, x += plane)
        {
            F a = F.Load(scale + block * F.Width);
            for (int pixel = 0, j = 0; pixel < layout.W; pixel++, j += F.Width)
            {
                F value = F.Load(dy + j) * a;
                (F.Load(g + j) + value).Store(g + j);
                F.MulAdd(value, (F.Load(x + j) - F.Broadcast(means[pixel])) * F.Broadcast(inverses[pixel]), F.Load(gz + j)).Store(gz + j);
            }
        }
        float share = 1f / layout.C;
        for (int j = 0; j < layout.W * F.Width; j += F.Width)
        {
            g[j] = F.Sum(F.Load(g + j)) * share;
            gz[j] = F.Sum(F.Load(gz + j)) * share;
        }
    }

    [MethodImpl(Optimized)]
    private static void GradientRow(
        ActivationLayout layout, float* dy, float* x, nint plane, float* means, float* inverses, float* scale, float* g, float* gz,
        float* dx)
    {
        F last = Present(layout);
        for (int block = 0; block < layout.Blocks; block++, dy += plane, x += plane, dx += plane)
        {
            F a = F.Load(scale + block * F.Width), present = block == layout.Blocks - 1 ? last : F.Broadcast(1);
            for (int pixel = 0, j = 0; pixel < layout.W; pixel++, j += F.Width)
            {
                F inverse = F.Broadcast(inverses[pixel]), z = (F.Load(x + j) - F.Broadcast(means[pixel])) * inverse;
                F value = F.NegMulAdd(z, F.Broadcast(gz[j]), F.Load(dy + j) * a - F.Broadcast(g[j]));
                (value * inverse * present).Store(dx + j);
            }
        }
    }

    private static void OverImages(ActivationLayout layout, float* images, DeviceBuffer<float>? sums)
    {
        if (sums is null)
            return;
        float* to = CpuDevice.Pointer(sums);
        for (int c = 0; c < layout.C; c++)
        {
            double sum = 0;
            for (int n = 0; n < layout.N; n++)
                sum += images[(nint)n * layout.Blocks * layout.Block + c];
            to[c] = (float)sum;
        }
    }

    /// <summary>1 in the lanes of the last block that are channels, 0 in padding channels.</summary>
    private static F Present(ActivationLayout layout)
    {
        float* lanes = stackalloc float[16];
        for (int lane = 0; lane < F.Width; lane++)
            lanes[lane] = (layout.Blocks - 1) * F.Width + lane < layout.C ? 1 : 0;
        return F.Load(lanes);
    }

    /// <summary>[C] in whole blocks, 0 for padding channels; the caller returns it to the pool.</summary>
    /// <param name="missing">The values if there are none.</param>
    private static DeviceBuffer<float> Padded(CpuDevice device, ActivationLayout layout, DeviceBuffer<float>? values, float missing)
    {
        DeviceBuffer<float> padded = device.Pool.Rent(layout.Blocks * layout.Block, 0);
        Span<float> to = CpuDevice.Span(padded);
        if (values is null)
            to[..layout.C].Fill(missing);
        else
            CpuDevice.ReadSpan(values).CopyTo(to);
        to[layout.C..].Clear();
        return padded;
    }
}
