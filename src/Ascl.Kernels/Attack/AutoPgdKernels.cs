using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>Passes of Auto-PGD over pixels [n, image] in [0, 1] (Croce and Hein 2020, equations 2 and 3).</summary>
public static unsafe partial class AutoPgdKernels
{
    /// <summary>
    /// z = P(x + η·direction), x ← P(x + a(z − x) + (1 − a)(x − before)), before ← the old x; P projects to the ball of radius ε around the
    /// original and to [0, 1]. The direction is sign g for L∞ and g/‖g‖ for L2; each image has its own η.
    /// </summary>
    /// <param name="image">Pixels per image.</param>
    /// <param name="stepSizes">[n] η.</param>
    /// <param name="momentum">a: 1 in the first iteration, 0.75 afterwards.</param>
    /// <param name="x">The iterates, updated in place.</param>
    /// <param name="before">The previous iterates, updated in place.</param>
    public static void Step(
        PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> gradient, DeviceBuffer<float> stepSizes,
        float epsilon, float momentum, DeviceBuffer<float> x, DeviceBuffer<float> before)
    {
        DeviceKernel.Run("attack.auto_pgd_step", x.Length, 10.0 * x.Length, 24.0 * x.Length, OnCpu,
            cuda => StepCuda(cuda, norm, image, original, gradient, stepSizes, epsilon, momentum, x, before), x, before);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), pg = CpuDevice.Pointer(gradient), ps = CpuDevice.Pointer(stepSizes);
            float* px = CpuDevice.Pointer(x), pb = CpuDevice.Pointer(before);
            cpu.For(x.Length / image, (n, _) =>
            {
                nint at = (nint)n * image;
                if (norm == PerturbationNorm.Linf)
                    StepLinf(po + at, pg + at, px + at, pb + at, image, ps[n], epsilon, momentum);
                else
                    StepL2(po + at, pg + at, px + at, pb + at, image, ps[n], epsilon, momentum);
            });
        }
    }

    /// <summary>Copies the images that <paramref name="chosen"/> marks with 1.</summary>
    public static void Copy(int image, DeviceBuffer<int> chosen, DeviceBuffer<float> from, DeviceBuffer<float> to)
    {
        DeviceKernel.Run("attack.copy", to.Length, 0, 8.0 * to.Length, OnCpu, cuda => CopyCuda(cuda, image, chosen, from, to), to);

        void OnCpu(CpuDevice cpu)
        {
            float* pf = CpuDevice.Pointer(from), pt = CpuDevice.Pointer(to);
            int* pc = CpuDevice.Pointer(chosen);
            cpu.For(to.Length / image, (n, _) =>
            {
                if (pc[n] == 1)
                    new ReadOnlySpan<float>(pf + (nint)n * image, image).CopyTo(new Span<float>(pt + (nint)n * image, image));
            });
        }
    }

    private static void StepLinf(float* original, float* gradient, float* x, float* before, int image, float step, float epsilon, float a)
    {
        for (int i = 0; i < image; i++)
        {
            float low = Math.Max(original[i] - epsilon, 0), high = Math.Min(original[i] + epsilon, 1), here = x[i], g = gradient[i];
            float z = Math.Clamp(here + (g > 0 ? step : g < 0 ? -step : 0), low, high);
            x[i] = Math.Clamp(here + (z - here) * a + (here - before[i]) * (1 - a), low, high);
            before[i] = here;
        }
    }

    private static void StepL2(float* original, float* gradient, float* x, float* before, int image, float step, float epsilon, float a)
    {
        double squares = 0;
        for (int i = 0; i < image; i++)
            squares += (double)gradient[i] * gradient[i];
        double along = step / (Math.Sqrt(squares) + 1e-12), first = 0;
        for (int i = 0; i < image; i++)
            first += Square(x[i] + along * gradient[i] - original[i]);
        double back = Shrink(first, epsilon), second = 0;
        // The second projection needs the norm of the whole step before it can write any pixel.
        for (int i = 0; i < image; i++)
            second += Square(Mixed(i) - original[i]);
        double home = Shrink(second, epsilon);
        for (int i = 0; i < image; i++)
        {
            float next = (float)Math.Clamp(original[i] + (Mixed(i) - original[i]) * home, 0, 1);
            (before[i], x[i]) = (x[i], next);
        }

        double Mixed(int i)
        {
            double z = Math.Clamp(original[i] + (x[i] + along * gradient[i] - original[i]) * back, 0, 1);
            return x[i] + (z - x[i]) * a + ((double)x[i] - before[i]) * (1 - a);
        }
    }

    /// <summary>The factor that scales a vector of this squared norm into the ball.</summary>
    private static double Shrink(double squares, double epsilon)
    {
        double length = Math.Sqrt(squares);
        return Math.Min(epsilon, length) / (length + 1e-12);
    }

    private static double Square(double value) => value * value;
}
