using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ascl.Kernels.Attack;

public static unsafe partial class AttackKernels
{
    /// <summary>Eight pixels per vector on every machine: the step is memory-bound.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void StepLinf(float* original, float* gradient, float* x, int image, float epsilon, float stepSize)
    {
        Vector256<float> ball = Vector256.Create(epsilon), step = Vector256.Create(stepSize), one = Vector256<float>.One;
        Vector256<float> zero = Vector256<float>.Zero;
        int i = 0;
        for (; i + 8 <= image; i += 8)
        {
            Vector256<float> o = Vector256.Load(original + i), g = Vector256.Load(gradient + i), p = Vector256.Load(x + i);
            p += (Vector256.GreaterThan(g, zero) & step) - (Vector256.LessThan(g, zero) & step);
            p = Vector256.Min(Vector256.Max(p, o - ball), o + ball);
            Vector256.Store(Vector256.Min(Vector256.Max(p, zero), one), x + i);
        }
        for (; i < image; i++)
        {
            float o = original[i], g = gradient[i], p = x[i] + ((g > 0 ? stepSize : 0) - (g < 0 ? stepSize : 0));
            x[i] = Math.Clamp(Math.Clamp(p, o - epsilon, o + epsilon), 0, 1);
        }
    }

    /// <summary>x ← clip₀₁(original + x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddClipped(float* original, float* x, int image)
    {
        int i = 0;
        for (; i + 8 <= image; i += 8)
            Vector256.Store(
                Vector256.Min(Vector256.Max(Vector256.Load(original + i) + Vector256.Load(x + i), Vector256<float>.Zero),
                    Vector256<float>.One), x + i);
        for (; i < image; i++)
            x[i] = Math.Clamp(original[i] + x[i], 0, 1);
    }
}
