using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>Which images a run uses.</summary>
public sealed record DataSettings
{
    /// <summary>Data set, NAME or NAME:PATH (<see cref="DataSource"/>).</summary>
    [Setting("data", $"Images: {SettingTexts.DataForms}.", Form = "SPEC", Section = "Data")]
    public string Source { get; init; } = "sample";

    /// <summary>Training images used; all where null.</summary>
    [Setting("limit-train", "Use only the first N training images.", Min = 1)]
    public int? LimitTrain { get; init; }

    /// <summary>Test images used; all where null.</summary>
    [Setting("limit-test", "Use only the first N test images.", Min = 1)]
    public int? LimitTest { get; init; }

    /// <summary>How the data are read.</summary>
    [SettingGroup]
    public DataOptions Reading { get; init; } = new();

    /// <summary>Training images held out to choose the best checkpoint by; 0 for none; null: a fifth of them, at most 500.</summary>
    [Setting("validation", "Training images held out to choose the best checkpoint by; 0: none. By default a fifth of them, at most 500.",
        Min = 0)]
    public int? Validation { get; init; }

    /// <summary>The test images that are used.</summary>
    public ImageSet TestOf(DataSet data) => LimitTest is { } limit ? data.Test.Take(limit) : data.Test;
}

/// <summary>What is trained, and from where.</summary>
public sealed record ModelSettings
{
    /// <summary>Mean and standard deviation of the input layer: as <see cref="InputNormalization"/> reads it; auto: what the data
    /// say.</summary>
    [Setting("normalize", $"Input normalisation: {SettingTexts.Normalizations}.", Section = "Model")]
    public string Normalize { get; init; } = InputNormalization.Auto;

    /// <summary>Weights to start from: a file of a classifier, or a run's folder for its best checkpoint; null to start anew.</summary>
    [Setting("from",
        "Start from these weights (a run: its best checkpoint), to train all of them or, with method linear, a new last layer.",
        Form = "FILE|RUN")]
    public string? From { get; init; }

    /// <summary>Network.</summary>
    [Setting("model", $"Network: {SettingTexts.Networks}. By default smallcnn for images of 28x28 pixels, resnet20 for others.",
        Follows = true)]
    public string Network { get; init; } = "smallcnn";

    /// <summary>Function after its convolutions and hidden layers.</summary>
    [Setting("activation", $"Function after each layer: {SettingTexts.Activations}; the last three are smooth.")]
    public Activation Activation { get; init; }

    /// <summary>Width of the linear projection head on the latent that ASCL and SupCon contrast; 0 contrasts the latent itself.</summary>
    [Setting("head", "Width of the linear projection that ascl and supcon contrast; 0: contrast the latent itself.", Form = "DIM", Min = 0,
        Max = 65536)]
    public int Head { get; init; } = 128;
}

/// <summary>Where a run is kept, and what is done besides; none of it changes what is computed.</summary>
public sealed record RunOptions
{
    /// <summary>Threads that compute; 0 for one a core. The results do not depend on it.</summary>
    [Setting("threads", SettingTexts.Threads, Min = 0, Max = CpuDevice.MaximumThreads, Incidental = true, Section = "Run")]
    public int Threads { get; init; }

    /// <summary>Steps between two saves of the state inside an epoch; 0 saves at the end of each epoch only.</summary>
    [Setting("save-every", "Steps between two saves of the state inside an epoch; 0: only at its end.", Min = 0, Incidental = true)]
    public int SaveEvery { get; init; } = 50;

    /// <summary>Train a natural twin too: the same network, data, seed and schedule without attacks, for comparison. Where null, only on
    /// the sample.</summary>
    [Setting("twin", "Train a natural twin too, to compare with (by default only on the images built in).", Incidental = true)]
    public bool? Twin { get; init; }

    /// <summary>Write event files that TensorBoard shows.</summary>
    [Setting("tensorboard", "Write event files for TensorBoard into the run's folder tensorboard.", Incidental = true)]
    public bool Tensorboard { get; init; } = true;

    /// <summary>Folder that the run is written to; it must not hold a run yet.</summary>
    [Setting("out", "Folder to write the run to; it must not hold a run yet.", Form = "DIR", Incidental = true)]
    public string? Out { get; init; }

    /// <summary>Folder of an earlier run that is to go on.</summary>
    [Setting("resume", "Go on with the run in this folder, with its own settings; --epochs N goes on to more epochs.", Form = "RUN",
        Incidental = true)]
    public string? Resume { get; init; }
}

/// <summary>
/// Everything that decides what a training run computes, and its defaults. As JSON (a run's config.json, a file given by --config) its keys
/// are the command line's long option names. Pixels lie in [0, 1]; ε and step size are in the same units.
/// </summary>
public sealed partial record RunConfig : ICheckedSettings
{
    /// <summary>Every setting there is, in the order of their declarations.</summary>
    public static IReadOnlyList<Setting> Settings => SettingTree.Of(typeof(RunConfig));

    /// <summary>The images.</summary>
    [SettingGroup]
    public DataSettings Data { get; init; } = new();

    /// <summary>What is trained.</summary>
    [SettingGroup]
    public ModelSettings Model { get; init; } = new();

    /// <summary>The objective.</summary>
    [SettingChoice("method",
        "Objective: natural, pgd-at, trades, adr, ascl, supcon (pre-training without logits) or linear (the layers after the latent on a "
            + "frozen encoder).",
        typeof(ObjectiveCatalog), Section = "Objective")]
    public IObjective Method { get; init; } = new AsclObjective();

    /// <summary>How the images that are trained on are crafted, and what the network is measured by.</summary>
    [SettingGroup]
    public TrainingAttackSettings Attack { get; init; } = new();

    /// <summary>How training proceeds.</summary>
    [SettingGroup]
    public TrainingSettings Training { get; init; } = new();

    /// <summary>Learning rates.</summary>
    [SettingChoice("schedule", "Learning-rate schedule: cosine, or piecewise constant with milestones.", typeof(ScheduleCatalog))]
    public LearningRateSchedule Schedule { get; init; } = new CosineSchedule();

    /// <summary>Updates.</summary>
    [SettingGroup]
    public SgdSettings Optimizer { get; init; } = new();

    /// <summary>Where it is kept.</summary>
    [SettingGroup]
    public RunOptions Run { get; init; } = new();

    /// <summary>Whether the value of a setting changes what this run computes: a method leaves the settings of others alone.</summary>
    public bool Uses(string name) => name switch
    {
        // Validation attacks too, whatever the method.
        "start" or "early-stop" or "bn-mode" or "attack-precision" => Method.Attack is not null,
        "head" => Method.Contrastive is not null,
        "view-pairing" => Training.Views == 2 && Method is AsclObjective,
        "natural-pass" => Method is PgdAtObjective,
        _ => SettingTree.Of(this).Any(setting => setting.Name == name),
    };

    /// <summary>Settings that are valid but probably a mistake, a line each.</summary>
    public IEnumerable<string> Doubts()
    {
        if (Attack.Threat.Doubt is { } doubt)
            yield return doubt;
        if (Method.Attack is not null && PgdSettings.StepProblem(Attack.Epsilon, Attack.StepSize, Attack.Steps) is { } problem)
            yield return $"training attack: {problem}: check --step-size and --attack-steps";
    }

    /// <inheritdoc/>
    public IEnumerable<SettingProblem> Problems()
    {
        InputNormalization.Check(Model.Normalize);
        if (Data.Source.Length == 0)
            yield return new("data", "", "must name a data set");
        if (Model.Network.Length == 0)
            yield return new("model", "", "must name a network");
        if (Training.Views < Method.MinimumViews)
            yield return Method is AsclObjective ascl
                ? new("view-pairing", NameText.Of(ascl.ViewPairing), "needs two views of each image (views 2)")
                : new("views", Training.Views, $"{Method.Name} contrasts two views of each image (views 2)");
        if (Method is LinearObjective && Model.From is null)
            yield return new("from", "not given", "a linear evaluation needs an encoder, such as that of a run of supcon");
        foreach (SettingProblem problem in Schedule.ProblemsFor(Training.Epochs))
            yield return problem;
    }
}
