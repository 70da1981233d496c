using System.Text.Json.Serialization;
using Ascl.Data;
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

    /// <summary>The keys of the JSON form, in the order they are written.</summary>
    public static IReadOnlyList<string> Keys => field ??= [.. RunConfigJson.Default.RunConfig.Properties.Where(property => property.Get is not null).Select(property => property.Name)];

    /// <summary>Data set, NAME or NAME:PATH.</summary>
    public string Data { get; init; } = "sample";

    /// <summary>Training images used; all where null.</summary>
    public int? LimitTrain { get; init; }

    /// <summary>Test images used; all where null.</summary>
    public int? LimitTest { get; init; }

    /// <summary>Length that each image's shorter side is resized to; null for sizes as they are.</summary>
    public int? Resize { get; init; }

    /// <summary>Side of the square cut from the centre of each image, after resizing; null for none.</summary>
    public int? Crop { get; init; }

    /// <summary>Share of each class that becomes the test part of data without one; null for no split.</summary>
    public double? TestShare { get; init; }

    /// <summary>Accept classes without images.</summary>
    public bool AllowEmptyClasses { get; init; }

    /// <summary>Training images held out to choose the best checkpoint by; 0 for none; null: <see cref="ValidationOf"/>.</summary>
    public int? Validation { get; init; }

    /// <summary>Random crop and flip: one of <see cref="Augmentations"/>; auto: where it suits the data or two views of an image are to differ.</summary>
    public string Augment { get; init; } = "auto";

    /// <summary>How often a batch holds each of its images, every time augmented in another way: 1 or 2.</summary>
    public int Views { get; init; } = 1;

    /// <summary>Mean and standard deviation of the model's input layer: as <see cref="InputNormalization"/> reads it; auto: what the data say.</summary>
    public string Normalize { get; init; } = "auto";

    /// <summary>Weights to start from: a file of a classifier, or a run's folder for its best checkpoint; null to start anew.</summary>
    public string? From { get; init; }

    /// <summary>Network.</summary>
    public string Model { get; init; } = "smallcnn";

    /// <summary>Function after its convolutions and hidden layers: one of <see cref="Activations"/>.</summary>
    public string Activation { get; init; } = "relu";

    /// <summary>Width of the linear projection head on the latent that ASCL and SupCon contrast; 0 contrasts the latent itself.</summary>
    public int Head { get; init; } = 128;

    /// <summary>Objective: one of <see cref="Methods"/>.</summary>
    public string Method { get; init; } = "ascl";

    /// <summary>Objective that ADR and ASCL add their terms to: one of <see cref="Foundations"/>; it also says what the attack maximises.</summary>
    public string Foundation { get; init; } = "pgd-at";

    /// <summary>Which rows are an anchor's positives and negatives: one of <see cref="Strategies"/>.</summary>
    public string Strategy { get; init; } = "leaked";

    /// <summary>Distance between rows: one of <see cref="Distances"/>.</summary>
    public string Distance { get; init; } = "linf";

    /// <summary>Similarity is −distance / temperature.</summary>
    public double Temperature { get; init; } = 0.2;

    /// <summary>Which rows ASCL contrasts where there are two views of an image: one of <see cref="ViewPairings"/>.</summary>
    public string ViewPairing { get; init; } = "jointly";

    /// <summary>Divide each contrasted row by its L2 norm.</summary>
    public bool NormalizeRows { get; init; } = true;

    /// <summary>Weight of the contrastive term.</summary>
    public double ContrastiveWeight { get; init; } = 1;

    /// <summary>Pass the natural images through the network even where nothing is learned from them (PGD-AT without a natural weight): BatchNorm's running
    /// statistics then come from both kinds of images, as in the authors' baseline and in ASCL. By default on for pgd-at.</summary>
    public bool NaturalPass { get => GivenNaturalPass ?? Method == "pgd-at"; init => GivenNaturalPass = value; }

    /// <summary>Weight of the cross-entropy on natural images (PGD-AT, alone and as a foundation).</summary>
    public double NaturalWeight { get; init; }

    /// <summary>Weight of the cross-entropy on adversarial images (likewise).</summary>
    public double RobustWeight { get; init; } = 1;

    /// <summary>Weight of the batch-mean KL between natural and adversarial predictions (ASCL).</summary>
    public double VatWeight { get; init; } = 0.2;

    /// <summary>Weight of that KL in TRADES, alone and as a foundation.</summary>
    public double TradesBeta { get; init; } = 6;

    /// <summary>Weight of ADR's mean |z − z^a|.</summary>
    public double LocalCompactnessWeight { get; init; } = 1;

    /// <summary>Weight of ADR's mean CE(softmax o, o^a).</summary>
    public double LocalSmoothnessWeight { get; init; } = 1;

    /// <summary>Weight of ADR's local compactness over all pairs of images.</summary>
    public double GlobalCompactnessWeight { get; init; } = 1;

    /// <summary>Weight of ADR's local smoothness over all pairs of images.</summary>
    public double GlobalSmoothnessWeight { get; init; }

    /// <summary>Weight of ADR's mean entropy of adversarial predictions.</summary>
    public double ConfidenceWeight { get; init; } = 1;

    /// <summary>Share of the target probability spread evenly over the classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Norm of the ball of allowed changes: one of <see cref="Norms"/>.</summary>
    public string Norm { get; init; } = "linf";

    /// <summary>Radius of that ball; by default <see cref="ThreatModel.DefaultEpsilon"/> of the norm.</summary>
    public double Epsilon { get => GivenEpsilon ?? ThreatModel.DefaultEpsilon(ThreatModel.NormOf(Norm)); init => GivenEpsilon = value; }

    /// <summary>Length of one step of training's attack; by default <see cref="PgdSettings.DefaultStepSize"/>.</summary>
    public double StepSize { get => GivenStepSize ?? PgdSettings.DefaultStepSize(Epsilon, AttackSteps); init => GivenStepSize = value; }

    public int AttackSteps { get; init; } = 10;

    /// <summary>Where the attack starts: one of <see cref="Starts"/>; auto: beside the image where it maximises KL, anywhere in the ball otherwise.</summary>
    public string Start { get; init; } = "auto";

    /// <summary>Leave an image where it is once it is misclassified.</summary>
    public bool EarlyStop { get; init; }

    /// <summary>BatchNorm while crafting: one of <see cref="BnModes"/>; train: batch statistics, which move the running ones too.</summary>
    public string BnMode { get; init; } = "train";

    /// <summary>What the attack rounds factors to: one of <see cref="Precisions"/>; null: as <see cref="Precision"/>.</summary>
    public string? AttackPrecision { get; init; }

    public int Epochs { get; init; } = 10;

    /// <summary>Images a step.</summary>
    public int Batch { get; init; } = 128;

    [JsonPropertyName("lr")]
    public double LearningRate { get; init; } = 0.05;

    /// <summary>How the learning rate falls: one of <see cref="Schedules"/>.</summary>
    public string Schedule { get; init; } = "cosine";

    /// <summary>Epochs (counted from 0) at whose start a piecewise schedule multiplies the learning rate by <see cref="Decay"/>.</summary>
    public IReadOnlyList<int> Milestones { get; init; } = [];

    public double Decay { get; init; } = 0.1;

    /// <summary>Epochs over which the learning rate rises from 0 first.</summary>
    public int Warmup { get; init; }

    public double Momentum { get; init; } = 0.9;

    public double WeightDecay { get; init; } = 5e-4;

    /// <summary>Longest that all gradients together may be; longer ones are scaled back; 0 for no limit.</summary>
    public double ClipNorm { get; init; }

    /// <summary>Length of the adversarial perturbation of a weight tensor while a gradient is taken, as a share of its norm; 0 for none.</summary>
    public double AwpGamma { get; init; }

    /// <summary>Decay a step of the averaged weights that are kept beside the trained ones; 0 for none.</summary>
    public double EmaDecay { get; init; }

    /// <summary>What convolutions and matrix products of training steps round their factors to: one of <see cref="Precisions"/>. Validation and reports do not.</summary>
    public string Precision { get; init; } = "float32";

    public ulong Seed { get; init; } = 1;

    /// <summary>Threads that compute; 0 for one a core. The results do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Steps between two saves of the state inside an epoch; 0 saves at the end of each epoch only.</summary>
    public int SaveEvery { get; init; } = 50;

    /// <summary>Train a natural twin too: the same network, data, seed and schedule without attacks, for comparison. Where null, only on the sample.</summary>
    public bool? Twin { get; init; }

    /// <summary>Write event files that TensorBoard shows.</summary>
    public bool Tensorboard { get; init; } = true;

    /// <summary>Folder that the run is written to; it must not hold a run yet.</summary>
    public string? Out { get; init; }

    /// <summary>Folder of an earlier run that is to go on.</summary>
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
