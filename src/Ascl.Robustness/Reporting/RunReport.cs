using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting;

/// <summary>Writes report.html of a run, and its charts as files in the folder plots.</summary>
public static class RunReport
{
    private const int Images = 1000, Examples = 24;

    /// <summary>Evaluates the best weights for the report's examples and writes the report.</summary>
    /// <param name="folder">Folder of a finished run.</param>
    /// <param name="model">The classifier with its best weights.</param>
    /// <param name="data">Its data set.</param>
    /// <returns>The page's path.</returns>
    /// <exception cref="Core.Diagnostics.UserErrorException">A file cannot be read or written.</exception>
    public static string Write(RunFolder folder, Classifier model, DataSet data, CancellationToken stop)
    {
        RunConfig config = folder.Config;
        PgdAttack attack = config.Attack.Report[^1];
        ImageSet images = data.Test.Take(Math.Min(Images, config.Data.LimitTest ?? Images));
        AttackPredictions predicted =
            AttackPredictions.Collect(model, images, attack, config.Training.Batch, config.Training.Seed, Examples, stop);
        IReadOnlyList<RunPlot> plots = RunPlots.Of(config, folder.Checkpoints.ReadMetrics(), model);
        Directory.CreateDirectory(folder.PlotsFolder);
        foreach (RunPlot plot in plots)
            AtomicFile.WriteText(Path.Combine(folder.PlotsFolder, $"{plot.Name}.svg"), plot.Svg);
        AtomicFile.WriteText(folder.PageFile,
            Page(RunRecord.Read(folder.Path), folder.Checkpoints.ReadMetrics(), data, plots, predicted,
                EvaluationReport.ImagesOf(data.HasTestPart ? "test" : "train", images.Count, Evaluator.TrainedOn(model, images)),
                attack.Name)
                .ToString());
        return folder.PageFile;
    }

    private static HtmlPage Page(RunRecord run, IReadOnlyList<EpochMetrics> epochs, DataSet data, IReadOnlyList<RunPlot> plots,
        AttackPredictions predicted, string images, string attack)
    {
        RunConfig config = run.Config;
        HtmlPage page = new($"{config.Method.Title} on {data.Name}: {config.Model.Network}, seed {config.Training.Seed}");
        string length = epochs.Count < config.Training.Epochs ? $"{epochs.Count} of {config.Training.Epochs}" : $"{epochs.Count}";
        page.Paragraph($"{length} epochs, ε {NumberText.Of(config.Attack.Epsilon)} "
            + $"({(config.Attack.Norm == PerturbationNorm.L2 ? "L2" : "L∞")}), training attack: {config.Attack.Steps} steps of "
            + $"{NumberText.Short(config.Attack.StepSize)}, {CheckpointChoice(config, data)}",
            isSoft: true);
        foreach (string note in data.Notes)
            page.Paragraph($"{data.Name}: {note}", isSoft: true);
        Results(page, run);
        foreach (var warning in epochs.SelectMany(m => m.Warnings ?? []).GroupBy(w => w.Name))
            page.Warning($"{warning.Key} (in {warning.Count()} of {epochs.Count} epochs): {warning.Last().Message}");
        page.Heading("Training")
            .Row(plots.Where(p => p.Name is not ("positives" or "negatives" or "weights")).Select(p => HtmlPage.Figure(p.Svg)));
        Selection(page, config, epochs, plots, data.ClassNames);
        Confusions(page, predicted, images, data.ClassNames, attack);
        Grid(page, predicted, data, attack, config.Attack.Norm);
        page.Heading("Weights").Row(plots.Where(p => p.Name == "weights").Select(p => HtmlPage.Figure(p.Svg)));
        Settings(page, run);
        return page;
    }

    private static string CheckpointChoice(RunConfig config, DataSet data)
    {
        int images = Math.Min(config.Data.LimitTrain ?? int.MaxValue, data.Train.Count),
            held = config.Data.Validation ?? TrainingData.ValidationCount(images);
        return held > 0 ? $"best checkpoint by {held} validation images" : "the last checkpoint, without validation images";
    }

    private static void Results(HtmlPage page, RunRecord run)
    {
        string twin = RunFolder.TwinPath(run.Path);
        (string Name, EvaluationReport? Report)[] all = [("best", run.Report), ("averaged, best", run.AverageReport),
            ("natural twin, best", Directory.Exists(twin) ? RunRecord.Read(twin).Report : null)];
        bool isTest = run.Report!.IsOnUnseenImages;
        page.Heading(isTest ? "Test accuracy" : "Accuracy on training images");
        if (!isTest)
            page.Warning($"Every accuracy on this page is on {run.Report.Images}.");
        foreach (string doubt in run.Report.Caveats ?? [])
            page.Warning(doubt);
        page.Table(["weights", isTest ? "test images" : "TRAINING images", "clean %", .. run.Report.Attacks.Select(a => $"{a.Name} %"),
            "worst case %"],
            from row in all
            where row.Report is not null
            select (string[])[row.Name, $"{row.Report.Count}", Percent(row.Report.CleanAccuracy),
                .. row.Report.Attacks.Select(a => Percent(a.Accuracy)), Percent(row.Report.WorstCaseAccuracy)]);
    }

    private static void Selection(HtmlPage page, RunConfig config, IReadOnlyList<EpochMetrics> epochs, IReadOnlyList<RunPlot> plots,
        IReadOnlyList<string> classes)
    {
        if (epochs.LastOrDefault(m => m.Selection.Count > 0) is not { } last)
            return;
        string inUse = config.Method is AsclObjective { Contrastive: var contrastive }
            ? $"{contrastive.Strategy.Name} is the strategy in use"
            : "no strategy is in use";
        page.Heading("Selection").Row(plots.Where(p => p.Name is "positives" or "negatives").Select(p => HtmlPage.Figure(p.Svg)));
        page.Paragraph($"Percent of the pairs of the global strategy in epoch {last.Epoch}, by the anchor's class; "
            + $"{inUse}.",
            isSoft: true);
        if (last.Selection.Values.All(s => s.PositivesByClass is null || s.NegativesByClass is null))
            return;
        page.Table(["strategy", "pairs", "all", .. classes, "anchors without"], last.Selection.SelectMany(entry => new[]
        {
            (string[])[entry.Key, "positives", Number(entry.Value.Positives), .. entry.Value.PositivesByClass!.Select(Number),
                Number(entry.Value.AnchorsWithoutPositives ?? 0)],
            [entry.Key, "negatives", Number(entry.Value.Negatives), .. entry.Value.NegativesByClass!.Select(Number),
                Number(entry.Value.AnchorsWithoutNegatives ?? 0)],
        }));
    }

    private static void Confusions(HtmlPage page, AttackPredictions predicted, string images, IReadOnlyList<string> classes, string attack)
    {
        int[,] clean = AttackPredictions.Confusion(predicted.Labels, predicted.Predictions, classes.Count),
            adversarial = AttackPredictions.Confusion(predicted.Labels, predicted.AdversarialPredictions, classes.Count);
        page.Heading("Confusions").Row(
        [
            HtmlPage.HeatMap($"{images}: true class down, prediction across", classes, clean),
            HtmlPage.HeatMap($"the same after {attack} on every image", classes, adversarial),
        ]);
        page.Table(["class", .. classes],
            new[] { ("clean %", clean),
                ($"{attack} %", adversarial) }.Select(m => (string[])[m.Item1, .. classes.Select((_, c) => Recall(m.Item2, c))]));
    }

    private static string Recall(int[,] counts, int label)
    {
        int total = Enumerable.Range(0, counts.GetLength(1)).Sum(j => counts[label, j]);
        return total == 0 ? "–" : Number(100.0 * counts[label, label] / total);
    }

    private static void Grid(HtmlPage page, AttackPredictions predicted, DataSet data, string attack, PerturbationNorm norm)
    {
        page.Heading("Adversarial images");
        page.Paragraph(
            $"Natural image, adversarial image ({attack}), their difference, scaled so that its largest value is black or white.",
            isSoft: true);
        page.Images(predicted.Examples.Select(e => Example(e, data, norm)));
    }

    private static string Example(AdversarialExample e, DataSet data, PerturbationNorm norm)
    {
        string label = HtmlPage.Escape(data.ClassNames[e.Label]), after = HtmlPage.Escape(data.ClassNames[e.AdversarialPrediction]);
        string prediction = e.AdversarialPrediction == e.Label ? after : $"<b class=\"flipped\">{after}</b>";
        return ImageTile.Html(e.Image, e.Adversarial, data.Test, norm,
            $"{label}: predicted {HtmlPage.Escape(data.ClassNames[e.Prediction])}, then {prediction}");
    }

    private static void Settings(HtmlPage page, RunRecord run)
    {
        page.Heading("Settings").Code($"ascl train {string.Join(' ', run.Config.Arguments().Select(Quoted))}");
        if (run.Summary is { } cost)
            page.Table(["trained on", "wall time, s", "CPU time, s", "images/s", "forward passes", "backward passes", "TFLOP",
                "peak memory, MiB", "best epoch"],
                [[cost.Device, Number(cost.TrainSeconds), Number(cost.CpuSeconds), Number(cost.ImagesPerSecond), $"{cost.ForwardPasses}",
                    $"{cost.BackwardPasses}", Number(cost.Gflop / 1e3), Number(cost.PeakMemoryBytes / 1048576.0), $"{cost.BestEpoch}"]]);
        JsonObject defaults = run.Config.Defaults();
        page.Paragraph("All settings used by this method; those that differ from the defaults come first.", isSoft: true);
        page.Table(["setting", "value", "default"], run.Config.ToJson().Where(e => run.Config.Uses(e.Key))
            .Select(e => (string[])[e.Key, NumberText.Of(e.Value), NumberText.Of(defaults[e.Key])]).OrderBy(row => row[1] == row[2]));
    }

    /// <summary>"--model resnet20" quoted for a shell: values with special characters are in quotation marks.</summary>
    private static string Quoted(string argument)
    {
        int value = argument.IndexOf(' ') + 1;
        return argument.AsSpan(value).ContainsAny(" $'\"#&;|()") ? $"{argument[..value]}\"{argument[value..]}\"" : argument;
    }

    private static string Percent(double share) => Number(100 * share);

    private static string Number(double value) => value.ToString("F1", CultureInfo.InvariantCulture);
}
