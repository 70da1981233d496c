using System.Globalization;
using Ascl.Core.Settings;

namespace Ascl.Robustness.Evaluation;

/// <summary>An evaluation in the format of RobustBench's model_info files: numbers as strings, accuracies in percent. Fields that an
/// evaluation does not know (name, authors, venue, link, additional_data, reported) are omitted.</summary>
/// <param name="Dataset">Name of the data set in lower case, without punctuation.</param>
/// <param name="Architecture">Name of the network.</param>
/// <param name="Eps">ε of the first attack; null without attacks.</param>
/// <param name="CleanAcc">Clean accuracy in percent.</param>
/// <param name="AutoattackAcc">Accuracy under Auto-Attack's standard version; null if other attacks were run.</param>
/// <param name="NumberForwardPasses">Passes of the network for a prediction.</param>
/// <param name="Unreliable">Whether a check for false robustness was suspicious, or the weights were trained on some of the images; null if
/// neither is known.</param>
public sealed record RobustBenchEntry(string Dataset, string Architecture, string? Eps, string CleanAcc, string? AutoattackAcc,
    int NumberForwardPasses, bool? Unreliable)
{
    /// <summary>Auto-Attack's standard version: attack names with their iterations or queries.</summary>
    private static readonly (string Name, int Steps)[] AutoAttack = [("APGD-CE", 100), ("APGD-T", 100), ("FAB-T", 100), ("Square", 5000)];

    /// <summary>The entry for an evaluation.</summary>
    public static RobustBenchEntry Of(EvaluationReport report) => new(
        Dataset: string.Concat(report.Data.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant(),
        Architecture: report.Model,
        Eps: report.Attacks.Count > 0 ? NumberText.Of(report.Attacks[0].Epsilon) : null,
        CleanAcc: Percent(report.CleanAccuracy),
        AutoattackAcc: IsAutoAttack(report.Attacks) ? Percent(report.WorstCaseAccuracy) : null,
        NumberForwardPasses: 1,
        Unreliable: report.IsOnUnseenImages ? report.Findings?.Any(f => f.IsSuspicious) : true);

    private static bool IsAutoAttack(IReadOnlyList<AttackReport> attacks) =>
        attacks.Select(a => (a.Name, a.Steps)).SequenceEqual(AutoAttack) && attacks.All(a => a.Restarts == 1);

    private static string Percent(double share) => (100 * share).ToString("F2", CultureInfo.InvariantCulture);
}
