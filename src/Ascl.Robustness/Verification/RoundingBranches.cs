using Ascl.Core.Files;
using Ascl.Core.Random;

namespace Ascl.Robustness.Verification;

/// <summary>
/// Perturbs inputs by rounding errors. Sign steps and ReLUs branch: where a gradient or activation is zero to within rounding, two correct
/// float32 computations may take different branches, and attacks or gradients then diverge visibly. The golden value, computed in double,
/// is one of the branches; ours agrees if one of the branches within rounding matches it to the ordinary tolerance. A wrong formula has no
/// such branch.
/// </summary>
internal static class RoundingBranches
{
    /// <summary>Number of branches tried; the first is the unperturbed input.</summary>
    public const int Count = 128;

    /// <summary>After this many branches, the search continues only if some of the remaining errors look like rounding.</summary>
    public const int First = 8;

    /// <summary>Errors beyond this multiple of the tolerance indicate a different formula, not another branch.</summary>
    private const double FarOff = 1000;

    /// <summary>Maximum perturbations of a pixel, used alternately: the float32 rounding error of the input, and that accumulated through a
    /// network.</summary>
    private static readonly float[] Roundings = [1e-7f, 1e-6f];

    /// <summary>The first branch on which everything passes; otherwise the one with the fewest failures, and among these with the smallest
    /// errors.</summary>
    public static Comparison Nearest(SafetensorsFile file, int branches, Action<int, Comparison> verify)
    {
        Comparison? best = null;
        for (int branch = 0; branch < branches && best?.AllPassed != true; branch++)
        {
            if (branch >= First && best!.Excesses.All(excess => excess > FarOff))
                break;
            Comparison checks = new(file);
            verify(branch, checks);
            if (best is null || Rank(checks).CompareTo(Rank(best)) < 0)
                best = checks;
        }
        return best!;

        static (int, double) Rank(Comparison checks) => (checks.Excesses.Count(), checks.Excesses.DefaultIfEmpty().Max());
    }

    /// <summary><paramref name="values"/> in [0, 1] perturbed for branch number <paramref name="branch"/>.</summary>
    public static float[] Input(float[] values, int branch)
    {
        float[] moved = new float[values.Length];
        if (branch > 0)
            Philox.FillUniform(moved, new RandomKey(0, RandomPurpose.Test, (uint)branch), -Roundings[branch % 2], Roundings[branch % 2]);
        for (int i = 0; i < values.Length; i++)
            moved[i] = Math.Clamp(values[i] + moved[i], 0, 1);
        return moved;
    }
}
