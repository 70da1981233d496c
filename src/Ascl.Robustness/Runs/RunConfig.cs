using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Runs;

/// <summary>The data settings of a run.</summary>
public sealed record DataSettings
{
    /// <summary>Data set, NAME or NAME:PATH (<see cref="DataSource"/>).</summary>
    [Setting("data", $"Images: {SettingTexts.DataForms}.", Form = "SPEC", Section = "Data")]
    public string Source { get; init; } = "sample";

    /// <summary>Number of training images used; null for all.</summary>
    [Setting("limit-train", "Use only the first N training images.", Min = 1)]
    public int? LimitTrain { get; init; }

    /// <summary>Number of test images used; null for all.</summary>
    [Setting("limit-test", "Use only the first N test images.", Min = 1)]
    public int? LimitTest { get; init; }

    /// <summary>Second data set that a share of each batch is drawn from, NAME or NAME:PATH; null for none.</summary>
    [Setting("extra-data",
        "Second data set, such as generated images: its training part gives a share of each batch. An epoch stays one pass over the images "
            + "of --data; resize and crop go for both.",
        Form = "SPEC")]
    public string? Extra { get; init; }

    /// <summary>Share of each batch that is of <see cref="Extra"/>.</summary>
    [Setting("extra-share", "Share of each batch that is drawn from --extra-data.", Form = "SHARE", Above = 0, Below = 1)]
    public double ExtraShare { get; init; } = 0.7;

    /// <summary>The network whose predictions label <see cref="Extra"/>: a weight file, or a run's folder for its best checkpoint; null:
    /// the images' own labels.</summary>
    [Setting("extra-labels",
        "Label the images of --extra-data by a network's predictions, made once before training: a file, or a run for its best checkpoint. "
            + "By default they have labels of their own.",
        Form = "FILE|RUN")]
    public string? ExtraLabels { get; init; }

    /// <summary>How the data set is read.</summary>
    [SettingGroup]
    public DataOptions Reading { get; init; } = new();

    /// <summary>Training images held out to select the best checkpoint; 0 for none; null: a fifth of them, at most 500.</summary>
    [Setting("validation", "Training images held out to select the best checkpoint; 0: none. By default a fifth of them, at most 500.",
        Min = 0)]
    public int? Validation { get; init; }

    /// <summary>The test images used.</summary>
    public ImageSet TestOf(DataSet data) => LimitTest is { } limit ? data.Test.Take(limit) : data.Test;
}

/// <summary>The model settings of a run.</summary>
public sealed record ModelSettings
{
    /// <summary>Mean and standard deviation of the input normalisation, in a form that <see cref="InputNormalization"/> reads; auto: those
    /// of the data set.</summary>
    [Setting("normalize", $"Input normalisation: {SettingTexts.Normalizations}.", Section = "Model")]
    public string Normalize { get; init; } = InputNormalization.Auto;

    /// <summary>Initial weights: a weight file, or a run's folder for its best checkpoint; null: random.</summary>
    [Setting("from",
        "Initial weights: a file, or a run for its best checkpoint. All of them are trained, or with method linear only a new last layer.",
        Form = "FILE|RUN")]
    public string? From { get; init; }

    /// <summary>The naturally trained network whose predictions <see cref="HatObjective"/> learns: a weight file, or a run's folder for its
    /// best checkpoint.</summary>
    [Setting("natural", "The naturally trained network whose predictions hat learns: a file, or a run for its best checkpoint.",
        Form = "FILE|RUN")]
    public string? Natural { get; init; }

    /// <summary>Name of the network.</summary>
    [Setting("model", $"Network: {SettingTexts.Networks}. By default smallcnn for images of 28x28 pixels, resnet20 for others.",
        HasDerivedDefault = true)]
    public string Network { get; init; } = "smallcnn";

    /// <summary>Activation function.</summary>
    [Setting("activation",
        $"Activation function: {SettingTexts.Activations}; all but relu are smooth. By default silu for networks named -swish at the "
            + "end, relu for others.",
        HasDerivedDefault = true)]
    public Activation Activation
    {
        get => GivenActivation ?? NetworkCatalog.ActivationOf(Network);
        init => GivenActivation = value;
    }

    /// <summary>Width of the linear projection head for the contrastive loss of ASCL and SupCon; 0 contrasts the latent itself.</summary>
    [Setting("head", "Width of the linear projection head for the contrastive loss of ascl and supcon; 0: contrast the latent itself.",
        Form = "DIM", Min = 0, Max = 65536)]
    public int Head { get; init; } = 128;

    private Activation? GivenActivation { get; init; }
}

/// <summary>Options of a run that do not affect its results.</summary>
public sealed record RunOptions
{
    /// <summary>Number of threads; 0 for one per core. The results do not depend on it.</summary>
    [Setting("threads", SettingTexts.Threads, Min = 0, Max = CpuDevice.MaximumThreads, Incidental = true, Section = "Run")]
    public int Threads { get; init; }

    /// <summary>Steps between two saves of the state inside an epoch; 0 saves at the end of each epoch only.</summary>
    [Setting("save-every", "Steps between two saves of the state inside an epoch; 0: only at its end.", Min = 0, Incidental = true)]
    public int SaveEvery { get; init; } = 50;

    /// <summary>Whether to train a natural twin for comparison: the same network, data, seed and schedule without attacks. Null: only on
    /// the built-in sample.</summary>
    [Setting("twin", "Also train a natural twin for comparison: the same without attacks (by default only on the built-in sample).",
        Incidental = true)]
    public bool? Twin { get; init; }

    /// <summary>Whether to write event files for TensorBoard.</summary>
    [Setting("tensorboard", "Write event files for TensorBoard into the run's folder tensorboard.", Incidental = true)]
    public bool Tensorboard { get; init; } = true;

    /// <summary>Folder to write the run to; it must not hold a run yet.</summary>
    [Setting("out", "Folder to write the run to; it must not hold a run yet.", Form = "DIR", Incidental = true)]
    public string? Out { get; init; }

    /// <summary>Folder of a run to resume.</summary>
    [Setting("resume", "Resume the run in this folder with its own settings; a larger number of epochs extends it.", Form = "RUN",
        Incidental = true)]
    public string? Resume { get; init; }
}

/// <summary>
/// The complete configuration of a training run, with its defaults. In JSON (config.json of a run, configuration files) the keys are the
/// setting names, which are also the command line's option names. Pixels lie in [0, 1]; ε and step size are in the same units.
/// </summary>
public sealed partial record RunConfig : ICheckedSettings
{
    /// <summary>All settings, in the order of declaration.</summary>
    public static IReadOnlyList<Setting> Settings => SettingTree.Of(typeof(RunConfig));

    /// <summary>The data settings.</summary>
    [SettingGroup]
    public DataSettings Data { get; init; } = new();

    /// <summary>The model settings.</summary>
    [SettingGroup]
    public ModelSettings Model { get; init; } = new();

    /// <summary>The objective.</summary>
    [SettingChoice("method",
        "Objective: natural, pgd-at, trades, mart, score, hat, ikl, fgsm-mep, adr, ascl, supcon (pre-training without logits) or "
            + "linear (the layers after the latent on a frozen encoder).",
        typeof(ObjectiveCatalog), Section = "Objective")]
    public IObjective Method { get; init; } = new AsclObjective();

    /// <summary>The training attack, whose threat model is also used for validation and reports.</summary>
    [SettingGroup]
    public TrainingAttackSettings Attack { get; init; } = new();

    /// <summary>The training settings.</summary>
    [SettingGroup]
    public TrainingSettings Training { get; init; } = new();

    /// <summary>The learning-rate schedule.</summary>
    [SettingChoice("schedule",
        "Learning-rate schedule: cosine, triangular (up from 0 and back), or piecewise constant with milestones.",
        typeof(ScheduleCatalog))]
    public LearningRateSchedule Schedule { get; init; } = new CosineSchedule();

    /// <summary>The optimiser settings.</summary>
    [SettingGroup]
    public SgdSettings Optimizer { get; init; } = new();

    /// <summary>Options that do not affect the results.</summary>
    [SettingGroup]
    public RunOptions Run { get; init; } = new();

    /// <summary>Whether a setting affects the results of this run; each method ignores the settings of others.</summary>
    public bool Uses(string name) => name switch
    {
        // The other attack settings are also used by validation, for every method.
        "bn-mode" or "attack-precision" => Method.Attack is not null,
        "start" or "start-radius" or "project" or "early-stop" => Method is { Attack: not null, Memory: null },
        "on-overfitting" => Method is { Attack: not null, Trains: TrainedLayers.All, TrainsLogits: true },
        "head" => Method.Contrastive is not null,
        "view-pairing" => Training.Views == 2 && Method is AsclObjective,
        "sync-bn" => Training.Shards > 1,
        "natural" => Method.HelperReach is not null,
        "extra-share" or "extra-labels" => Data.Extra is not null,
        "natural-pass" => Method is PgdAtObjective,
        _ => SettingTree.Of(this).Any(setting => setting.Name == name),
    };

    /// <summary>Settings that are valid but probably a mistake, a line each.</summary>
    public IEnumerable<string> Doubts()
    {
        if (Attack.Threat.Caveat is { } doubt)
            yield return doubt;
        if (Method.Attack is not null && PgdSettings.StepProblem(Attack.Epsilon, Attack.StepSize, Attack.Steps) is { } problem)
            yield return $"training attack: {problem}: check --step-size and --attack-steps";
        if (Training.Shards > Training.Batch)
            yield return $"{Training.Shards} shards of batches of {Training.Batch} images: some shards are empty, and BatchNorm sees one "
                + "image at a time: check --shards and --batch";
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
        if (Method.HelperReach is not null && Model.Natural is null)
            yield return new("natural", "not given", $"{Method.Name} learns from a naturally trained network: train one with method "
                + "natural (train --method natural --out FOLDER), and name its folder or its weights");
        if (Training.SyncBn == BatchNormSynchronizationMode.All && Attack.EarlyStop)
            yield return new("sync-bn", "all", "needs all shards to take the same steps, so not with early-stop");
        if (Data.Extra is { } extra)
        {
            if (ExtraImages.Problem(Data.ExtraShare, Training.Batch) is { } problem)
                yield return new("extra-share", Data.ExtraShare, problem);
            if (Method.Memory is not null)
                yield return new("extra-data", extra, $"{Method.Name} {PerturbationMemory.NoExtra}");
        }
        if (Method.Memory is not null)
            foreach (SettingProblem problem in PerturbationMemory.Problems(Attack.Norm, Attack.Steps, Training))
                yield return problem;
        foreach (SettingProblem problem in Schedule.ProblemsFor(Training.Epochs))
            yield return problem;
    }
}
