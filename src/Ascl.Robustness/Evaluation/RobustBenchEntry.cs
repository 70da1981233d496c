using System.Globalization;
using Ascl.Core.Settings;

namespace Ascl.Robustness.Evaluation;

/// <summary>An evaluation in the fields of a model's file in RobustBench (model_info): numbers are texts there, accuracies percent. What an
/// evaluation cannot know (name, authors, venue, link, additional_data, reported) is left out.</summary>
/// <param name="AutoattackAcc">Where the attacks were Auto-Attack's standard four.</param>
/// <param name="Unreliable">Whether a check for false robustness found something, or the weights have learned some of the images; null
/// where neither is known.</param>
public sealed record RobustBenchEntry(string Dataset, string Architecture, string? Eps, string CleanAcc, string? AutoattackAcc,
    int NumberForwardPasses, bool? Unreliable)
{
    /// <summary>Auto-Attack's standard version: attacks and their iterations or queries.</summary>
    private static readonly (string Name, int Steps)[] AutoAttack = [("APGD-CE", 100), ("APGD-T", 100), ("FAB-T", 100), ("Square", 5000)];

    /// <summary>The entry for an evaluation.</summary>
    public static RobustBenchEntry Of(EvaluationReport report) => new(
        string.Concat(report.Data.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant(), report.Model, report.Attacks.Count > 0
            ? NumberText.Of(report.Attacks[0].Epsilon)
            : null,
        Percent(report.CleanAccuracy),
        report.Attacks.Select(a => (a.Name, a.Steps)).SequenceEqual(AutoAttack) && report.Attacks.All(a => a.Restarts == 1)
            ? Percent(report.WorstCaseAccuracy)
            : null, 1, report.IsOfNewImages ? report.Findings?.Any(f => f.IsSuspicious)
            : true);

    private static string Percent(double share) => (100 * share).ToString("F2", CultureInfo.InvariantCulture);
}
