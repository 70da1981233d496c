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

    /// <summary>The caveats about attacks that returned images outside the ball or [0, 1]; NaN is outside.</summary>
    public static IEnumerable<string> Caveats(IEnumerable<AttackReport> attacks) => attacks.Where(attack => attack.Rejected > 0)
        .Select(attack => $"{attack.Name} returned {attack.Rejected}{(attack.Restarts == 1 ? $" of {attack.Attacked}" : "")} images "
            + "outside the ball: they do not count as misclassified, so the accuracy under this attack may be too high (is it right?)");

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
