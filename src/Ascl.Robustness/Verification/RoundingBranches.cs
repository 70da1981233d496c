using Ascl.Core.Files;
using Ascl.Core.Random;

namespace Ascl.Robustness.Verification;

/// <summary>
/// Inputs moved by no more than rounding. Sign steps and ReLUs branch: where a gradient or an activation is zero to within rounding, two
/// correct float32 computations take different branches, and an attack or a batch's gradients then part visibly. A golden value, computed
/// in double, is one of the branches; ours agrees with it if one of the branches that rounding allows does, to the ordinary tolerance. A
/// wrong formula has no such branch.
/// </summary>
internal static class RoundingBranches
{
    /// <summary>Branches tried, the unmoved input first.</summary>
    public const int Count = 128;

    /// <summary>After so many branches a search goes on only if some of what is left looks like rounding.</summary>
    public const int First = 8;

    /// <summary>Errors beyond this multiple of what is allowed are of another formula, not of another branch.</summary>
    private const double FarOff = 1000;

    /// <summary>The most that a pixel in [0, 1] is moved, in turn: what float32 loses at the input, and what it loses on the way through a
    /// network.</summary>
    private static readonly float[] Roundings = [1e-7f, 1e-6f];

    /// <summary>The first branch on which everything passes, else one on which the fewest do not, and of these the one with the smallest
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

    /// <summary><paramref name="values"/> in [0, 1] as branch number <paramref name="branch"/> sees them.</summary>
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
