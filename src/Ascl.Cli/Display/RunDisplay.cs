using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Distributed;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Checkpoints;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Reporting;
using Ascl.Robustness.Reporting.TensorBoard;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Cli.Display;

/// <summary>Trains and evaluates runs on one data set, with progress displays.</summary>
internal sealed class RunDisplay(Device device, DataSet data, Communicator ranks, CancellationToken stop)
{
    /// <summary>Prints what is going to be trained, and the settings and images to be wary of.</summary>
    public void Introduce(RunFolder folder)
    {
        RunConfig config = folder.Config;
        Console.WriteLine($"{config.Method.Name} on {data.Name} ({data.ClassNames.Count} classes), {config.Model.Network}, epsilon "
            + $"{NumberText.Of(config.Attack.Epsilon)} {NameText.Of(config.Attack.Norm)} (training step "
            + $"{NumberText.Short(config.Attack.StepSize)}), seed {config.Training.Seed}, {device.Name}");
        Console.WriteLine($"run folder {folder.Path}");
        foreach (string note in data.Notes)
            Console.WriteLine($"{data.Name}: {note}");
        foreach (string doubt in config.Doubts())
            Console.WriteLine($"warning: {doubt}");
    }

    /// <summary>Trains a run from its saved state on, then evaluates its best weights, and its best averaged weights if there are
    /// any.</summary>
    /// <param name="name">What the table of results calls the run.</param>
    /// <param name="start">The initial model of a new run; null to create it.</param>
    /// <returns>Nothing for an encoder without a classifier.</returns>
    public List<(string Name, EvaluationReport Report)> TrainAndEvaluate(RunFolder folder, string name, Classifier? start = null)
    {
        RunConfig config = folder.Config;
        using IDisposable? locked = ranks.Together(() => ranks.IsMain ? folder.Lock() : null);
        ProgressDisplay.Run($"training {config.Method.Name}", display =>
        {
            TrainingCallback[] log = config.Run.Tensorboard ? [new TensorBoardLog(folder.TensorBoardFolder)] : [];
            RunTraining training = ranks.Together(() => new RunTraining(device, folder, data, start, ranks,
                [.. log, new TrainingDisplay(display, config.Attack.Validation.Name)]));
            foreach (string note in training.Notes)
                display.Line(note);
            training.Fit(stop);
            return 0;
        });
        if (!config.Method.TrainsLogits)
            return [];
        List<(string, EvaluationReport)> reports = [(name, Evaluate(folder, ofAverage: false))];
        if (config.Training.EmaDecay > 0)
            reports.Add(($"{name}, averaged", Evaluate(folder, ofAverage: true)));
        return reports;
    }

    /// <summary>Writes a run's report.html from its files and its best weights.</summary>
    public void WriteReport(RunFolder folder)
    {
        string page = ProgressDisplay.Run("writing the report",
            _ => RunReport.Write(folder, ClassifierFile.Load(device, folder.Checkpoints.BestFile), data, stop));
        Console.WriteLine($"report {page}");
    }

    /// <summary>Prints the accuracies of several evaluations under the same attacks.</summary>
    public void PrintTable(List<(string Name, EvaluationReport Report)> results)
    {
        EvaluationReport first = results[0].Report;
        var table = new ResultTable(["method", "clean %", .. first.Attacks.Select(a => $"{a.Name} %")])
        { Title = $"Accuracy on {first.Images} of {data.Name}" };
        foreach (var (name, report) in results)
            table.Add([name, Percent(report.CleanAccuracy), .. report.Attacks.Select(a => Percent(a.Accuracy))]);
        table.Print();
        foreach (var (name, report) in results)
            foreach (string doubt in report.Caveats ?? [])
                Console.WriteLine($"warning: {name}: {doubt}");
    }

    private EvaluationReport Evaluate(RunFolder folder, bool ofAverage) => ProgressDisplay.Run("evaluating on the test images",
        display => FinalEvaluation.Run(device, folder, data, ofAverage, new EvaluationDisplay(display).Progress, ranks, stop));

    private static string Percent(double share) => (100 * share).ToString("F1");
}
