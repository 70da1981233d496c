namespace Ascl.Robustness.Evaluation;

/// <summary>What one attack left.</summary>
/// <param name="Name">As in "PGD-20".</param>
/// <param name="Norm">linf or l2.</param>
/// <param name="Epsilon">Of pixels in [0, 1].</param>
/// <param name="StepSize">Length of one step.</param>
/// <param name="Accuracy">Share of all images that no restart of it turned; images that were wrong before count as wrong.</param>
/// <param name="Rejected">Images returned by the attack outside the ball or outside [0, 1]; they did not count.</param>
/// <param name="Seconds">Time it took.</param>
public sealed record AttackReport(string Name, string Norm, double Epsilon, double StepSize, int Steps, int Restarts, double Accuracy, int Rejected, double Seconds);

/// <summary>Clean and robust accuracy on a set of images.</summary>
/// <param name="Count">Images.</param>
/// <param name="WorstCaseAccuracy">Share of images that are right and that no attack turned.</param>
/// <param name="Weights">File the weights are from, where there is one.</param>
public sealed record EvaluationReport(
    int Count, double CleanAccuracy, IReadOnlyList<AttackReport> Attacks, double WorstCaseAccuracy, double Seconds,
    string Model, string Data, ulong Seed, string Device, string? Weights = null);
