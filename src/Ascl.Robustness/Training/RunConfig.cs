using System.Text.Json.Serialization;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Core.Settings;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Training;

/// <summary>
/// Everything that decides what a training run computes, and its defaults. As JSON (a run's config.json, a file given by --config) its keys
/// are the command line's long option names. Pixels lie in [0, 1]; ε and step size are in the same units.
/// </summary>
public sealed partial record RunConfig
{
    public static IReadOnlyList<string> Methods { get; } = ["natural", "pgd-at", "trades", "adr", "ascl", "supcon", "linear"];
    public static IReadOnlyList<string> Foundations { get; } = ["pgd-at", "trades"];
    public static IReadOnlyList<string> Activations { get; } = ["relu", "silu", "softplus", "gelu"];
    public static IReadOnlyList<string> Strategies { get; } = ["global", "hard", "soft", "leaked", "merge"];
    public static IReadOnlyList<string> Distances { get; } = ["cosine", "dot", "l1", "l2", "linf"];
    public static IReadOnlyList<string> Schedules { get; } = ["piecewise", "cosine"];
    public static IReadOnlyList<string> Norms { get; } = ["linf", "l2"];
    public static IReadOnlyList<string> ViewPairings { get; } = ["jointly", "same-kind", "same-view"];
    public static IReadOnlyList<string> Starts { get; } = ["auto", "uniform", "gaussian", "none"];
    public static IReadOnlyList<string> Precisions { get; } = ["float32", "tf32", "bf16"];
    public static IReadOnlyList<string> BnModes { get; } = ["train", "eval"];
    public static IReadOnlyList<string> Augmentations { get; } = ["auto", "on", "off"];

    /// <summary>The settings, in the order of their declarations.</summary>
    public static IReadOnlyList<Setting> Settings => Setting.Of(typeof(RunConfig));

    /// <summary>Their names, which are the keys of the JSON form.</summary>
    public static IReadOnlyList<string> Keys => field ??= [.. Settings.Select(setting => setting.Name)];

    /// <summary>Data set, NAME or NAME:PATH.</summary>
    [Setting("data", $"Images: {SettingTexts.DataForms}.", Form = "SPEC", Section = "Data")]
    public string Data { get; init; } = "sample";

    /// <summary>Training images used; all where null.</summary>
    [Setting("limit-train", "Use only the first N training images.", Min = 1)]
    public int? LimitTrain { get; init; }

    /// <summary>Test images used; all where null.</summary>
    [Setting("limit-test", "Use only the first N test images.", Min = 1)]
    public int? LimitTest { get; init; }

    /// <summary>Length that each image's shorter side is resized to; null for sizes as they are.</summary>
    [Setting("resize", SettingTexts.Resize, Min = 1)]
    public int? Resize { get; init; }

    /// <summary>Side of the square cut from the centre of each image, after resizing; null for none.</summary>
    [Setting("crop", SettingTexts.Crop, Min = 1)]
    public int? Crop { get; init; }

    /// <summary>Share of each class that becomes the test part of data without one; null for no split.</summary>
    [Setting("test-share", SettingTexts.TestShare, Form = "SHARE", Above = 0, Max = 1)]
    public double? TestShare { get; init; }

    /// <summary>Accept classes without images.</summary>
    [Setting("allow-empty-classes", SettingTexts.AllowEmptyClasses)]
    public bool AllowEmptyClasses { get; init; }

    /// <summary>Training images held out to choose the best checkpoint by; 0 for none; null: <see cref="ValidationOf"/>.</summary>
    [Setting("validation", "Training images held out to choose the best checkpoint by; 0: none. By default a fifth of them, at most 500.", Min = 0)]
    public int? Validation { get; init; }

    /// <summary>Random crop and flip: one of <see cref="Augmentations"/>; auto: where it suits the data or two views of an image are to differ.</summary>
    [Setting("augment", "Random crop and flip: on, off, or auto: where it suits the data or there are two views.", Form = "MODE", OneOf = nameof(Augmentations))]
    public string Augment { get; init; } = "auto";

    /// <summary>How often a batch holds each of its images, every time augmented in another way: 1 or 2.</summary>
    [Setting("views", "Augmented views of each image in a batch: 1 or 2.", Min = 1, Max = 2)]
    public int Views { get; init; } = 1;

    /// <summary>Mean and standard deviation of the model's input layer: as <see cref="InputNormalization"/> reads it; auto: what the data say.</summary>
    [Setting("normalize", $"Input normalisation: {SettingTexts.Normalizations}.", Section = "Model")]
    public string Normalize { get; init; } = "auto";

    /// <summary>Weights to start from: a file of a classifier, or a run's folder for its best checkpoint; null to start anew.</summary>
    [Setting("from", "Start from these weights (a run: its best checkpoint), to train all of them or, with method linear, a new last layer.", Form = "FILE|RUN")]
    public string? From { get; init; }

    /// <summary>Network.</summary>
    [Setting("model", $"Network: {SettingTexts.Networks}. By default smallcnn for images of 28x28 pixels, resnet20 for others.", Follows = true)]
    public string Model { get; init; } = "smallcnn";

    /// <summary>Function after its convolutions and hidden layers: one of <see cref="Activations"/>.</summary>
    [Setting("activation", $"Function after each layer: {SettingTexts.Activations}; the last three are smooth.", OneOf = nameof(Activations))]
    public string Activation { get; init; } = "relu";

    /// <summary>Width of the linear projection head on the latent that ASCL and SupCon contrast; 0 contrasts the latent itself.</summary>
    [Setting("head", "Width of the linear projection that ascl and supcon contrast; 0: contrast the latent itself.", Form = "DIM", Min = 0, Max = 65536)]
    public int Head { get; init; } = 128;

    /// <summary>Objective: one of <see cref="Methods"/>.</summary>
    [Setting("method", "natural, pgd-at, trades, adr, ascl, supcon (pre-training without logits) or linear (the layers after the latent on a frozen encoder).", Section = "Objective", OneOf = nameof(Methods))]
    public string Method { get; init; } = "ascl";

    /// <summary>Objective that ADR and ASCL add their terms to: one of <see cref="Foundations"/>; it also says what the attack maximises.</summary>
    [Setting("foundation", "What adr and ascl add their terms to: pgd-at or trades.", OneOf = nameof(Foundations))]
    public string Foundation { get; init; } = "pgd-at";

    /// <summary>Which rows are an anchor's positives and negatives: one of <see cref="Strategies"/>.</summary>
    [Setting("strategy", "Positive and negative selection of the contrastive loss: global, hard, soft, leaked or merge.", OneOf = nameof(Strategies))]
    public string Strategy { get; init; } = "leaked";

    /// <summary>Distance between rows: one of <see cref="Distances"/>.</summary>
    [Setting("distance", "Distance of two latents: cosine, dot, l1, l2 or linf.", OneOf = nameof(Distances))]
    public string Distance { get; init; } = "linf";

    /// <summary>Similarity is −distance / temperature.</summary>
    [Setting("temperature", "Similarity is -distance/T.", Form = "T", Min = 1e-4)]
    public double Temperature { get; init; } = 0.2;

    /// <summary>Which rows ASCL contrasts where there are two views of an image: one of <see cref="ViewPairings"/>.</summary>
    [Setting("view-pairing", "With two views, what ascl contrasts: all jointly, same-kind (natural ones, and adversarial ones) or same-view (first ones, and second ones).", OneOf = nameof(ViewPairings))]
    public string ViewPairing { get; init; } = "jointly";

    /// <summary>Divide each contrasted row by its L2 norm.</summary>
    [Setting("normalize-rows", "Divide each contrasted latent by its L2 norm.")]
    public bool NormalizeRows { get; init; } = true;

    /// <summary>Weight of the contrastive term.</summary>
    [Setting("contrastive-weight", "Weight of the contrastive term.", Form = "W", Min = 0)]
    public double ContrastiveWeight { get; init; } = 1;

    /// <summary>Pass the natural images through the network even where nothing is learned from them (PGD-AT without a natural weight): BatchNorm's running
    /// statistics then come from both kinds of images, as in the authors' baseline and in ASCL. By default on for pgd-at.</summary>
    [Setting("natural-pass", "Pass natural images through the network even at natural-weight 0, so that BatchNorm's running statistics come from natural and adversarial images (pgd-at; by default on, as in the authors' baseline).", Follows = true)]
    public bool NaturalPass { get => GivenNaturalPass ?? Method == "pgd-at"; init => GivenNaturalPass = value; }

    /// <summary>Weight of the cross-entropy on natural images (PGD-AT, alone and as a foundation).</summary>
    [Setting("natural-weight", "Weight of the cross-entropy on natural images (pgd-at, also as a foundation).", Form = "W", Min = 0)]
    public double NaturalWeight { get; init; }

    /// <summary>Weight of the cross-entropy on adversarial images (likewise).</summary>
    [Setting("robust-weight", "Weight of the cross-entropy on adversarial images (likewise).", Form = "W", Min = 0)]
    public double RobustWeight { get; init; } = 1;

    /// <summary>Weight of the batch-mean KL between natural and adversarial predictions (ASCL).</summary>
    [Setting("vat-weight", "Weight of KL(natural || adversarial prediction), mean over the batch (ascl).", Form = "W", Min = 0)]
    public double VatWeight { get; init; } = 0.2;

    /// <summary>Weight of that KL in TRADES, alone and as a foundation.</summary>
    [Setting("trades-beta", "Weight of that KL in trades (also as a foundation).", Form = "W", Min = 0)]
    public double TradesBeta { get; init; } = 6;

    /// <summary>Weight of ADR's mean |z − z^a|.</summary>
    [Setting("local-compactness-weight", "Weight of the mean distance of an image's natural and adversarial latent (adr).", Form = "W", Min = 0)]
    public double LocalCompactnessWeight { get; init; } = 1;

    /// <summary>Weight of ADR's mean CE(softmax o, o^a).</summary>
    [Setting("local-smoothness-weight", "Weight of the cross-entropy between its natural and adversarial predictions (adr).", Form = "W", Min = 0)]
    public double LocalSmoothnessWeight { get; init; } = 1;

    /// <summary>Weight of ADR's local compactness over all pairs of images.</summary>
    [Setting("global-compactness-weight", "Weight of that distance over all pairs of images (adr).", Form = "W", Min = 0)]
    public double GlobalCompactnessWeight { get; init; } = 1;

    /// <summary>Weight of ADR's local smoothness over all pairs of images.</summary>
    [Setting("global-smoothness-weight", "Weight of that cross-entropy over all pairs of images (adr).", Form = "W", Min = 0)]
    public double GlobalSmoothnessWeight { get; init; }

    /// <summary>Weight of ADR's mean entropy of adversarial predictions.</summary>
    [Setting("confidence-weight", "Weight of the entropy of adversarial predictions (adr).", Form = "W", Min = 0)]
    public double ConfidenceWeight { get; init; } = 1;

    /// <summary>Share of the target probability spread evenly over the classes.</summary>
    [Setting("label-smoothing", "Share of the target spread evenly over the classes.", Form = "S", Min = 0, Below = 1)]
    public double LabelSmoothing { get; init; }

    /// <summary>Norm of the ball of allowed changes: one of <see cref="Norms"/>.</summary>
    [Setting("norm", SettingTexts.Norm, Form = "NORM", Section = "Attack while training", OneOf = nameof(Norms))]
    public string Norm { get; init; } = "linf";

    /// <summary>Radius of that ball; by default <see cref="ThreatModel.DefaultEpsilon"/> of the norm.</summary>
    [Setting("epsilon", SettingTexts.Epsilon + " By default 8/255 in linf and 0.5 in l2.", Form = "E", Min = 0, Follows = true)]
    public double Epsilon { get => GivenEpsilon ?? ThreatModel.DefaultEpsilon(ThreatModel.NormOf(Norm)); init => GivenEpsilon = value; }

    /// <summary>Length of one step of training's attack; by default <see cref="PgdSettings.DefaultStepSize"/>.</summary>
    [Setting("step-size", "Attack step size. " + SettingTexts.StepSize, Form = "A", Min = 0, Follows = true)]
    public double StepSize { get => GivenStepSize ?? PgdSettings.DefaultStepSize(Epsilon, AttackSteps); init => GivenStepSize = value; }

    [Setting("attack-steps", "Steps of the attack.", Min = 1)]
    public int AttackSteps { get; init; } = 10;

    /// <summary>Where the attack starts: one of <see cref="Starts"/>; auto: beside the image where it maximises KL, anywhere in the ball otherwise.</summary>
    [Setting("start", "Where it starts: uniform (anywhere within epsilon), gaussian (0.001 N(0, 1) beside the image), none (at the image), or auto: gaussian for trades, else uniform.", OneOf = nameof(Starts))]
    public string Start { get; init; } = "auto";

    /// <summary>Leave an image where it is once it is misclassified.</summary>
    [Setting("early-stop", "Stop the attack on an image once it is misclassified.")]
    public bool EarlyStop { get; init; }

    /// <summary>BatchNorm while crafting: one of <see cref="BnModes"/>; train: batch statistics, which move the running ones too.</summary>
    [Setting("bn-mode", "BatchNorm while crafting: train (batch statistics) or eval (running statistics).", Form = "MODE", OneOf = nameof(BnModes))]
    public string BnMode { get; init; } = "train";

    /// <summary>What the attack rounds factors to: one of <see cref="Precisions"/>; null: as <see cref="Precision"/>.</summary>
    [Setting("attack-precision", "Precision of the attack, where it differs from that of the update: bf16 with updates in float32 is a sensible mix.", OneOf = nameof(Precisions))]
    public string? AttackPrecision { get; init; }

    [Setting("epochs", "Passes over the training images.", Section = "Optimisation", Min = 1)]
    public int Epochs { get; init; } = 10;

    /// <summary>Images a step.</summary>
    [Setting("batch", "Batch size.", Min = 1)]
    public int Batch { get; init; } = 128;

    [JsonPropertyName("lr")]
    [Setting("lr", "Learning rate.", Above = 0)]
    public double LearningRate { get; init; } = 0.05;

    /// <summary>How the learning rate falls: one of <see cref="Schedules"/>.</summary>
    [Setting("schedule", "Learning-rate schedule: cosine, or piecewise constant with milestones.", OneOf = nameof(Schedules))]
    public string Schedule { get; init; } = "cosine";

    /// <summary>Epochs (counted from 0) at whose start a piecewise schedule multiplies the learning rate by <see cref="Decay"/>.</summary>
    [Setting("milestones", "Epochs at which a piecewise schedule multiplies the learning rate by the decay.", Form = "N,N")]
    public IReadOnlyList<int> Milestones { get; init; } = [];

    [Setting("decay", "Factor of the learning rate at each milestone.", Above = 0)]
    public double Decay { get; init; } = 0.1;

    /// <summary>Epochs over which the learning rate rises from 0 first.</summary>
    [Setting("warmup", "Epochs of linear learning-rate warm-up from 0.", Min = 0)]
    public int Warmup { get; init; }

    [Setting("momentum", "Momentum of SGD.", Min = 0, Below = 1)]
    public double Momentum { get; init; } = 0.9;

    [Setting("weight-decay", "Weight decay, on every parameter.", Min = 0)]
    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Maximum global gradient norm; 0 for no clipping.</summary>
    [Setting("clip-norm", "Maximum global gradient norm; 0: no clipping.", Min = 0)]
    public double ClipNorm { get; init; }

    /// <summary>Length of the adversarial perturbation of a weight tensor while a gradient is taken, as a share of its norm; 0 for none.</summary>
    [Setting("awp-gamma", "Adversarial weight perturbation: take each gradient at weights moved by this share of their norm to where the loss is larger (the paper: 0.01, with TRADES 0.005); 0: none.", Form = "G", Min = 0)]
    public double AwpGamma { get; init; }

    /// <summary>Decay a step of the averaged weights that are kept beside the trained ones; 0 for none.</summary>
    [Setting("ema-decay", "Keep averaged weights too, with this decay a step (such as 0.999): they are validated, saved and reported beside the others; 0: none.", Form = "D", Min = 0, Below = 1)]
    public double EmaDecay { get; init; }

    /// <summary>What convolutions and matrix products of training steps round their factors to: one of <see cref="Precisions"/>. Validation and reports do not.</summary>
    [Setting("precision", SettingTexts.Precision + " Of training steps; what is reported is always measured in float32.", OneOf = nameof(Precisions))]
    public string Precision { get; init; } = "float32";

    [Setting("seed", "Random seed: the same seed gives the same bits.", Section = "Run")]
    public ulong Seed { get; init; } = 1;

    /// <summary>Threads that compute; 0 for one a core. The results do not depend on it.</summary>
    [Setting("threads", SettingTexts.Threads, Min = 0, Max = CpuDevice.MaximumThreads, Incidental = true)]
    public int Threads { get; init; }

    /// <summary>Steps between two saves of the state inside an epoch; 0 saves at the end of each epoch only.</summary>
    [Setting("save-every", "Steps between two saves of the state inside an epoch; 0: only at its end.", Min = 0, Incidental = true)]
    public int SaveEvery { get; init; } = 50;

    /// <summary>Train a natural twin too: the same network, data, seed and schedule without attacks, for comparison. Where null, only on the sample.</summary>
    [Setting("twin", "Train a natural twin too, to compare with (by default only on the images built in).", Incidental = true)]
    public bool? Twin { get; init; }

    /// <summary>Write event files that TensorBoard shows.</summary>
    [Setting("tensorboard", "Write event files for TensorBoard into the run's folder tensorboard.", Incidental = true)]
    public bool Tensorboard { get; init; } = true;

    /// <summary>Folder that the run is written to; it must not hold a run yet.</summary>
    [Setting("out", "Folder to write the run to; it must not hold a run yet.", Form = "DIR", Incidental = true)]
    public string? Out { get; init; }

    /// <summary>Folder of an earlier run that is to go on.</summary>
    [Setting("resume", "Go on with the run in this folder, with its own settings; --epochs N goes on to more epochs.", Form = "RUN", Incidental = true)]
    public string? Resume { get; init; }

    // Null where a setting's default follows from other settings.
    private double? GivenEpsilon { get; init; }
    private double? GivenStepSize { get; init; }
    private bool? GivenNaturalPass { get; init; }

    /// <summary>What the network is trained against.</summary>
    [JsonIgnore]
    public ThreatModel Threat => new(ThreatModel.NormOf(Norm), Epsilon);

    /// <summary>How the data are read.</summary>
    [JsonIgnore]
    public DataOptions DataOptions => new() { Resize = Resize, Crop = Crop, TestShare = TestShare, AllowEmptyClasses = AllowEmptyClasses };

    /// <summary>Images held out of so many training images: as many as is set, or a fifth of them, but at most 500.</summary>
    public int ValidationOf(int trainingImages) => Validation ?? Math.Min(500, trainingImages / 5);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(RunConfig))]
internal sealed partial class RunConfigJson : JsonSerializerContext;
