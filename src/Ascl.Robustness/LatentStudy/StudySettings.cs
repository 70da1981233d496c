using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.LatentStudy;

/// <summary>How <see cref="ClassifierStudy"/> attacks, and how many images it uses.</summary>
public sealed record StudySettings
{
    /// <summary>Test images used, from the first.</summary>
    [Setting("limit", "Use only the first N test images.", Min = 1)]
    public int Limit { get; init; } = 1000;

    /// <summary>Norm that bounds the perturbation; null: the one the weights were trained with.</summary>
    [Setting("norm", AttackTexts.Norm + " Default: the norm of each run; linf for others.", Form = "NORM")]
    public PerturbationNorm? Norm { get; init; }

    /// <summary>Largest perturbation; null: the one the weights were trained with.</summary>
    [Setting("epsilon", AttackTexts.Epsilon + " Default: the epsilon of each run; that of the norm for others.", Form = "E", Min = 0)]
    public double? Epsilon { get; init; }

    /// <summary>Steps of PGD, of <see cref="PgdSettings.DefaultStepSize"/> each.</summary>
    [Setting("steps", "Number of PGD steps. The step size is 2.5 epsilon/N, at least epsilon/4 and at most epsilon.", Min = 1)]
    public int Steps { get; init; } = 20;

    /// <summary>Seed of the attack's random starts.</summary>
    [Setting("seed", "Random seed.")]
    public ulong Seed { get; init; } = 1;
}
