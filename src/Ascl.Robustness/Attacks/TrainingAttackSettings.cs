using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;

namespace Ascl.Robustness.Attacks;

/// <summary>Where a training attack starts.</summary>
public enum TrainingStart
{
    /// <summary><see cref="Gaussian"/> where the attack maximises KL, as TRADES does, <see cref="Uniform"/> otherwise.</summary>
    Auto,

    /// <summary>Anywhere in the ball.</summary>
    Uniform,

    /// <summary>0.001·N(0, 1) beside the image.</summary>
    Gaussian,

    /// <summary>At the image itself.</summary>
    None,
}

/// <summary>BatchNorm while adversarial images are crafted for training.</summary>
public enum CraftingNorm
{
    /// <summary>Statistics of the batch, which also update the running ones.</summary>
    Train,

    /// <summary>Running statistics.</summary>
    Eval,
}

/// <summary>PGD as it crafts the images that are trained on.</summary>
public sealed record TrainingAttackSettings : ICheckedSettings
{
    /// <summary>Norm of the ball of allowed changes.</summary>
    [Setting("norm", AttackTexts.Norm, Form = "NORM", Section = "Attack while training")]
    public PerturbationNorm Norm { get; init; }

    /// <summary>Radius of that ball; by default <see cref="ThreatModel.DefaultEpsilon"/> of the norm.</summary>
    [Setting("epsilon", AttackTexts.Epsilon + " By default 8/255 in linf and 0.5 in l2.", Form = "E", Min = 0, Follows = true)]
    public double Epsilon
    {
        get => GivenEpsilon ?? ThreatModel.DefaultEpsilon(Norm);
        init => GivenEpsilon = value;
    }

    /// <summary>Length of one step; by default <see cref="PgdSettings.DefaultStepSize"/>.</summary>
    [Setting("step-size", "Attack step size. " + AttackTexts.StepSize, Form = "A", Min = 0, Follows = true)]
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
        "Where it starts: uniform (anywhere within epsilon), gaussian (0.001 N(0, 1) beside the image), none (at the image), or auto: "
            + "gaussian for "
        + "trades, else uniform.")]
    public TrainingStart Start { get; init; }

    /// <summary>Stop the attack on an image once it is misclassified.</summary>
    [Setting("early-stop", "Stop the attack on an image once it is misclassified.")]
    public bool EarlyStop { get; init; }

    /// <summary>BatchNorm while crafting.</summary>
    [Setting("bn-mode", "BatchNorm while crafting: train (batch statistics) or eval (running statistics).", Form = "MODE")]
    public CraftingNorm BnMode { get; init; }

    /// <summary>What the attack's convolutions and matrix products round their factors to; null: as the training step's.</summary>
    [Setting("attack-precision",
        "Precision of the attack, where it differs from that of the update: bf16 with updates in float32 is a sensible mix.")]
    public Precision? AttackPrecision { get; init; }

    private double? GivenEpsilon { get; init; }

    private double? GivenStepSize { get; init; }

    /// <summary>What the network is trained against.</summary>
    public ThreatModel Threat => new(Norm, Epsilon);

    /// <summary>The attack of validation, whatever was trained with: as many steps as in training, but ten where those are fewer than five,
    /// too few to measure robustness.</summary>
    public PgdAttack Validation => PgdAttack.Standard(Threat, Steps < 5 ? 10 : Steps);

    /// <summary>The attacks of the final report, whatever was trained with: FGSM and PGD-20.</summary>
    public IReadOnlyList<PgdAttack> Report => [PgdAttack.Fgsm(Epsilon, Norm), PgdAttack.Standard(Threat, 20)];

    /// <summary>The attack that training images are crafted with.</summary>
    /// <param name="loss">What it maximises.</param>
    /// <param name="isEncoderFrozen">Whether BatchNorm must not see the batch's statistics.</param>
    public PgdAttack Training(AttackLoss loss, bool isEncoderFrozen = false)
    {
        AttackStart start = Start switch
        {
            TrainingStart.None => AttackStart.None,
            TrainingStart.Uniform => AttackStart.Uniform,
            TrainingStart.Gaussian => AttackStart.Normal,
            _ => loss == AttackLoss.KullbackLeibler ? AttackStart.Normal : AttackStart.Uniform,
        };
        ForwardMode mode = BnMode == CraftingNorm.Train && !isEncoderFrozen ? ForwardMode.Train : ForwardMode.Inference;
        return new PgdAttack(new(Epsilon, StepSize, Steps, Norm, start, loss, mode, EarlyStop));
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
