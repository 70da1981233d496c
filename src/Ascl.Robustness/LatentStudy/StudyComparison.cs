using Ascl.Core.Files;
using Ascl.Robustness.Reporting;

namespace Ascl.Robustness.LatentStudy;

/// <summary>Pearson's correlation of the latents' R-DIV with robust accuracy over several classifiers: −1 if robust accuracy falls linearly
/// with R-DIV; null with fewer than three classifiers or without variance.</summary>
/// <param name="Distance">Name of the distance.</param>
/// <param name="Pairs">natural, natural_adversarial or adversarial.</param>
/// <param name="Value">The correlation, from −1 to 1.</param>
public sealed record DivergenceCorrelation(string Distance, string Pairs, double? Value);

/// <summary>A comparison of several studies: comparison.json.</summary>
/// <param name="Studies">The studies that are compared.</param>
/// <param name="Correlations">For each kind of pairs and each distance.</param>
public sealed record StudyComparison(IReadOnlyList<StudyReport> Studies, IReadOnlyList<DivergenceCorrelation> Correlations)
{
    private static readonly (string Name, string Title, Func<StageStudy, IReadOnlyList<Divergence>> Of)[] Kinds =
    [
        ("natural", "natural", s => s.Natural), ("natural_adversarial", "natural-adversarial", s => s.NaturalAdversarial),
        ("adversarial", "adversarial", s => s.Adversarial),
    ];

    /// <summary>Compares studies: the correlation of R-DIV with robust accuracy, for each kind of pairs and each distance.</summary>
    public static StudyComparison Of(IReadOnlyList<StudyReport> studies) => new(studies,
        [.. from kind in Kinds
            from d in Enumerable.Range(0, kind.Of(studies[0].Latent).Count)
            let ratios = studies.Select(s => kind.Of(s.Latent)[d].Ratio).ToArray()
            select new DivergenceCorrelation(kind.Of(studies[0].Latent)[d].Distance, kind.Name,
                Correlation(ratios, [.. studies.Select(s => s.RobustAccuracy)]))]);

    /// <summary>Charts of robust accuracy over R-DIV of adversarial latents, a point per classifier and a chart per distance.</summary>
    public IEnumerable<(string Name, string Svg)> Plots() =>
        Studies[0].Latent.Adversarial.Index().Select(distance => (distance.Item.Distance,
        Chart.Points($"Robust accuracy over R-DIV of adversarial latents, {distance.Item.Distance}",
            "R-DIV", "robust accuracy, %", Studies.Where(s => s.Latent.Adversarial[distance.Index].Ratio is not null)
                .Select(s => (s.Name,
                    (IReadOnlyList<(double, double)>)[(s.Latent.Adversarial[distance.Index].Ratio!.Value, 100 * s.RobustAccuracy)])),
                markerSize: 5)));

    /// <summary>Charts of a classifier's R-DIV by stage, one per distance.</summary>
    public static IEnumerable<(string Name, string Svg)> StagePlots(StudyReport study) =>
        study.Latent.Adversarial.Index().Select(distance => (distance.Item.Distance,
        Chart.Lines($"R-DIV by stage, {distance.Item.Distance}", "", "R-DIV",
            Kinds.Select(kind => new ChartLine(kind.Title,
                [.. study.Stages.Index().Select(s => ((double)s.Index, kind.Of(s.Item)[distance.Index].Ratio))],
                kind.Name == "adversarial")),
            [.. study.Stages.Select(s => s.Stage)])));

    /// <summary>Writes comparison.json and a plot of robust accuracy over R-DIV for each distance.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">A file cannot be written.</exception>
    public void Save(string folder)
    {
        AtomicFile.WriteText(Path.Combine(folder, "comparison.json"), JsonFile.Text(this, StudyJson.Default.StudyComparison));
        SavePlots(folder, Plots());
    }

    internal static void SavePlots(string folder, IEnumerable<(string Name, string Svg)> plots)
    {
        foreach (var (name, svg) in plots)
            AtomicFile.WriteText(Path.Combine(folder, $"divergence-{name}.svg"), svg);
    }

    private static double? Correlation(double?[] ratios, double[] accuracies)
    {
        if (ratios.Length < 3 || ratios.Any(r => r is null))
            return null;
        double meanA = ratios.Average()!.Value, meanB = accuracies.Average(), ab = 0, aa = 0, bb = 0;
        foreach (var (ratio, accuracy) in ratios.Zip(accuracies))
        {
            var (a, b) = (ratio!.Value - meanA, accuracy - meanB);
            (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
        }
        return aa > 0 && bb > 0 ? ab / Math.Sqrt(aa * bb) : null;
    }
}
