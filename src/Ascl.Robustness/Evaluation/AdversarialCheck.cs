using Ascl.Kernels.Attack;

namespace Ascl.Robustness.Evaluation;

/// <summary>Checks that images returned by an attack are within the threat model.</summary>
public static class AdversarialCheck
{
    /// <summary>Tolerance on ε for the rounding of x + δ to float.</summary>
    public const double BallSlack = 1e-6;

    /// <summary>Whether an image is within ε of the original and in [0, 1]; false for NaN.</summary>
    public static bool IsWithin(ReadOnlySpan<float> original, ReadOnlySpan<float> changed, PerturbationNorm norm, double epsilon) =>
        Size(original, changed, norm) <= epsilon + BallSlack;

    /// <summary>The norm of the perturbation; infinite if the image is not in [0, 1].</summary>
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
