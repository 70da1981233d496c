using Ascl.Core.Settings;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.LatentStudy;

namespace Ascl.Cli.Display;

/// <summary>The results of latent studies, as tables.</summary>
internal static class StudyTables
{
    /// <summary>R-DIV of one run, stage by stage.</summary>
    public static void PrintStages(StudyReport report)
    {
        var table = new ResultTable("stage", "size", "distance", "R-DIV natural", "natural-adversarial", "adversarial", "intra adv.",
            "inter adv.")
        {
            Title = $"{report.Weights} ({report.Model}) on {EvaluationReport.ImagesOf(report.Part, report.Count, report.TrainedOn)} of "
                + $"{report.Data}, {report.Attack} with {report.Norm} epsilon {NumberText.Of(report.Epsilon)}",
        };
        foreach (StageStudy stage in report.Stages)
            foreach (var (i, adversarial) in stage.Adversarial.Index())
                table.Add(stage.Stage, $"{stage.Size}", adversarial.Distance, Text(stage.Natural[i].Ratio),
                    Text(stage.NaturalAdversarial[i].Ratio), Text(adversarial.Ratio), Text(adversarial.Intra), Text(adversarial.Inter));
        table.Print();
    }

    /// <summary>The latents of all runs, and the correlation of their R-DIV with robust accuracy.</summary>
    public static void PrintComparison(StudyComparison comparison)
    {
        PrintLatents(comparison.Studies);
        if (comparison.Studies.Select(s => (s.Norm, s.Epsilon)).Distinct().Count() > 1)
            Console.WriteLine("each run was attacked within its own ball, so the robust accuracies are not comparable (--norm and "
                + "--epsilon set one ball for all runs)");
        if (comparison.Studies.Select(s => (s.Data, s.Part)).Distinct().Count() > 1)
            Console.WriteLine("the runs were studied on different data, so their figures are not comparable and the correlation "
                + "means little");
        if (comparison.Studies.Count < 3)
            return;
        var correlations = new ResultTable("pairs", "l2", "cosine", "linf")
        { Title = $"correlation of latent R-DIV with robust accuracy over {comparison.Studies.Count} classifiers" };
        foreach (IGrouping<string, DivergenceCorrelation> pairs in comparison.Correlations.GroupBy(c => c.Pairs))
            correlations.Add([pairs.Key, .. pairs.Select(c => Text(c.Value))]);
        correlations.Print();
    }

    private static void PrintLatents(IReadOnlyList<StudyReport> studies)
    {
        var table = new ResultTable("network", "images", "norm", "epsilon", "clean %", "robust %", "R-DIV natural", "R-DIV adversarial",
            "nearest natural %", "nearest adversarial %")
        { Title = "latents, L2" };
        foreach (StudyReport study in studies)
            table.Add(study.Name, study.IsOnUnseenImages ? $"{study.Count}" : $"{study.Count} TRAINING", study.Norm,
                NumberText.Of(study.Epsilon), Percent(study.CleanAccuracy), Percent(study.RobustAccuracy),
                Text(study.Latent.Natural[0].Ratio), Text(study.Latent.Adversarial[0].Ratio), Percent(study.NearestNatural),
                Percent(study.NearestAdversarial));
        table.Print();
    }

    private static string Percent(double share) => $"{100 * share:F1}";

    private static string Text(double? value) => value is { } known ? known.ToString("F3") : "-";
}
