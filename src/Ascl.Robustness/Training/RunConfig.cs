using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Ascl.Kernels.Diagnostics;
using Ascl.Kernels.Files;

namespace Ascl.Robustness.Training;

/// <summary>
/// Everything that decides what a training run computes, and its defaults. As JSON (a run's config.json, a file given by --config) its keys
/// are the command line's long option names. Pixels lie in [0, 1]; ε and step size are in the same units.
/// </summary>
public sealed record RunConfig
{
    public static IReadOnlyList<string> Methods { get; } = ["natural", "pgd-at", "trades", "ascl"];
    public static IReadOnlyList<string> Strategies { get; } = ["global", "hard", "soft", "leaked", "merge"];
    public static IReadOnlyList<string> Distances { get; } = ["cosine", "dot", "l1", "l2", "linf"];
    public static IReadOnlyList<string> Schedules { get; } = ["piecewise", "cosine"];
    public static IReadOnlyList<string> Norms { get; } = ["linf", "l2"];
    public static IReadOnlyList<string> BnModes { get; } = ["train", "eval"];
    public static IReadOnlyList<string> Augmentations { get; } = ["auto", "on", "off"];
    public static IReadOnlyList<string> Normalizations { get; } = ["auto", "none", "cifar10", "cifar100", "mnist", "fashion-mnist"];

    /// <summary>The keys of the JSON form, in the order they are written.</summary>
    public static IReadOnlyList<string> Keys { get; } = [.. RunConfigJson.Default.RunConfig.Properties.Select(property => property.Name)];

    /// <summary>Data set, NAME or NAME:PATH.</summary>
    public string Data { get; init; } = "sample";

    /// <summary>Training images used; all where null.</summary>
    public int? LimitTrain { get; init; }

    /// <summary>Test images used; all where null.</summary>
    public int? LimitTest { get; init; }

    /// <summary>Training images held out to choose the best checkpoint by; 0 for none.</summary>
    public int Validation { get; init; } = 500;

    /// <summary>Random crop and flip: one of <see cref="Augmentations"/>; auto: where it suits the data.</summary>
    public string Augment { get; init; } = "auto";

    /// <summary>Mean and standard deviation of the model's input layer: one of <see cref="Normalizations"/>; auto: what the data say.</summary>
    public string Normalize { get; init; } = "auto";

    /// <summary>Network.</summary>
    public string Model { get; init; } = "smallcnn";

    /// <summary>Width of the linear projection head on the latent that ASCL contrasts; 0 contrasts the latent itself.</summary>
    public int Head { get; init; } = 128;

    /// <summary>Objective: one of <see cref="Methods"/>.</summary>
    public string Method { get; init; } = "ascl";

    /// <summary>Which rows are an anchor's positives and negatives: one of <see cref="Strategies"/>.</summary>
    public string Strategy { get; init; } = "leaked";

    /// <summary>Distance between rows: one of <see cref="Distances"/>.</summary>
    public string Distance { get; init; } = "linf";

    /// <summary>Similarity is −distance / temperature.</summary>
    public double Temperature { get; init; } = 0.2;

    /// <summary>Divide each contrasted row by its L2 norm.</summary>
    public bool NormalizeRows { get; init; } = true;

    /// <summary>Weight of the contrastive term.</summary>
    public double ContrastiveWeight { get; init; } = 1;

    /// <summary>Weight of the cross-entropy on natural images (PGD-AT, ASCL).</summary>
    public double NaturalWeight { get; init; }

    /// <summary>Weight of the cross-entropy on adversarial images (ASCL).</summary>
    public double RobustWeight { get; init; } = 1;

    /// <summary>Weight of the batch-mean KL between natural and adversarial predictions (ASCL).</summary>
    public double VatWeight { get; init; } = 0.2;

    /// <summary>Weight of that KL in TRADES.</summary>
    public double TradesBeta { get; init; } = 6;

    /// <summary>Share of the target probability spread evenly over the classes.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Norm of the ball of allowed changes: one of <see cref="Norms"/>.</summary>
    public string Norm { get; init; } = "linf";

    /// <summary>Radius of that ball.</summary>
    public double Epsilon { get; init; } = 8 / 255.0;

    /// <summary>Length of one attack step.</summary>
    public double StepSize { get; init; } = 2 / 255.0;

    public int AttackSteps { get; init; } = 10;

    /// <summary>Start the attack at a random point of the ball; at the image itself otherwise.</summary>
    public bool RandomStart { get; init; } = true;

    /// <summary>BatchNorm while crafting: one of <see cref="BnModes"/>; train: batch statistics, which move the running ones too.</summary>
    public string BnMode { get; init; } = "train";

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

    public ulong Seed { get; init; } = 1;

    /// <summary>Threads that compute; 0 for one a core. The results do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Steps between two saves of the state inside an epoch; 0 saves at the end of each epoch only.</summary>
    public int SaveEvery { get; init; } = 50;

    /// <summary>Train a natural twin too: the same network, data, seed and schedule without attacks, for comparison. Where null, only on the sample.</summary>
    public bool? Twin { get; init; }

    /// <summary>Folder that the run is written to; it must not hold a run yet.</summary>
    public string? Out { get; init; }

    /// <summary>Folder of an earlier run that is to go on.</summary>
    public string? Resume { get; init; }

    /// <summary>The defaults, with the values that <paramref name="given"/> holds.</summary>
    /// <param name="given">Values by key; null stands for the default.</param>
    /// <param name="where">Where they come from, for messages.</param>
    /// <exception cref="UserErrorException">An unknown key, or a value of the wrong kind or out of range.</exception>
    public static RunConfig Of(JsonObject given, string where)
    {
        JsonObject whole = new RunConfig().ToJson();
        foreach (var (key, value) in given)
        {
            if (!Keys.Contains(key))
                throw JsonFile.UnknownKey(where, key, Keys);
            if (value is not null)
                whole[key] = value.DeepClone();
        }
        try
        {
            return whole.Deserialize(RunConfigJson.Default.RunConfig)!.Checked(where);
        }
        catch (JsonException e)
        {
            string key = e.Path?.TrimStart('$', '.') ?? "";
            string? value = whole[key.Split('[')[0]]?.ToJsonString();
            throw new UserErrorException($"{where}: {key} is {value}: not a value of the right kind", e);
        }
    }

    /// <exception cref="UserErrorException">The file cannot be read, or is not a valid configuration.</exception>
    public static RunConfig Read(string path) => Of(JsonFile.ReadObject(path), path);

    /// <summary>The values by key, without those that are null.</summary>
    public JsonObject ToJson() => JsonSerializer.SerializeToNode(this, RunConfigJson.Default.RunConfig)!.AsObject();

    /// <exception cref="UserErrorException">The file cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, RunConfigJson.Default.RunConfig) + "\n");

    private RunConfig Checked(string where)
    {
        Known("method", Method, Methods);
        Known("strategy", Strategy, Strategies);
        Known("distance", Distance, Distances);
        Known("schedule", Schedule, Schedules);
        Known("norm", Norm, Norms);
        Known("bn-mode", BnMode, BnModes);
        Known("augment", Augment, Augmentations);
        Known("normalize", Normalize, Normalizations);
        Require(Data.Length > 0, "data", Data, "must name a data set");
        Require(Model.Length > 0, "model", Model, "must name a network");
        Require(LimitTrain is null or >= 1, "limit-train", LimitTrain, "must be at least 1");
        Require(LimitTest is null or >= 1, "limit-test", LimitTest, "must be at least 1");
        Require(Epochs >= 1, "epochs", Epochs, "must be at least 1");
        Require(Batch >= 1, "batch", Batch, "must be at least 1");
        Require(AttackSteps >= 1, "attack-steps", AttackSteps, "must be at least 1");
        foreach (var (key, value) in new[] { ("validation", Validation), ("head", Head), ("threads", Threads), ("save-every", SaveEvery) })
            Require(value >= 0, key, value, "must not be negative");
        foreach (var (key, value) in new[] { ("temperature", Temperature), ("lr", LearningRate), ("step-size", StepSize), ("decay", Decay) })
            Require(double.IsFinite(value) && value > 0, key, value, "must be more than 0");
        foreach (var (key, value) in new[]
        {
            ("contrastive-weight", ContrastiveWeight), ("natural-weight", NaturalWeight), ("robust-weight", RobustWeight),
            ("vat-weight", VatWeight), ("trades-beta", TradesBeta), ("weight-decay", WeightDecay), ("epsilon", Epsilon),
        })
            Require(double.IsFinite(value) && value >= 0, key, value, "must not be negative");
        Require(LabelSmoothing is >= 0 and < 1, "label-smoothing", LabelSmoothing, "must be at least 0 and less than 1");
        Require(Momentum is >= 0 and < 1, "momentum", Momentum, "must be at least 0 and less than 1");
        Require(
            Norm != "linf" || Epsilon <= 1, "epsilon", Epsilon, "must be at most 1, as pixels lie in [0, 1] (8 of 255 grey levels are 8/255)");
        Require(Warmup >= 0 && Warmup < Epochs, "warmup", Warmup, $"must be at least 0 and less than the {Epochs} epochs");
        string given = string.Join(",", Milestones);
        Require(Schedule != "piecewise" || Milestones.Count > 0, "milestones", "empty", "a piecewise schedule needs them (such as 100,105)");
        Require(Milestones.Zip(Milestones.Skip(1)).All(pair => pair.First < pair.Second), "milestones", given, "must rise");
        Require(Milestones.All(epoch => epoch >= 1 && epoch < Epochs), "milestones", given, $"must lie between 1 and the last of {Epochs} epochs");
        return this;

        void Require(bool holds, string key, object? value, string rule)
        {
            if (!holds)
                throw new UserErrorException($"{where}: {key} is {value}: {rule}");
        }

        void Known(string key, string name, IReadOnlyList<string> names)
        {
            if (!names.Contains(name))
                throw NearestName.Unknown(key, name, names);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(RunConfig))]
internal sealed partial class RunConfigJson : JsonSerializerContext;
