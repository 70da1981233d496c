using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Attacks;

/// <summary>The threat model: perturbations of at most ε in a norm.</summary>
/// <param name="Norm">Norm of the perturbation.</param>
/// <param name="Epsilon">Maximum perturbation, for pixels in [0, 1].</param>
public sealed record ThreatModel(PerturbationNorm Norm, double Epsilon)
{
    /// <summary>Maximum perturbation, for pixels in [0, 1]; not negative.</summary>
    /// <exception cref="UserErrorException">It is negative or not finite.</exception>
    public double Epsilon { get; init => field = AttackChecks.NotNegative("epsilon", value); }
        = AttackChecks.NotNegative("epsilon", Epsilon);

    /// <summary>The ε of RobustBench's CIFAR-10 leaderboards: 8/255 in L∞, 0.5 in L2.</summary>
    public static double DefaultEpsilon(PerturbationNorm norm) => norm == PerturbationNorm.Linf ? 8 / 255.0 : 0.5;

    private const double SmallInL2 = 16 / 255.0;

    /// <summary>The threat model that weights were trained against, from their provenance; null if unknown.</summary>
    public static ThreatModel? Of(Provenance? provenance) =>
        provenance is null ? null : new(NameText.Parse<PerturbationNorm>("norm", provenance.Norm), provenance.Epsilon);

    /// <summary>The default threat model of a norm.</summary>
    public static ThreatModel Of(PerturbationNorm norm) => new(norm, DefaultEpsilon(norm));

    /// <summary>The given norm and ε; where not given, those the network was trained against, else the defaults. The ε of training applies
    /// only in the norm of training.</summary>
    /// <param name="norm">Null if not given.</param>
    /// <param name="epsilon">Null if not given.</param>
    /// <param name="trained">Threat model of training; null if unknown.</param>
    /// <exception cref="UserErrorException">ε is not valid.</exception>
    public static ThreatModel Of(PerturbationNorm? norm, double? epsilon, ThreatModel? trained)
    {
        PerturbationNorm chosen = norm ?? trained?.Norm ?? PerturbationNorm.Linf;
        return new ThreatModel(chosen, epsilon ?? (chosen == trained?.Norm ? trained.Epsilon : DefaultEpsilon(chosen))).Checked();
    }

    /// <summary>Why ε is suspicious: it is 0, or so small in L2 that L∞ was probably meant. Null if it is not.</summary>
    public string? Caveat =>
        Epsilon == 0
            ? "epsilon is 0: no attack can change an image, so robust accuracy is clean accuracy"
        : Norm == PerturbationNorm.L2 && Epsilon is > 0 and <= SmallInL2
            ? string.Create(CultureInfo.InvariantCulture,
            $"epsilon {Epsilon:g3} is very small in l2, where 0.5 is usual for CIFAR-10: did you mean linf?")
        : null;

    /// <summary>Checks ε against the size of the images.</summary>
    /// <exception cref="UserErrorException">ε exceeds the largest possible distance between two images.</exception>
    public void CheckFits(ImageSet images)
    {
        double largest = Norm == PerturbationNorm.L2 ? Math.Sqrt(images.ImageLength) : 1;
        if (Epsilon > largest)
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture,
                $"epsilon is {Epsilon} in {NameText.Of(Norm)}: no two images of {images.Channels}x{images.Height}x{images.Width} pixels in "
                    + $"[0, 1] are more than {largest:F1} apart (is {Epsilon}/255 meant?)"));
    }

    /// <summary>Checks that given attacks can be evaluated under this threat model.</summary>
    /// <param name="epsilons">Other ε that the attacks would have to be repeated for.</param>
    /// <exception cref="UserErrorException">There are none, one has another norm or ε or a setting out of range, or other ε are asked
    /// for.</exception>
    internal void CheckAttacks(IReadOnlyList<PlannedAttack> attacks, IReadOnlyList<double> epsilons)
    {
        if (attacks.Count == 0)
            throw new UserErrorException("attacks is empty: at least one is needed");
        if (epsilons.Count > 0)
            throw new UserErrorException("epsilons: only attacks that are named in the settings can be repeated for other ε");
        foreach (IAttack attack in attacks.Select(planned => planned.Attack.Checked()))
            if ((attack.Norm, attack.Epsilon) != (Norm, Epsilon))
            {
                throw new UserErrorException($"attack {attack.Name} is of {NameText.Of(attack.Norm)} {NumberText.Of(attack.Epsilon)}, the "
                    + $"evaluation of {NameText.Of(Norm)} {NumberText.Of(Epsilon)}: set norm and epsilon to those of the attack");
            }
    }

    /// <summary>The threat model itself, if ε is valid.</summary>
    /// <exception cref="UserErrorException">ε is more than 1 in L∞.</exception>
    public ThreatModel Checked() => Norm != PerturbationNorm.Linf || Epsilon <= 1 ? this : throw new UserErrorException(
        string.Create(CultureInfo.InvariantCulture,
            $"epsilon is {Epsilon}: must be at most 1, as pixels lie in [0, 1] (8 of 255 grey levels are 8/255)"));
}

/// <summary>Range checks of attack settings.</summary>
internal static class AttackChecks
{
    /// <summary>Checks that a value is a finite number of at least 0.</summary>
    /// <returns>The value.</returns>
    /// <exception cref="UserErrorException">It is negative, infinite or NaN.</exception>
    public static double NotNegative(string name, double value) => float.IsFinite((float)value) && value >= 0
        ? value
        : throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}: must be a number of at least 0"));

    /// <summary>Checks that a value is at least <paramref name="least"/>.</summary>
    /// <returns>The value.</returns>
    /// <exception cref="UserErrorException">It is less than <paramref name="least"/>.</exception>
    public static int AtLeast(string name, int value, int least) =>
        value >= least ? value : throw new UserErrorException($"{name} is {value}: must be at least {least}");
}
