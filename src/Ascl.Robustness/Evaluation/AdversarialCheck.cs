using Ascl.Kernels.Attack;

namespace Ascl.Robustness.Evaluation;

/// <summary>Whether an image is what an attack may return.</summary>
public static class AdversarialCheck
{
    /// <summary>Rounding of x + δ to float may exceed ε by this much.</summary>
    public const double BallSlack = 1e-6;

    /// <summary>Within ε of the original, and in [0, 1]; a NaN is neither.</summary>
    public static bool IsWithin(ReadOnlySpan<float> original, ReadOnlySpan<float> changed, PerturbationNorm norm, double epsilon) =>
        Size(original, changed, norm) <= epsilon + BallSlack;

    /// <summary>The length of the change; infinite for an image that is not in [0, 1].</summary>
    public static double Size(ReadOnlySpan<float> original, ReadOnlySpan<float> changed, PerturbationNorm norm)
    {
        double squares = 0, largest = 0;
        for (int i = 0; i < original.Length; i++)
        {
            if (!(changed[i] >= 0 && changed[i] <= 1))
                return double.PositiveInfinity;
            double change = Math.Abs((double)changed[i] - original[i]);
            largest = Math.Max(largest, change);
            squares += change * change;
        }
        return norm == PerturbationNorm.Linf ? largest : Math.Sqrt(squares);
    }
}
