using Ascl.Core.Settings;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;

namespace Ascl.Cli.Display;

/// <summary>Shows the progress of training, and a line for each epoch.</summary>
/// <param name="display">The progress display.</param>
/// <param name="attack">Name of the attack of the robust validation accuracy.</param>
internal sealed class TrainingDisplay(ProgressDisplay display, string attack) : TrainingCallback
{
    private TrainingProgress? progress;

    public override void Begin(Trainer trainer)
    {
        int epochs = trainer.Settings.Epochs;
        long before = trainer.StepsDone, all = (long)epochs * trainer.StepsPerEpoch;
        progress = new(display, epochs, trainer.StepsPerEpoch, before);
        if (before > 0)
            display.Line(trainer.HasEndedByOverfitting ? $"resuming a run that has ended: {Ended(trainer)}"
                : before == all ? $"all {epochs} epochs are already done"
                : $"resuming after step {before} of {all}");
    }

    public override void EndStep(Trainer trainer, TrainedStep step) =>
        progress!.Step(step.Epoch, step.Step, step.Images,
            [("loss", step.Result.Loss), .. step.Result.Terms.Select(t => (t.Key, t.Value))]);

    public override void EndEpoch(Trainer trainer, TrainedEpoch epoch)
    {
        EpochMetrics m = epoch.Metrics;
        string terms = string.Concat(m.Terms.Select(t => $" {t.Key} {t.Value:F3}"));
        string accuracy = m.ValidationNaturalAccuracy is { } natural
            ? $", validation {Percent(natural)} % natural, {Percent(m.ValidationRobustAccuracy ?? 0)} % {attack}" : "";
        if (m.AverageNaturalAccuracy is { } averaged)
            accuracy += $", averaged {Percent(averaged)} % natural, {Percent(m.AverageRobustAccuracy ?? 0)} %";
        string? strategy = trainer.Objective is AsclObjective { Contrastive: var contrastive } ? contrastive.Strategy.Name : null;
        string selection = strategy is not null && m.Selection.TryGetValue(strategy, out SelectionPercent? used)
            ? $", {strategy} uses {used.Positives:F1} % positives {used.Negatives:F1} % negatives" : "";
        progress!.Epoch($"epoch {m.Epoch}/{trainer.Settings.Epochs}: loss {m.Loss:F3}{terms}{accuracy}{selection}, {m.ImagesPerSecond:F0} "
            + $"images/s, {m.Seconds:F1} s"
            + (m.Best ? ", best so far" : ""));
        foreach (TrainingWarning warning in m.Warnings ?? [])
            display.Line($"warning: {warning.Name}: {warning.Message}");
        if (trainer.Settings.OnOverfitting == OverfittingResponse.Pgd && trainer.Progress.OverfittingEpoch == m.Epoch)
            display.Line($"training goes on with {trainer.Fallback!.Name} (on-overfitting pgd)");
    }

    public override void End(Trainer trainer)
    {
        if (trainer.HasEndedByOverfitting)
            display.Line($"training has ended: {Ended(trainer)}");
    }

    private static string Ended(Trainer trainer) =>
        $"catastrophic overfitting in epoch {trainer.Progress.OverfittingEpoch} of {trainer.Settings.Epochs} (on-overfitting stop); the "
            + $"best weights are those of epoch {trainer.Progress.Best.Epoch}";

    private static string Percent(double share) => (100 * share).ToString("F1");
}
