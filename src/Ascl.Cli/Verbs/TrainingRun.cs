using Ascl.Cli.Display;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Training;

namespace Ascl.Cli.Verbs;

/// <summary>One training with its final evaluation, shown as it goes.</summary>
internal static class TrainingRun
{
    /// <summary>Trains from where the folder stands, then evaluates; nothing is evaluated after pre-training.</summary>
    public static List<(string Name, EvaluationReport Report)> TrainAndReport(Device device, RunFolder folder, DataSet data, string name, CancellationToken stop, Classifier? start = null)
    {
        RunConfig config = folder.Config;
        using IDisposable locked = folder.Lock();
        Trainer trainer = new(device, folder, data, start);
        foreach (string note in trainer.Notes)
            Console.WriteLine(note);
        ProgressDisplay.Run($"training {config.Method}", display =>
        {
            trainer.Run(new Observer(display, config), stop);
            return 0;
        });
        if (!RunParts.TrainsLogits(config))
            return [];
        List<(string, EvaluationReport)> reports = [(name, Report(device, config, data, folder.BestFile, folder.ReportFile, stop))];
        if (config.EmaDecay > 0)
            reports.Add(($"{name}, averaged", Report(device, config, data, folder.BestAverageFile, folder.AverageReportFile, stop)));
        return reports;
    }

    /// <summary>The run's page, from its files and its best weights.</summary>
    public static void WriteReport(Device device, RunFolder folder, DataSet data, CancellationToken stop)
    {
        string page = ProgressDisplay.Run("writing the report", _ => RunReport.Write(folder, ClassifierFile.Load(device, folder.BestFile), data, stop));
        Console.WriteLine($"report {page}");
    }

    /// <summary>Evaluates weights on the test images.</summary>
    private static EvaluationReport Report(Device device, RunConfig config, DataSet data, string weights, string file, CancellationToken stop)
    {
        Classifier best = ClassifierFile.Load(device, weights);
        ImageSet test = config.LimitTest is { } limit ? data.Test.Take(limit) : data.Test;
        PlannedAttack[] attacks = [.. RunParts.ReportAttacks(config).Select(attack => new PlannedAttack(attack))];
        Evaluator evaluator = new(best, test, config.Batch, config.Seed);
        EvaluationReport report = ProgressDisplay.Run("evaluating on the test images", display => evaluator.Run(attacks, stop, new EvaluationDisplay(display).Report));
        report = evaluator.Described(report, weights, data);
        AtomicFile.WriteText(file, Evaluator.ToJson(report));
        return report;
    }

    public static void PrintTable(DataSet data, List<(string Name, EvaluationReport Report)> results)
    {
        var table = new ResultTable(["method", "clean %", .. results[0].Report.Attacks.Select(a => $"{a.Name} %")]) { Title = $"Accuracy on {results[0].Report.Images} of {data.Name}" };
        foreach (var (name, report) in results)
            table.Add([name, Percent(report.CleanAccuracy), .. report.Attacks.Select(a => Percent(a.Accuracy))]);
        table.Print();
        foreach (var (name, report) in results)
            foreach (string doubt in report.Doubts ?? [])
                Console.WriteLine($"warning: {name}: {doubt}");
    }

    private static string Percent(double share) => (100 * share).ToString("F1");

    /// <summary>Shows steps and epochs as they come.</summary>
    private sealed class Observer(ProgressDisplay display, RunConfig config) : ITrainingObserver
    {
        private TrainingProgress? progress;

        public void Began(int epochs, int stepsPerEpoch, long stepsBefore)
        {
            progress = new(display, epochs, stepsPerEpoch, stepsBefore);
            if (stepsBefore > 0)
                display.Line(stepsBefore == (long)epochs * stepsPerEpoch ? $"all {epochs} epochs are done already" : $"going on after step {stepsBefore} of {(long)epochs * stepsPerEpoch}");
        }

        public void Step(int epoch, int step, int images, StepResult result) =>
            progress!.Step(epoch, step, images, [("loss", result.Loss), .. result.Terms.Select(t => (t.Key, t.Value))]);

        public void Epoch(EpochMetrics m)
        {
            string terms = string.Concat(m.Terms.Select(t => $" {t.Key} {t.Value:F3}"));
            string accuracy = m.ValidationNaturalAccuracy is { } natural
                ? $", validation {Percent(natural)} % natural, {Percent(m.ValidationRobustAccuracy ?? 0)} % {RunParts.ValidationAttack(config).Name}" : "";
            if (m.AverageNaturalAccuracy is { } averaged)
                accuracy += $", averaged {Percent(averaged)} % natural, {Percent(m.AverageRobustAccuracy ?? 0)} %";
            string selection = m.Selection.TryGetValue(config.Strategy, out SelectionPercent? used) && config.Method == "ascl"
                ? $", {config.Strategy} uses {used.Positives:F1} % positives {used.Negatives:F1} % negatives" : "";
            progress!.Epoch($"epoch {m.Epoch}/{config.Epochs}: loss {m.Loss:F3}{terms}{accuracy}{selection}, {m.ImagesPerSecond:F0} images/s, {m.Seconds:F1} s{(m.Best ? ", best so far" : "")}");
            foreach (TrainingWarning warning in m.Warnings ?? [])
                display.Line($"warning: {warning.Name}: {warning.Message}");
        }
    }
}
