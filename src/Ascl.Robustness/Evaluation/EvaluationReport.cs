using System.Text.Json.Serialization;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Robustness.Evaluation;

/// <summary>What one attack left.</summary>
/// <param name="Name">As in "PGD-20".</param>
/// <param name="Norm">linf or l2.</param>
/// <param name="Epsilon">Of pixels in [0, 1].</param>
/// <param name="Steps">Iterations, or queries.</param>
/// <param name="Accuracy">Share of all images that are right and that no restart of it turned; in a cascade none of the attacks before it
/// either.</param>
/// <param name="Attacked">Images that it was tried on.</param>
/// <param name="Turned">Those it turned.</param>
/// <param name="Rejected">Images returned by the attack outside the ball or outside [0, 1]; they did not count.</param>
/// <param name="Seconds">Time it took.</param>
/// <param name="Note">What it did otherwise than its definition, or that makes its accuracy doubtful.</param>
/// <param name="StepSize">Length of a step, where it is a setting.</param>
public sealed record AttackReport(
    string Name, string Norm, double Epsilon, int Steps, int Restarts, double Accuracy, int Attacked, int Turned, int Rejected,
    double Seconds, string? Note = null,
    double? StepSize = null);

/// <summary>Worst-case accuracy in a ball of another size.</summary>
public sealed record CurvePoint(double Epsilon, double Accuracy);

/// <summary>Accuracy on the images of one class.</summary>
public sealed record ClassReport(string Name, int Count, double CleanAccuracy, double RobustAccuracy);

/// <summary>Clean and robust accuracy on a set of images.</summary>
/// <param name="Count">Images.</param>
/// <param name="WorstCaseAccuracy">Share of images that are right and that no attack turned.</param>
/// <param name="IsCascade">Each attack was tried only on what those before it had left.</param>
/// <param name="Weights">File the weights are from, where there is one.</param>
/// <param name="Findings">Of the checks for false robustness, where they were asked for.</param>
/// <param name="Curve">Of the same attacks within other ε, where they were asked for.</param>
/// <param name="MinimalEpsilon">How small a change turns each image, where it was asked for.</param>
/// <param name="Doubts">Why its accuracies are not what they seem; empty where nothing was seen.</param>
/// <param name="Normalization">Of the input, in words.</param>
/// <param name="Part">Part of the data set that the images are: test, or train where it has no test part.</param>
/// <param name="TrainedOn">How many of the images these weights were trained on or chosen by; null where it is not known.</param>
/// <param name="WeightsSha256">Of the file the weights are from.</param>
/// <param name="CheckedImages">How many of the images the findings are of.</param>
public sealed record EvaluationReport(
    int Count, double CleanAccuracy, IReadOnlyList<AttackReport> Attacks, double WorstCaseAccuracy, double Seconds,
    string Model, string Data, ulong Seed, string Device, string? Weights = null, bool IsCascade = false,
    IReadOnlyList<ClassReport>? Classes = null,
    IReadOnlyList<HonestyFinding>? Findings = null, IReadOnlyList<CurvePoint>? Curve = null, MinimalEpsilonReport? MinimalEpsilon = null,
    string Part = "test", IReadOnlyList<string>? Doubts = null, string? Normalization = null,
    int? TrainedOn = null, string? WeightsSha256 = null, int? CheckedImages = null)
{
    /// <summary>The report in a file; null where there is none.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file is damaged.</exception>
    public static EvaluationReport? Read(string path) =>
        JsonFile.ReadRecord(path, EvaluationJson.Default.EvaluationReport, report => report.Attacks is not null);

    /// <summary>How many images of which part, and what to think of them: no accuracy is to be shown without it.</summary>
    [JsonIgnore]
    public string Images => ImagesOf(Part, Count, TrainedOn);

    /// <summary>Whether the weights have learned none of the images, as far as it is known.</summary>
    [JsonIgnore]
    public bool IsOfNewImages => AreNew(Part, TrainedOn);

    internal static bool AreNew(string part, int? trainedOn) => part == "test" && trainedOn is null or 0;

    /// <summary>What the images of a part are called where something is said of them.</summary>
    /// <param name="part">test or train.</param>
    /// <param name="trainedOn">How many of them the weights were trained on; null where it is not known.</param>
    public static string ImagesOf(string part, int count, int? trainedOn) =>
        part != "test" ? $"{count} TRAINING images (there is no test part: says nothing about new images)"
        : trainedOn > 0
            ? $"{count} images, {(trainedOn == count ? "ALL" : trainedOn)} of which THE WEIGHTS WERE TRAINED ON or chosen by (says nothing "
                + "about new images)"
        : $"{count} test images";

    /// <summary>The evaluation in the fields of a RobustBench entry.</summary>
    [JsonPropertyName("robustbench")]
    public RobustBenchEntry RobustBench => RobustBenchEntry.Of(this);
}
