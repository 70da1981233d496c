using System.Text.Json.Serialization;
using Ascl.Kernels.Contrastive;

namespace Ascl.Robustness.Training;

/// <summary>Sums over the steps of an epoch so far. Part of a run's saved state, so that an epoch that was interrupted ends with the same
/// means.</summary>
public sealed class EpochTotals
{
    /// <summary>Images trained on.</summary>
    public int Images { get; set; }
    /// <summary>Σ of the loss times the images of its step.</summary>
    public double Loss { get; set; }
    /// <summary>Seconds spent in the steps.</summary>
    public double Seconds { get; set; }
    /// <summary>Natural images that were classified correctly.</summary>
    public long NaturalCorrect { get; set; }
    /// <summary>Adversarial images that were classified correctly.</summary>
    public long AdversarialCorrect { get; set; }
    /// <summary>Whether the steps passed natural images through the network.</summary>
    public bool HasNatural { get; set; }
    /// <summary>Whether the steps had adversarial images.</summary>
    public bool HasAdversarial { get; set; }

    /// <summary>Σ of each term's value times the images of its step.</summary>
    public Dictionary<string, double> Terms { get; set; } = [];

    /// <summary>Pairs that each selection strategy selects, summed over the steps.</summary>
    public Dictionary<string, PairCounts> Selected { get; set; } = [];

    /// <summary>Adds the result of one step.</summary>
    public void Add(StepResult step, int images, double seconds)
    {
        Images += images;
        Loss += step.Loss * images;
        Seconds += seconds;
        (HasNatural, HasAdversarial) = (HasNatural || step.NaturalCorrect is not null,
            HasAdversarial || step.AdversarialCorrect is not null);
        NaturalCorrect += step.NaturalCorrect ?? 0;
        AdversarialCorrect += step.AdversarialCorrect ?? 0;
        foreach (var (name, value) in step.Terms)
            Terms[name] = Terms.GetValueOrDefault(name) + value * images;
        foreach (var (strategy, pairs) in step.Selected)
            Selected[strategy] = Selected.TryGetValue(strategy, out PairCounts? sum) ? sum + pairs : pairs;
    }

    /// <summary>What the epoch came to.</summary>
    /// <param name="epoch">From 1.</param>
    /// <param name="learningRate">At its start.</param>
    public EpochMetrics Metrics(int epoch, double learningRate) => new(
        epoch, learningRate, Loss / Images, Terms.ToDictionary(e => e.Key, e => e.Value / Images), HasNatural
            ? (double)NaturalCorrect / Images
            : null,
        HasAdversarial
            ? (double)AdversarialCorrect / Images
            : null, null, null, false, null, null, SelectionPercents(), Images / Seconds, Seconds);

    /// <summary>Percent of the global strategy's positives and negatives that each strategy uses.</summary>
    public Dictionary<string, SelectionPercent> SelectionPercents()
    {
        return Selected.TryGetValue("global", out PairCounts? global)
            ? Selected.ToDictionary(s => s.Key, s => s.Value.PercentOf(global))
            : [];
    }
}

/// <summary>A line of metrics.jsonl.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="Terms">Mean of each term of the loss, unweighted.</param>
/// <param name="TrainNaturalAccuracy">On the natural training images as they were trained on; null where they were not passed
/// through.</param>
/// <param name="AverageNaturalAccuracy">Of the averaged weights, on the validation images; null where there are none.</param>
/// <param name="Selection">Of every strategy, whether in use or not; empty without natural and adversarial images.</param>
/// <param name="Probe">After the epoch; like the warnings absent in older files and for pre-training.</param>
public sealed record EpochMetrics(
    int Epoch,
    double LearningRate,
    double Loss,
    IReadOnlyDictionary<string, double> Terms,
    double? TrainNaturalAccuracy,
    double? TrainRobustAccuracy,
    double? ValidationNaturalAccuracy,
    double? ValidationRobustAccuracy,
    bool Best,
    double? AverageNaturalAccuracy,
    double? AverageRobustAccuracy,
    IReadOnlyDictionary<string, SelectionPercent> Selection,
    double ImagesPerSecond,
    double Seconds,
    TrainingProbe? Probe = null,
    IReadOnlyList<TrainingWarning>? Warnings = null);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DictionaryKeyPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(EpochMetrics))]
[JsonSerializable(typeof(RunProgress))]
internal sealed partial class TrainingJson : JsonSerializerContext;
