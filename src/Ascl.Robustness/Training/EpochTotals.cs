using System.Text.Json.Serialization;
using Ascl.Kernels.Contrastive;

namespace Ascl.Robustness.Training;

/// <summary>Running sums over the steps of an epoch. Saved with the training state, so that a resumed epoch ends with the same
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
    /// <summary>Whether the steps had natural images.</summary>
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

    /// <summary>The metrics of the epoch.</summary>
    /// <param name="epoch">Number of the epoch, from 1.</param>
    /// <param name="learningRate">Learning rate at its start.</param>
    public EpochMetrics Metrics(int epoch, double learningRate) => new(
        epoch,
        learningRate,
        Loss / Images,
        Terms.ToDictionary(e => e.Key, e => e.Value / Images),
        TrainNaturalAccuracy: HasNatural ? (double)NaturalCorrect / Images : null,
        TrainRobustAccuracy: HasAdversarial ? (double)AdversarialCorrect / Images : null,
        ValidationNaturalAccuracy: null,
        ValidationRobustAccuracy: null,
        Best: false,
        AverageNaturalAccuracy: null,
        AverageRobustAccuracy: null,
        SelectionPercents(),
        Images / Seconds,
        Seconds);

    /// <summary>Pairs that each strategy selects, in percent of those of the global strategy.</summary>
    public Dictionary<string, SelectionPercent> SelectionPercents() => Selected.TryGetValue("global", out PairCounts? global)
        ? Selected.ToDictionary(s => s.Key, s => s.Value.PercentOf(global))
        : [];
}

/// <summary>The metrics of an epoch: a line of metrics.jsonl.</summary>
/// <param name="Epoch">Number of the epoch, from 1.</param>
/// <param name="LearningRate">Learning rate at the start of the epoch.</param>
/// <param name="Loss">Mean of the weighted sum of the terms.</param>
/// <param name="Terms">Mean of each term of the loss, unweighted.</param>
/// <param name="TrainNaturalAccuracy">Accuracy on the natural training images, augmented, during training; null if they were not passed
/// through the network.</param>
/// <param name="TrainRobustAccuracy">Accuracy on the adversarial training images during training; null without an attack.</param>
/// <param name="ValidationNaturalAccuracy">Accuracy on the validation images; null without validation.</param>
/// <param name="ValidationRobustAccuracy">Accuracy on the validation images under attack; null without validation.</param>
/// <param name="Best">Whether it is the best epoch so far.</param>
/// <param name="AverageNaturalAccuracy">Accuracy of the averaged weights on the validation images; null without averaging.</param>
/// <param name="AverageRobustAccuracy">Accuracy of the averaged weights on the validation images under attack; null without
/// averaging.</param>
/// <param name="Selection">Statistics of every strategy, whether in use or not; empty without natural and adversarial images.</param>
/// <param name="ImagesPerSecond">Training images per second of the steps.</param>
/// <param name="Seconds">Time of steps and validation.</param>
/// <param name="Probe">Measured after the epoch; like the warnings, absent in older files and for pre-training.</param>
/// <param name="Warnings">Warnings of <see cref="Monitoring"/>.</param>
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
