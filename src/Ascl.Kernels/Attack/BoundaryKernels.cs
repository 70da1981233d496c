using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>Passes of the fast adaptive boundary (FAB) attack over pixels [n, image] in [0, 1].</summary>
public static unsafe partial class BoundaryKernels
{
    private const double LeastLength = 1e-8;

    /// <summary>
    /// x ← clip₀₁((1 − α)(x + η·d) + α(original + η·d₀)) with d and d₀ the smallest changes of x and of the original that reach the
    /// hyperplane value + gradient·(z − x) = 0, and α = min(‖d‖/(‖d‖ + ‖d₀‖), αmax). If the value or the gradient is not finite, as with
    /// overflowing logits, the image stays unchanged.
    /// </summary>
    /// <param name="image">Pixels per image.</param>
    /// <param name="values">[n]: the value at x of a function that is 0 on the decision boundary.</param>
    /// <param name="gradients">[n, image]: its gradient at x.</param>
    public static void Step(
        PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> values, DeviceBuffer<float> gradients,
        double largestAlpha, double eta, DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.boundary_step", x.Length, 40.0 * x.Length, 16.0 * x.Length, OnCpu,
            cuda => StepCuda(cuda, norm, image, original, values, gradients, largestAlpha, eta, x), x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), pv = CpuDevice.Pointer(values), pg = CpuDevice.Pointer(gradients);
            float* px = CpuDevice.Pointer(x);
            cpu.For(x.Length / image, (n, _) =>
            {
                float* o = po + (nint)n * image, g = pg + (nint)n * image, to = px + (nint)n * image;
                double apart = 0;
                for (int i = 0; i < image; i++)
                    apart += (double)g[i] * ((double)to[i] - o[i]);
                // A non-finite gradient makes the sum non-finite, even if x is the original.
                if (!double.IsFinite(apart) || !float.IsFinite(pv[n]))
                    return;
                HyperplaneProjection here = new(norm, to, g, image, -(double)pv[n]), there = new(norm, o, g, image, apart - pv[n]);
                double own = Math.Max(here.Length(image), LeastLength), originals = Math.Max(there.Length(image), LeastLength);
                double alpha = Math.Min(own / (own + originals), largestAlpha);
                for (int i = 0; i < image; i++)
                    to[i] = (float)Math.Clamp((1 - alpha) * (to[i] + eta * here.Change(i)) + alpha * (o[i] + eta * there.Change(i)), 0, 1);
            });
        }
    }

    /// <summary>
    /// Keeps the nearest linearised class boundary: replaces the nearest so far by this class's, |value|/‖gradient‖ away, if that is
    /// nearer.
    /// </summary>
    /// <param name="norm">The norm of the distance; the gradient's norm is its dual.</param>
    /// <param name="values">[n]: the value of a function that is 0 on the boundary.</param>
    /// <param name="gradients">[n, image]: its gradient at x.</param>
    /// <param name="distances">[n]: the distance of the nearest boundary so far; NaN before the first.</param>
    public static void KeepNearest(
        PerturbationNorm norm, int image, DeviceBuffer<float> values, DeviceBuffer<float> gradients, DeviceBuffer<float> distances,
        DeviceBuffer<float> nearestValues, DeviceBuffer<float> nearestGradients)
    {
        DeviceKernel.Run("attack.keep_nearest", gradients.Length, 2.0 * gradients.Length, 12.0 * gradients.Length, OnCpu,
            cuda => KeepNearestCuda(cuda, norm, image, values, gradients, distances, nearestValues, nearestGradients), distances,
            nearestValues, nearestGradients);

        void OnCpu(CpuDevice cpu)
        {
            float* pv = CpuDevice.Pointer(values), pg = CpuDevice.Pointer(gradients), pd = CpuDevice.Pointer(distances);
            float* to = CpuDevice.Pointer(nearestValues), toGradients = CpuDevice.Pointer(nearestGradients);
            cpu.For(values.Length, (n, _) =>
            {
                ReadOnlySpan<float> g = new(pg + (nint)n * image, image);
                double sum = 0, squares = 0;
                foreach (float v in g)
                {
                    sum += Math.Abs(v);
                    squares += (double)v * v;
                }
                float distance = (float)(Math.Abs((double)pv[n]) / ((norm == PerturbationNorm.Linf ? sum : Math.Sqrt(squares)) + 1e-12));
                if (distance >= pd[n])
                    return;
                (pd[n], to[n]) = (distance, pv[n]);
                g.CopyTo(new(toGradients + (nint)n * image, image));
            });
        }
    }

    /// <summary>The norm of each image's change: [n].</summary>
    public static void Lengths(
        PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> x, DeviceBuffer<float> lengths)
    {
        DeviceKernel.Run("attack.lengths", x.Length, 2.0 * x.Length, 8.0 * x.Length, OnCpu,
            cuda => LengthsCuda(cuda, norm, image, original, x, lengths), lengths);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x), to = CpuDevice.Pointer(lengths);
            cpu.For(x.Length / image, (n, _) =>
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
        }
    }

    /// <summary>x ← original + β(x − original) for the images that <paramref name="chosen"/> marks with 1.</summary>
    public static void Shrink(int image, DeviceBuffer<int> chosen, DeviceBuffer<float> original, float beta, DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.shrink", x.Length, 2.0 * x.Length, 12.0 * x.Length, OnCpu,
            cuda => ShrinkCuda(cuda, image, chosen, original, beta, x), x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x);
            int* pc = CpuDevice.Pointer(chosen);
            cpu.For(x.Length / image, (n, _) =>
            {
                for (nint i = (nint)n * image; pc[n] == 1 && i < ((nint)n + 1) * image; i++)
                    px[i] = po[i] + (px[i] - po[i]) * beta;
            });
        }
    }
}
