using Ascl.Cli.Display;
using Ascl.Core.Files;
using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Reporting.TensorBoard;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Cli.Verbs;

/// <summary>One training with its final evaluation, shown as it goes.</summary>
internal static class RunDisplay
{
    /// <summary>Trains from where the folder stands, then evaluates; nothing is evaluated after pre-training.</summary>
    public static List<(string Name, EvaluationReport Report)> TrainAndReport(Device device, RunFolder folder, DataSet data, string name,
        CancellationToken stop, Classifier? start = null)
    {
        RunConfig config = folder.Config;
        using IDisposable locked = folder.Lock();
        ProgressDisplay.Run($"training {config.Method.Name}", display =>
        {
            TrainingCallback[] log = config.Run.Tensorboard ? [new TensorBoardLog(folder.TensorBoardFolder)] : [];
            RunTraining training = new(device, folder, data, start, [.. log, new TrainingDisplay(display, config.Attack.Validation.Name)]);
            foreach (string note in training.Notes)
                display.Line(note);
            training.Fit(stop);
            return 0;
        });
        if (!config.Method.TrainsLogits)
            return [];
        List<(string, EvaluationReport)> reports = [(name,
            Report(device, config, data, folder.Checkpoints.BestFile, folder.ReportFile, stop))];
        if (config.Training.EmaDecay > 0)
            reports.Add(($"{name}, averaged",
                Report(device, config, data, folder.Checkpoints.BestAverageFile, folder.AverageReportFile, stop)));
        return reports;
    }

    /// <summary>The run's page, from its files and its best weights.</summary>
    public static void WriteReport(Device device, RunFolder folder, DataSet data, CancellationToken stop)
    {
        string page = ProgressDisplay.Run("writing the report",
            _ => RunReport.Write(folder, ClassifierFile.Load(device, folder.Checkpoints.BestFile), data, stop));
        Console.WriteLine($"report {page}");
    }

    /// <summary>Evaluates weights on the test images.</summary>
    private static EvaluationReport Report(Device device, RunConfig config, DataSet data, string weights, string file,
        CancellationToken stop)
    {
        Classifier best = ClassifierFile.Load(device, weights);
        PlannedAttack[] attacks = [.. config.Attack.Report.Select(attack => new PlannedAttack(attack))];
        Evaluator evaluator = new(best, config.Data.TestOf(data), config.Training.Batch, config.Training.Seed);
        EvaluationReport report = ProgressDisplay.Run("evaluating on the test images",
            display => evaluator.Run(attacks, stop, new EvaluationDisplay(display).Progress));
        report = evaluator.Annotate(report, weights, data);
        AtomicFile.WriteText(file, Evaluator.ToJson(report));
        return report;
    }

    public static void PrintTable(DataSet data, List<(string Name, EvaluationReport Report)> results)
    {
        var table = new ResultTable(["method", "clean %",
            .. results[0].Report.Attacks.Select(a => $"{a.Name} %")])
        { Title = $"Accuracy on {results[0].Report.Images} of {data.Name}" };
        foreach (var (name, report) in results)
            table.Add([name, Percent(report.CleanAccuracy), .. report.Attacks.Select(a => Percent(a.Accuracy))]);
        table.Print();
        foreach (var (name, report) in results)
            foreach (string doubt in report.Caveats ?? [])
                Console.WriteLine($"warning: {name}: {doubt}");
    }

    private static string Percent(double share) => (100 * share).ToString("F1");
}
