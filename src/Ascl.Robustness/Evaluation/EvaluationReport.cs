using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Robustness.Evaluation;

/// <summary>The result of one attack.</summary>
/// <param name="Name">Display name, such as "PGD-20".</param>
/// <param name="Norm">linf or l2.</param>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="Steps">Iterations, or queries.</param>
/// <param name="Restarts">How often the attack was run on images that survived it.</param>
/// <param name="Accuracy">Fraction of all images that are still classified correctly after all restarts; in a cascade also after all
/// previous attacks. In a targeted evaluation no robust accuracy: the attacked images that were not led to their target.</param>
/// <param name="Attacked">Number of images attacked.</param>
/// <param name="Misclassified">Number of them that are misclassified after the attack; in a targeted evaluation, as their
/// target.</param>
/// <param name="Rejected">Number of images that the attack returned outside the ball or [0, 1], which do not count as
/// misclassified.</param>
/// <param name="Seconds">Run time.</param>
/// <param name="Note">How the attack deviated from its definition, or why its accuracy is unreliable; null if neither.</param>
/// <param name="StepSize">Step size, if the attack has a fixed one.</param>
public sealed record AttackReport(
    string Name, string Norm, double Epsilon, int Steps, int Restarts, double Accuracy, int Attacked,
    [property: JsonPropertyName("turned")] int Misclassified, int Rejected, double Seconds, string? Note = null, double? StepSize = null)
{
    /// <summary>Fraction of the attacked images that the attack made misclassified, or in a targeted evaluation led to their
    /// target.</summary>
    [JsonIgnore]
    public double Success => Attacked == 0 ? 0 : (double)Misclassified / Attacked;
}

/// <summary>The outcome of a targeted evaluation.</summary>
/// <param name="Target">The number of a class, random or least-likely.</param>
/// <param name="Tried">Correctly classified images whose label is not their target: those that were attacked.</param>
/// <param name="Reached">Of them, images that an attack led to their target.</param>
/// <param name="LeftOut">Correctly classified images whose label is their target.</param>
public sealed record TargetedReport(string Target, int Tried, int Reached, int LeftOut)
{
    /// <summary>Fraction of the attacked images that an attack led to their target.</summary>
    [JsonIgnore]
    public double Success => Tried == 0 ? 0 : (double)Reached / Tried;
}

/// <summary>Worst-case accuracy for another ε.</summary>
/// <param name="Epsilon">Radius of the ball, for pixels in [0, 1].</param>
/// <param name="Accuracy">Fraction of all images that are classified correctly under all attacks within it.</param>
public sealed record CurvePoint(double Epsilon, double Accuracy);

/// <summary>Accuracy on the images of one class.</summary>
/// <param name="Name">Name of the class.</param>
/// <param name="Count">Images of the class.</param>
/// <param name="CleanAccuracy">Fraction of them that are classified correctly.</param>
/// <param name="RobustAccuracy">Fraction of them that are classified correctly under all attacks.</param>
public sealed record ClassReport(string Name, int Count, double CleanAccuracy, double RobustAccuracy);

/// <summary>Clean and robust accuracy on a set of images.</summary>
/// <param name="Count">Number of images.</param>
/// <param name="CleanAccuracy">Fraction of images that are classified correctly.</param>
/// <param name="Attacks">The attacks in the order of execution.</param>
/// <param name="WorstCaseAccuracy">Fraction of images that are classified correctly under all attacks. In a targeted evaluation no robust
/// accuracy: the attacked images that no attack led to their target.</param>
/// <param name="Seconds">Run time, including that of a stopped process that was resumed.</param>
/// <param name="Model">Name of the network.</param>
/// <param name="Data">Name of the data set.</param>
/// <param name="Seed">Seed of the random numbers.</param>
/// <param name="Device">The device and how it was used.</param>
/// <param name="Weights">Weight file, if any.</param>
/// <param name="IsCascade">Whether each attack was run only on images that survived the previous ones.</param>
/// <param name="Classes">Accuracies by class.</param>
/// <param name="Findings">Findings of the checks for false robustness, if requested.</param>
/// <param name="Curve">Worst-case accuracy of the same attacks for other ε, if requested.</param>
/// <param name="MinimalEpsilon">The smallest adversarial perturbations, if requested.</param>
/// <param name="Part">Part of the data set the images are from: test, or train if there is no test part.</param>
/// <param name="Caveats">Reasons why the accuracies may be misleading; empty if none were found.</param>
/// <param name="Normalization">Input normalisation, as text.</param>
/// <param name="TrainedOn">How many of the images the weights were trained on or selected by; null if unknown.</param>
/// <param name="WeightsSha256">SHA-256 of the weight file.</param>
/// <param name="CheckedImages">Number of images the findings are based on.</param>
/// <param name="Corruptions">Accuracy under common corruptions, if requested.</param>
/// <param name="Targeted">The outcome of a targeted evaluation; null for attacks that any wrong class suffices.</param>
public sealed record EvaluationReport(
    int Count, double CleanAccuracy, IReadOnlyList<AttackReport> Attacks, double WorstCaseAccuracy, double Seconds,
    string Model, string Data, ulong Seed, string Device, string? Weights = null, bool IsCascade = false,
    IReadOnlyList<ClassReport>? Classes = null,
    IReadOnlyList<HonestyFinding>? Findings = null, IReadOnlyList<CurvePoint>? Curve = null, MinimalEpsilonReport? MinimalEpsilon = null,
    string Part = "test", [property: JsonPropertyName("doubts")] IReadOnlyList<string>? Caveats = null, string? Normalization = null,
    int? TrainedOn = null, string? WeightsSha256 = null, int? CheckedImages = null, CorruptionReport? Corruptions = null,
    TargetedReport? Targeted = null)
{
    /// <summary>Reads a report; null if there is no such file.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file is damaged.</exception>
    public static EvaluationReport? Read(string path) =>
        JsonFile.ReadRecord(path, EvaluationJson.Default.EvaluationReport, report => report.Attacks is not null);

    /// <summary>Describes the images: their number, their part of the data set, and whether the weights were trained on them. Shown with
    /// every accuracy.</summary>
    [JsonIgnore]
    public string Images => ImagesOf(Part, Count, TrainedOn);

    /// <summary>Whether, as far as known, the weights were trained on none of the images.</summary>
    [JsonIgnore]
    public bool IsOnUnseenImages => AreUnseen(Part, TrainedOn);

    internal static bool AreUnseen(string part, int? trainedOn) => part == "test" && trainedOn is null or 0;

    /// <summary>Describes images of a part of a data set, as in <see cref="Images"/>.</summary>
    /// <param name="part">test or train.</param>
    /// <param name="trainedOn">How many of them the weights were trained on; null if unknown.</param>
    public static string ImagesOf(string part, int count, int? trainedOn) =>
        part != "test" ? $"{count} TRAINING images (there is no test part: says nothing about new images)"
        : trainedOn > 0
            ? $"{count} images, {(trainedOn == count ? "ALL" : trainedOn)} of which THE WEIGHTS WERE TRAINED ON or selected by (says "
                + "nothing about new images)"
        : $"{count} test images";

    /// <summary>The evaluation as a RobustBench entry.</summary>
    [JsonPropertyName("robustbench")]
    public RobustBenchEntry RobustBench => RobustBenchEntry.Of(this);
}
