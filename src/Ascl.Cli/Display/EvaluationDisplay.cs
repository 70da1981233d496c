using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;

namespace Ascl.Cli.Display;

/// <summary>Shows the progress of an evaluation: the running attack, the robust accuracy so far, the time left, and the findings of the
/// checks.</summary>
internal sealed class EvaluationDisplay(ProgressDisplay display) : IEvaluationObserver
{
    private bool isChecking;

    public void Progress(EvaluationProgress progress)
    {
        TimeSpan left = TimeSpan.FromSeconds(progress.Seconds / progress.Done * (progress.Total - progress.Done));
        long done = (long)progress.Attacks.Done * progress.Total + progress.Done, total = (long)progress.Attacks.All * progress.Total;
        display.Report(done, total,
            $"{progress.Attack}, attack {progress.Attacks.Done + 1} of {progress.Attacks.All}: {progress.Done}/{progress.Total} images, "
            + $"{100 * progress.Accuracy:F1} % {(progress.IsTargeted ? "not at their target" : "robust")} so far, "
            + $"{TrainingProgress.Duration(left)} left");
    }

    public void Finding(HonestyFinding finding, int images)
    {
        if (!isChecking)
            display.Line($"checks on the first {images} images"
                + (images < RobustnessEvaluation.FewImages ? ", too few to conclude much" : "")
                + "; their PGD uses the default step size");
        isChecking = true;
        display.Line($"{(finding.IsSuspicious ? "suspicious" : "fine      ")} {finding.Name}: {finding.Seen}");
    }

    public void Corruption(CorruptionAccuracy accuracy, int done, int total) =>
        display.Report(done, total, $"corruptions, {done} of {total}: {accuracy.Name}, {100 * accuracy.Mean:F1} % right");

    public void Note(string line) => Message.Print(line);
}
