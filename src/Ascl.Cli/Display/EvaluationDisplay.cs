using Ascl.Robustness.Evaluation;

namespace Ascl.Cli.Display;

/// <summary>An evaluation's progress: the attack, the accuracy it has left so far, and the time it will still take.</summary>
internal sealed class EvaluationDisplay(ProgressDisplay display)
{
    public void Report(EvaluationProgress progress)
    {
        TimeSpan left = TimeSpan.FromSeconds(progress.Seconds / progress.Done * (progress.Total - progress.Done));
        long done = (long)progress.Attacks.Done * progress.Total + progress.Done, total = (long)progress.Attacks.All * progress.Total;
        display.Report(done, total, $"{progress.Attack}, attack {progress.Attacks.Done + 1} of {progress.Attacks.All}: {progress.Done}/{progress.Total} images, {100 * progress.Accuracy:F1} % robust so far, {TrainingProgress.Duration(left)} left");
    }
}
