using Ascl.Core.Random;
using Ascl.Kernels.Elementwise;
using Ascl.Kernels.Simd;

namespace Ascl.Kernels.Attack;

/// <summary>
/// Normal random numbers on a GPU in single precision, within 1e-5 of <see cref="Philox.ToNormal"/>. (Random words and uniform numbers have
/// the same bits on every device.)
/// </summary>
internal static class NormalNumbers
{
    private const float Unit = 1f / (1 << 24);

    /// <summary>Two independent standard normal numbers from two words (Box–Muller).</summary>
    public static (float, float) ToNormal(uint a, uint b)
    {
        // The uniform number is u = 1 − rest. The GPU's logarithm has an absolute error near 2⁻²², too large for the small logarithms near
        // u = 1.
        int steps = (int)(a >> 8);
        float rest = ((1 << 24) - 1 - steps) * Unit;
        float log = rest <= 0.5f ? Logarithm.OnePlus(new F1(-rest)).Value : MathF.Log((steps + 1) * Unit);
        // Arithmetic shift: an angle in [−π, π), the range in which the GPU's sine is accurate.
        float radius = MathF.Sqrt(-2 * log), angle = ((int)b >> 8) * (2 * MathF.PI * Unit);
        return (radius * MathF.Cos(angle), radius * MathF.Sin(angle));
    }
}
