using Ascl.Models;
using Ascl.Core.Settings;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting;

/// <summary>A chart of a run.</summary>
/// <param name="Name">Name of its file.</param>
/// <param name="Svg">The chart as SVG.</param>
public sealed record RunPlot(string Name, string Svg);

/// <summary>A run's metrics over its epochs as charts.</summary>
public static class RunPlots
{
    /// <summary>The charts of a run.</summary>
    /// <param name="model">The run's weights, for the chart of their norms.</param>
    public static IReadOnlyList<RunPlot> Of(RunConfig config, IReadOnlyList<EpochMetrics> epochs, Classifier model)
    {
        string attack = config.Attack.Validation.Name;
        List<RunPlot> plots =
        [
            new("accuracy", Chart.Lines("Accuracy", "epoch", "%",
            [
                Line("training, natural", m => 100 * m.TrainNaturalAccuracy),
                Line("training, adversarial", m => 100 * m.TrainRobustAccuracy),
                Line("validation, natural", m => 100 * m.ValidationNaturalAccuracy, true),
                Line($"validation, {attack}", m => 100 * m.ValidationRobustAccuracy, true),
                Line("averaged weights, natural", m => 100 * m.AverageNaturalAccuracy),
                Line($"averaged weights, {attack}", m => 100 * m.AverageRobustAccuracy),
            ])),
            new("loss", Chart.Lines("Loss and its terms, unweighted", "epoch", "",
                epochs.SelectMany(m => m.Terms.Keys).Distinct()
                    .Select(term => Line(term, m => m.Terms.TryGetValue(term, out double value) ? value : null))
                    .Prepend(Line("loss", m => m.Loss, true)))),
            new("learning-rate",
                Chart.Lines("Learning rate at the start of each epoch", "epoch", "", [Line("learning rate", m => m.LearningRate, true)])),
            new("weights", Chart.Bars("Norm of each weight tensor (best checkpoint)", "L2 norm",
                [.. model.Parameters.All.Where(p => p.Tensor.Shape.Rank > 1)
                    .Select(p => (p.Name, Math.Sqrt(p.Tensor.ToArray().Sum(w => (double)w * w))))])),
        ];
        if (epochs.Any(m => m.Probe is not null))
            plots.Add(new("probe", Chart.Lines("Training images under a weak and a strong attack", "epoch", "%",
                [Line("FGSM", m => 100 * m.Probe?.FgsmAccuracy), Line("PGD-10", m => 100 * m.Probe?.PgdAccuracy),
                    Line("without input gradient", m => 100 * m.Probe?.VanishedGradients)])));
        if (epochs.Any(m => m.Selection.Count > 0))
        {
            plots.Add(new("positives",
                Chart.Lines("Positives that each strategy selects", "epoch", "% of global", Strategies(s => s.Positives))));
            plots.Add(new("negatives",
                Chart.Lines("Negatives that each strategy selects", "epoch", "% of global", Strategies(s => s.Negatives))));
        }
        return plots;

        ChartLine Line(string name, Func<EpochMetrics, double?> value, bool isEmphasised = false) =>
            new(name, [.. epochs.Select(m => ((double)m.Epoch, value(m)))], isEmphasised);

        IEnumerable<ChartLine> Strategies(Func<SelectionPercent, double> value) =>
            epochs.SelectMany(m => m.Selection.Keys).Distinct().Select(strategy => Line(
            strategy, m =>
                m.Selection.TryGetValue(strategy, out SelectionPercent? s)
                    ? value(s)
                    : null, config.Method.Contrastive is { } contrastive && strategy == contrastive.Strategy.Name));
    }
}
