using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Kernels.Attack;

/// <summary>The fast adaptive boundary attack's passes over pixels [n, image] in [0, 1].</summary>
public static unsafe class BoundaryKernels
{
    private const double LeastLength = 1e-8;

    /// <summary>
    /// x ← clip₀₁((1 − α)(x + η·d) + α(original + η·d₀)) with d and d₀ the smallest changes of x and of the original that meet the hyperplane
    /// value + gradient·(z − x) = 0, and α = min(‖d‖/(‖d‖ + ‖d₀‖), αmax).
    /// </summary>
    /// <param name="image">Pixels of an image.</param>
    /// <param name="values">[n] the function that is to become 0, at x.</param>
    /// <param name="gradients">[n, image] of it.</param>
    public static void Step(
        PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> values, DeviceBuffer<float> gradients, double largestAlpha, double eta, DeviceBuffer<float> x)
    {
        using var trace = KernelTrace.Begin("attack.boundary_step", x.Length, 40.0 * x.Length, 16.0 * x.Length);
        float* po = CpuDevice.Pointer(original), pv = CpuDevice.Pointer(values), pg = CpuDevice.Pointer(gradients), px = CpuDevice.Pointer(x);
        ((CpuDevice)x.Device).For(x.Length / image, (n, _) =>
        {
            float* o = po + (nint)n * image, g = pg + (nint)n * image, to = px + (nint)n * image;
            double apart = 0;
            for (int i = 0; i < image; i++)
                apart += (double)g[i] * ((double)to[i] - o[i]);
            HyperplaneProjection here = new(norm, to, g, image, -(double)pv[n]), there = new(norm, o, g, image, apart - pv[n]);
            double own = Math.Max(here.Length(image), LeastLength), originals = Math.Max(there.Length(image), LeastLength), alpha = Math.Min(own / (own + originals), largestAlpha);
            for (int i = 0; i < image; i++)
                to[i] = (float)Math.Clamp((1 - alpha) * (to[i] + eta * here.Change(i)) + alpha * (o[i] + eta * there.Change(i)), 0, 1);
        });
        x.MarkChanged();
    }

    /// <summary>The length of each image's change: [n].</summary>
    public static void Lengths(PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> x, DeviceBuffer<float> lengths)
    {
        using var trace = KernelTrace.Begin("attack.lengths", x.Length, 2.0 * x.Length, 8.0 * x.Length);
        float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x), to = CpuDevice.Pointer(lengths);
        ((CpuDevice)x.Device).For(x.Length / image, (n, _) =>
        {
            double largest = 0, squares = 0;
            for (nint i = (nint)n * image; i < ((nint)n + 1) * image; i++)
            {
                double change = Math.Abs((double)px[i] - po[i]);
                largest = Math.Max(largest, change);
                squares += change * change;
            }
            to[n] = (float)(norm == PerturbationNorm.Linf ? largest : Math.Sqrt(squares));
        });
        lengths.MarkChanged();
    }

    /// <summary>x ← original + β(x − original) for the images that <paramref name="chosen"/> marks with 1.</summary>
    public static void Shrink(int image, DeviceBuffer<int> chosen, DeviceBuffer<float> original, float beta, DeviceBuffer<float> x)
    {
        using var trace = KernelTrace.Begin("attack.shrink", x.Length, 2.0 * x.Length, 12.0 * x.Length);
        float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x);
        int* pc = CpuDevice.Pointer(chosen);
        ((CpuDevice)x.Device).For(x.Length / image, (n, _) =>
        {
            for (nint i = (nint)n * image; pc[n] == 1 && i < ((nint)n + 1) * image; i++)
                px[i] = po[i] + (px[i] - po[i]) * beta;
        });
        x.MarkChanged();
    }
}
