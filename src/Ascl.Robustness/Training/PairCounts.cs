using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;

namespace Ascl.Robustness.Training;

/// <summary>Counts of the pairs that a selection strategy selects, summed over the anchors of each class.</summary>
public sealed class PairCounts
{
    /// <summary>Σ |P_i| over the anchors i of each class.</summary>
    public long[] Positives { get; set; } = [];
    /// <summary>Σ |N_i| over the anchors i of each class.</summary>
    public long[] Negatives { get; set; } = [];

    /// <summary>Number of anchors.</summary>
    public long Anchors { get; set; }

    /// <summary>Anchors with an empty P_i, which do not contribute to the loss.</summary>
    public long WithoutPositives { get; set; }

    /// <summary>Anchors with an empty N_i, which nothing pushes away.</summary>
    public long WithoutNegatives { get; set; }

    /// <summary>Counts the pairs that a strategy selects for these labels and predictions.</summary>
    public static PairCounts Of(PairSelection strategy, DeviceBuffer<int> labels, DeviceBuffer<int> predictions, int classes)
    {
        var (positives, negatives) = ContrastiveKernels.CountPairsOfEach(strategy, labels, predictions);
        PairCounts counts = new()
        {
            Positives = new long[classes],
            Negatives = new long[classes],
            Anchors = labels.Length,
            WithoutPositives = positives.Count(p => p == 0),
            WithoutNegatives = negatives.Count(n => n == 0),
        };
        int[] classOf = labels.ToArray();
        for (int i = 0; i < classOf.Length; i++)
        {
            counts.Positives[classOf[i]] += positives[i];
            counts.Negatives[classOf[i]] += negatives[i];
        }
        return counts;
    }

    /// <summary>Adds the counts.</summary>
    public static PairCounts operator +(PairCounts a, PairCounts b) => new()
    {
        Positives = [.. a.Positives.Zip(b.Positives, (x, y) => x + y)],
        Negatives = [.. a.Negatives.Zip(b.Negatives, (x, y) => x + y)],
        Anchors = a.Anchors + b.Anchors,
        WithoutPositives = a.WithoutPositives + b.WithoutPositives,
        WithoutNegatives = a.WithoutNegatives + b.WithoutNegatives,
    };

    /// <summary>These counts in percent of the global strategy's.</summary>
    public SelectionPercent PercentOf(PairCounts global) => new(
        Percent(Positives.Sum(), global.Positives.Sum()), Percent(Negatives.Sum(), global.Negatives.Sum()),
        [.. Positives.Zip(global.Positives, Percent)], [.. Negatives.Zip(global.Negatives, Percent)],
        Percent(WithoutPositives, Anchors), Percent(WithoutNegatives, Anchors));

    private static double Percent(long part, long whole) => 100.0 * part / Math.Max(1, whole);
}

/// <summary>Pairs that a strategy selects, in percent of the global strategy's: over all anchors, and by class of the anchor.</summary>
/// <param name="Positives">Selected positive pairs.</param>
/// <param name="Negatives">Selected negative pairs.</param>
/// <param name="PositivesByClass">The same for the anchors of each class.</param>
/// <param name="NegativesByClass">The same for the anchors of each class.</param>
/// <param name="AnchorsWithoutPositives">Percentage of anchors without positives.</param>
/// <param name="AnchorsWithoutNegatives">Percentage of anchors without negatives.</param>
public sealed record SelectionPercent(
    double Positives, double Negatives, IReadOnlyList<double>? PositivesByClass = null, IReadOnlyList<double>? NegativesByClass = null,
    double? AnchorsWithoutPositives = null, double? AnchorsWithoutNegatives = null);
