using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Models.Weights;

namespace Ascl.Robustness.Attacks;

/// <summary>What an attacker may do to an image: change it by at most ε in a norm.</summary>
/// <param name="Norm">What ε measures.</param>
/// <param name="Epsilon">Of pixels in [0, 1].</param>
public sealed record ThreatModel(PerturbationNorm Norm, double Epsilon)
{
    /// <summary>The ε of RobustBench's CIFAR-10 leaderboards: 8/255 in L∞, 0.5 in L2.</summary>
    public static double DefaultEpsilon(PerturbationNorm norm) => norm == PerturbationNorm.Linf ? 8 / 255.0 : 0.5;

    private const double SmallInL2 = 16 / 255.0;

    /// <summary>What weights were trained against, as far as their provenance says; null where it does not.</summary>
    public static ThreatModel? Of(Provenance? provenance) => provenance is null ? null : new(NameText.Parse<PerturbationNorm>("norm", provenance.Norm), provenance.Epsilon);

    /// <summary>The usual ball of a norm.</summary>
    public static ThreatModel Of(PerturbationNorm norm) => new(norm, DefaultEpsilon(norm));

    /// <summary>What is given; else what a network was trained against; else the usual. An ε belongs to its norm: another norm alone does
    /// not keep the number.</summary>
    /// <param name="norm">Null where it is not given.</param>
    /// <param name="epsilon">Null where it is not given.</param>
    /// <param name="trained">Null where it is not known.</param>
    /// <exception cref="UserErrorException">ε is none.</exception>
    public static ThreatModel Of(PerturbationNorm? norm, double? epsilon, ThreatModel? trained)
    {
        PerturbationNorm chosen = norm ?? trained?.Norm ?? PerturbationNorm.Linf;
        return new ThreatModel(chosen, epsilon ?? (chosen == trained?.Norm ? trained.Epsilon : DefaultEpsilon(chosen))).Checked();
    }

    /// <summary>What is odd about ε; null where nothing is: L2 balls of a few grey levels are hardly more than the image itself.</summary>
    public string? Doubt =>
        Epsilon == 0
            ? "epsilon is 0: no attack can change an image, so robust accuracy is clean accuracy"
            : Norm == PerturbationNorm.L2 && Epsilon is > 0 and <= SmallInL2
        ? string.Create(CultureInfo.InvariantCulture,
            $"epsilon {Epsilon:g3} is very small in l2, where 0.5 is usual for CIFAR-10: is linf meant?")
        : null;

    /// <exception cref="UserErrorException">ε is more than the largest distance between two images: an attack without bounds, whose steps
    /// would be meaningless.</exception>
    public void CheckFits(ImageSet images)
    {
        double largest = Norm == PerturbationNorm.L2 ? Math.Sqrt(images.ImageLength) : 1;
        if (Epsilon > largest)
            throw new UserErrorException(string.Create(CultureInfo.InvariantCulture,
                $"epsilon is {Epsilon} in {NameText.Of(Norm)}: no two images of "
                    + $"{images.Channels}x{images.Height}x{images.Width} pixels in [0, 1] are more than {largest:F1} apart (is "
                    + $"{Epsilon}/255 meant?)"));
    }

    /// <exception cref="UserErrorException">ε is not a number of 0 or more, or more than 1 where it bounds single pixels.</exception>
    public ThreatModel Checked()
    {
        AttackChecks.NotNegative("epsilon", Epsilon);
        return Norm != PerturbationNorm.Linf || Epsilon <= 1 ? this : throw new UserErrorException(
            string.Create(CultureInfo.InvariantCulture,
                $"epsilon is {Epsilon}: must be at most 1, as pixels lie in [0, 1] (8 of 255 grey levels are 8/255)"));
    }
}

/// <summary>Checks of attacks' settings, where they are made.</summary>
internal static class AttackChecks
{
    /// <returns>The value.</returns>
    /// <exception cref="UserErrorException">It is negative, infinite or NaN.</exception>
    public static double NotNegative(string name, double value) => float.IsFinite((float)value) && value >= 0
        ? value
        : throw new UserErrorException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}: must be a number of at least 0"));

    /// <returns>The value.</returns>
    /// <exception cref="UserErrorException">It is less than <paramref name="least"/>.</exception>
    public static int AtLeast(string name, int value, int least) =>
        value >= least ? value : throw new UserErrorException($"{name} is {value}: must be at least {least}");
}
