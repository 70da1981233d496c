using System.Text.Json.Serialization;

namespace Ascl.Robustness.Evaluation;

/// <summary>Accuracy under one corruption.</summary>
/// <param name="Name">Name of the corruption.</param>
/// <param name="Accuracies">Fraction of the images that are classified correctly at each severity, the mildest first.</param>
public sealed record CorruptionAccuracy(string Name, IReadOnlyList<double> Accuracies)
{
    /// <summary>Mean over the severities.</summary>
    [JsonIgnore]
    public double Mean => Accuracies.Average();
}

/// <summary>Accuracy on images under common corruptions.</summary>
/// <param name="Folder">Name of the folder of images.</param>
/// <param name="Count">Images of each corruption and severity.</param>
/// <param name="Corruptions">Accuracy under each corruption.</param>
public sealed record CorruptionReport(string Folder, int Count, IReadOnlyList<CorruptionAccuracy> Corruptions)
{
    /// <summary>Mean over the corruptions of the mean over their severities.</summary>
    public double MeanAccuracy => Corruptions.Average(corruption => corruption.Mean);

    /// <summary>Rows for tables, in percent: each corruption with its severities and their mean, and the mean of all.</summary>
    [JsonIgnore]
    public IReadOnlyList<string[]> Rows =>
    [
        .. Corruptions.Select(corruption => Row(corruption.Name, corruption.Accuracies, corruption.Mean)),
        Row("mean", [.. Enumerable.Range(0, Severities).Select(s => Corruptions.Average(c => c.Accuracies[s]))], MeanAccuracy),
    ];

    /// <summary>The header of <see cref="Rows"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Header => ["corruption", .. Enumerable.Range(1, Severities).Select(s => $"severity {s} %"), "mean %"];

    private int Severities => Corruptions[0].Accuracies.Count;

    private static string[] Row(string name, IReadOnlyList<double> accuracies, double mean) =>
        [name, .. accuracies.Append(mean).Select(accuracy => FormattableString.Invariant($"{100 * accuracy:F2}"))];
}
