using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Where a training attack starts.</summary>
public enum TrainingStart
{
    /// <summary>As the objective's authors do (<see cref="CraftingDefaults"/>).</summary>
    Auto,

    /// <summary>Anywhere in the ball.</summary>
    Uniform,

    /// <summary>The image plus 0.001·N(0, 1).</summary>
    Gaussian,

    /// <summary>The image itself.</summary>
    None,
}

/// <summary>BatchNorm mode while crafting adversarial training images.</summary>
public enum CraftingNorm
{
    /// <summary>As the objective's authors do (<see cref="CraftingDefaults"/>).</summary>
    Auto,

    /// <summary>Statistics of the batch, which also update the running ones.</summary>
    Train,

    /// <summary>Running statistics.</summary>
    Eval,
}

/// <summary>What the settings of a training attack mean by auto.</summary>
/// <param name="Start">Where the attack starts; not <see cref="TrainingStart.Auto"/>.</param>
/// <param name="BnMode">BatchNorm while crafting; not <see cref="CraftingNorm.Auto"/>.</param>
public readonly record struct CraftingDefaults(TrainingStart Start, CraftingNorm BnMode)
{
    /// <summary>For the loss that an attack maximises: gaussian where it is KL, as in TRADES, else uniform; BatchNorm as in
    /// training.</summary>
    public static CraftingDefaults Of(AttackLoss? loss) =>
        new(loss == AttackLoss.KullbackLeibler ? TrainingStart.Gaussian : TrainingStart.Uniform, CraftingNorm.Train);
}

/// <summary>Settings of the PGD attack that crafts adversarial training images.</summary>
public sealed record TrainingAttackSettings : ICheckedSettings
{
    /// <summary>Norm of the perturbation ball.</summary>
    [Setting("norm", AttackTexts.Norm, Form = "NORM", Section = "Attack while training")]
    public PerturbationNorm Norm { get; init; }

    /// <summary>Radius of the ball; by default <see cref="ThreatModel.DefaultEpsilon"/> of the norm.</summary>
    [Setting("epsilon", AttackTexts.Epsilon + " By default 8/255 in linf and 0.5 in l2.", Form = "E", Min = 0, HasDerivedDefault = true)]
    public double Epsilon
    {
        get => GivenEpsilon ?? ThreatModel.DefaultEpsilon(Norm);
        init => GivenEpsilon = value;
    }

    /// <summary>Length of one step; by default <see cref="PgdSettings.DefaultStepSize"/>.</summary>
    [Setting("step-size", "Attack step size. " + AttackTexts.StepSize, Form = "A", Min = 0, HasDerivedDefault = true)]
    public double StepSize
    {
        get => GivenStepSize ?? PgdSettings.DefaultStepSize(Epsilon, Steps);
        init => GivenStepSize = value;
    }

    /// <summary>Steps of the attack.</summary>
    [Setting("attack-steps", "Steps of the attack.", Min = 1)]
    public int Steps { get; init; } = 10;

    /// <summary>Where the attack starts.</summary>
    [Setting("start",
        "Start of the attack: uniform (anywhere within epsilon), gaussian (the image plus 0.001 N(0, 1)), none (the image itself), or "
            + "auto: gaussian for trades, mart, score, hat and ikl, else uniform.")]
    public TrainingStart Start { get; init; }

    /// <summary>Radius of a uniform start, in units of ε.</summary>
    [Setting("start-radius", "Radius of a uniform start, in units of epsilon (N-FGSM: 2).", Form = "K", Min = 0)]
    public double StartRadius { get; init; } = 1;

    /// <summary>Whether each step is projected onto the ball.</summary>
    [Setting("project",
        "Project each step onto the ball. N-FGSM does not: then training images may leave the ball; validation and evaluation never do.")]
    public bool Projects { get; init; } = true;

    /// <summary>Stop the attack on an image once it is misclassified.</summary>
    [Setting("early-stop", "Stop the attack on an image once it is misclassified.")]
    public bool EarlyStop { get; init; }

    /// <summary>BatchNorm while crafting.</summary>
    [Setting("bn-mode",
        "BatchNorm while crafting: train (batch statistics), eval (running statistics), or auto: eval for mart, score, "
            + "hat and ikl, else train.",
        Form = "MODE")]
    public CraftingNorm BnMode { get; init; }

    /// <summary>Precision of the attack's convolutions and matrix products; null: that of the training step.</summary>
    [Setting("attack-precision",
        "Precision of the attack if it differs from that of the update; bf16 with float32 updates is a sensible mix.")]
    public Precision? AttackPrecision { get; init; }

    private double? GivenEpsilon { get; init; }

    private double? GivenStepSize { get; init; }

    /// <summary>The threat model of training.</summary>
    public ThreatModel Threat => new(Norm, Epsilon);

    /// <summary>The standard PGD attack for validation: as many steps as in training, or 10 if those are fewer than 5, too few to measure
    /// robustness.</summary>
    public PgdAttack Validation => PgdAttack.Standard(Threat, Steps < 5 ? 10 : Steps);

    /// <summary>The same with at least ten projected steps of the default size, where single steps no longer serve.</summary>
    public TrainingAttackSettings Fallback => this with
    {
        Steps = Math.Max(Steps, 10),
        GivenStepSize = null,
        Start = TrainingStart.Auto,
        StartRadius = 1,
        Projects = true,
    };

    /// <summary>The attacks of the final report: FGSM and PGD-20, independent of the training attack.</summary>
    public IReadOnlyList<PgdAttack> Report => [PgdAttack.Fgsm(Epsilon, Norm), PgdAttack.Standard(Threat, 20)];

    /// <summary>The attack that crafts adversarial training images.</summary>
    /// <param name="loss">The loss it maximises.</param>
    /// <param name="isEncoderFrozen">Whether the encoder is frozen, so that BatchNorm must use running statistics.</param>
    /// <param name="defaults">What auto means; null for <see cref="CraftingDefaults.Of"/> the loss.</param>
    public PgdAttack Training(AttackLoss loss, bool isEncoderFrozen = false, CraftingDefaults? defaults = null)
    {
        CraftingDefaults auto = defaults ?? CraftingDefaults.Of(loss);
        AttackStart start = (Start == TrainingStart.Auto ? auto.Start : Start) switch
        {
            TrainingStart.None => AttackStart.None,
            TrainingStart.Gaussian => AttackStart.Normal,
            _ => AttackStart.Uniform,
        };
        CraftingNorm norm = BnMode == CraftingNorm.Auto ? auto.BnMode : BnMode;
        ForwardMode mode = norm == CraftingNorm.Eval || isEncoderFrozen ? ForwardMode.Inference : ForwardMode.Train;
        return new PgdAttack(new(Epsilon, StepSize, Steps, Norm, start, loss, mode, EarlyStop, StartRadius, Projects));
    }

    /// <inheritdoc/>
    public IEnumerable<SettingProblem> Problems()
    {
        if (Epsilon > 0 && !(StepSize > 0))
            yield return new("step-size", StepSize, "must be more than 0");
        if (Norm == PerturbationNorm.Linf && Epsilon > 1)
            yield return new("epsilon", Epsilon, "must be at most 1, as pixels lie in [0, 1] (8 of 255 grey levels are 8/255)");
    }
}
