using Ascl.Core.Random;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;

namespace Ascl.Kernels.Attack;

/// <summary>The norm of the ball around an image that an attack must stay in.</summary>
public enum PerturbationNorm
{
    /// <summary>L∞: every pixel changes by at most ε.</summary>
    Linf,

    /// <summary>L2: the Euclidean norm of an image's change is at most ε.</summary>
    L2,
}

/// <summary>The starting point of an attack.</summary>
public enum AttackStart
{
    /// <summary>The image itself.</summary>
    None,

    /// <summary>A point drawn uniformly from the ball.</summary>
    Uniform,

    /// <summary>The image plus 0.001·N(0, 1), as in TRADES, whose loss has no gradient at the image itself.</summary>
    Normal,

    /// <summary>
    /// A point on the ball's surface in a random direction, as in Auto-PGD: x + ε·u/‖u‖, u uniform for L∞ and normal for L2.
    /// </summary>
    Surface,
}

/// <summary>The parts of projected gradient descent on plain pixels [n, image] in [0, 1], each in one pass over an image.</summary>
public static unsafe partial class AttackKernels
{
    private const float NormalStart = 0.001f;

    /// <summary>
    /// x = the starting point in the ball around <paramref name="original"/>, clipped to [0, 1]. The random numbers of image i are keyed by
    /// <paramref name="ids"/>[i], so that they do not depend on the batch.
    /// </summary>
    public static void Start(
        AttackStart start, PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<int> ids, RandomKey key,
        float epsilon, DeviceBuffer<float> x)
    {
        DeviceKernel.Run("attack.start", x.Length, x.Length, 8.0 * x.Length, OnCpu,
            cuda => StartCuda(cuda, start, norm, image, original, ids, key, epsilon, x), x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), px = CpuDevice.Pointer(x);
            int* pid = CpuDevice.Pointer(ids);
            cpu.For(x.Length / image, (n, _) =>
            {
                RandomKey own = key.For(pid[n]);
                Span<float> to = new(px + (nint)n * image, image);
                if (start == AttackStart.None || epsilon == 0)
                {
                    to.Clear();
                }
                else if (start == AttackStart.Normal)
                {
                    Philox.FillNormal(to, own, NormalStart);
                    double shrink = norm == PerturbationNorm.Linf ? 1 : Math.Min(1, epsilon / Math.Sqrt(SquaredLength(to)));
                    for (int i = 0; i < image; i++)
                        to[i] = Math.Clamp((float)(to[i] * shrink), -epsilon, epsilon);
                }
                else if (norm == PerturbationNorm.Linf)
                {
                    Philox.FillUniform(to, own, -epsilon, epsilon);
                    if (start == AttackStart.Surface)
                        Scale(to, epsilon / Largest(to));
                }
                else if (start == AttackStart.Surface)
                {
                    Philox.FillNormal(to, own, 1);
                    Scale(to, epsilon / Math.Sqrt(SquaredLength(to)));
                }
                else
                {
                    // A normal direction, and a radius r for which r^dimension is uniform.
                    Philox.FillNormal(to, own, 1);
                    double radius = epsilon * Math.Pow(Philox.ToUniform(Philox.Word(own, (uint)image + 4)), 1.0 / image);
                    double length = Math.Sqrt(SquaredLength(to));
                    for (int i = 0; i < image; i++)
                        to[i] *= (float)(radius / length);
                }
                AddClipped(po + (nint)n * image, px + (nint)n * image, image);
            });
        }
    }

    /// <summary>
    /// One step of ascent, projection and clipping, in place. L∞: x ← clip₀₁(clip to original ± ε(x + α·sign g)).
    /// L2: δ ← x + α·g/‖g‖ − original, scaled back to length ε if longer; x ← clip₀₁(original + δ).
    /// A gradient that is zero, or in L2 not finite, leaves the image unchanged; in L∞ a NaN leaves its pixel unchanged.
    /// </summary>
    /// <param name="stopped">[n]: images marked with 1 stay unchanged; null for none.</param>
    public static void PgdStep(
        PerturbationNorm norm, int image, DeviceBuffer<float> original, DeviceBuffer<float> gradient, float epsilon, float stepSize,
        DeviceBuffer<float> x, DeviceBuffer<int>? stopped = null)
    {
        DeviceKernel.Run("attack.pgd_step", x.Length, 6.0 * x.Length, 16.0 * x.Length, OnCpu,
            cuda => PgdStepCuda(cuda, norm, image, original, gradient, epsilon, stepSize, x, stopped), x);

        void OnCpu(CpuDevice cpu)
        {
            float* po = CpuDevice.Pointer(original), pg = CpuDevice.Pointer(gradient), px = CpuDevice.Pointer(x);
            int* pstopped = stopped is null ? null : CpuDevice.Pointer(stopped);
            cpu.For(x.Length / image, (n, _) =>
            {
                if (pstopped is not null && pstopped[n] == 1)
                    return;
                nint at = (nint)n * image;
                if (norm == PerturbationNorm.Linf)
                    StepLinf(po + at, pg + at, px + at, image, epsilon, stepSize);
                else
                    StepL2(po + at, pg + at, px + at, image, epsilon, stepSize);
            });
        }
    }

    private static void StepL2(float* original, float* gradient, float* x, int image, float epsilon, float stepSize)
    {
        double length = Math.Sqrt(SquaredLength(new(gradient, image)));
        // A zero or non-finite gradient has no direction.
        double step = length > 0 && double.IsFinite(length) ? stepSize / length : 0, squares = 0;
        for (int i = 0; i < image; i++)
        {
            double delta = x[i] + Along(i) - original[i];
            squares += delta * delta;
        }
        double back = Math.Min(1, epsilon / Math.Max(Math.Sqrt(squares), 1e-30));
        for (int i = 0; i < image; i++)
            x[i] = (float)Math.Clamp(original[i] + back * (x[i] + Along(i) - original[i]), 0, 1);

        double Along(int i) => step > 0 ? step * gradient[i] : 0;
    }

    private static void Scale(Span<float> values, double factor)
    {
        foreach (ref float value in values)
            value = (float)(value * factor);
    }

    private static double Largest(ReadOnlySpan<float> values)
    {
        float largest = float.Epsilon;
        foreach (float value in values)
            largest = Math.Max(largest, Math.Abs(value));
        return largest;
    }

    private static double SquaredLength(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values)
            sum += (double)value * value;
        return sum;
    }
}
