using Ascl.Cli.Display;
using Ascl.Core.Settings;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;
using Ascl.Robustness.Reporting;

namespace Ascl.Cli.Verbs;

public partial class EvaluateVerb
{
    private void Print(EvaluationReport report)
    {
        PrintAttacks(report);
        Print(report.MinimalEpsilon);
        PrintFindings(report);
        foreach (CurvePoint point in report.Curve ?? [])
            Console.WriteLine($"{report.Attacks[0].Norm} epsilon {NumberText.Of(point.Epsilon)}: {100 * point.Accuracy:F2} %");
    }

    private static void PrintAttacks(EvaluationReport report)
    {
        var table = new ResultTable("attack", "norm", "epsilon", "step", "steps", "restarts", "tried on", "turned",
            report.IsCascade && report.Attacks.Count > 1 ? "left %" : "accuracy %",
            "seconds")
        { Title = $"{report.Weights} ({report.Model}) on {report.Images} of {report.Data}" };
        table.Add("none", "", "", "", "", "", "", "", $"{100 * report.CleanAccuracy:F2}", "");
        foreach (AttackReport a in report.Attacks)
            table.Add(a.Name, a.Norm, NumberText.Of(a.Epsilon), a.StepSize is { } step ? NumberText.Short(step) : "", $"{a.Steps}",
                $"{a.Restarts}", $"{a.Attacked}", $"{a.Misclassified}", $"{100 * a.Accuracy:F2}", $"{a.Seconds:F1}");
        if ((report.Attacks.Count > 1 && !report.IsCascade) || report.WorstCaseAccuracy < report.Attacks[^1].Accuracy)
            table.Add("worst case", "", "", "", "", "", "", "", $"{100 * report.WorstCaseAccuracy:F2}", "");
        table.Print();
        Console.WriteLine($"input normalisation: {report.Normalization}");
        if (report.TrainedOn is null)
            Console.WriteLine("which images the weights were trained on is not known");
        foreach (AttackReport a in report.Attacks.Where(a => a.Rejected > 0))
            Console.WriteLine($"{a.Name}: {a.Rejected} images left the ball or [0, 1] and did not count");
        foreach (string note in report.Attacks.Select(a => a.Note).OfType<string>())
            Console.WriteLine(note);
        foreach (string doubt in report.Caveats ?? [])
            Console.WriteLine($"warning: {doubt}");
    }

    private static void Print(MinimalEpsilonReport? minimal)
    {
        if (minimal is null)
            return;
        var table = new ResultTable("images turned %",
            "epsilon")
        { Title = $"smallest {minimal.Norm} changes found by {string.Join(" and ", minimal.Attacks)}" };
        foreach (SizeQuantile quantile in minimal.Quantiles)
            table.Add($"{100 * quantile.Share:F0}", EvaluationPage.Size(quantile.Size));
        table.Print();
        Console.WriteLine($"{100 * minimal.Accuracy:F2} % of images were turned by no change within "
            + $"{NumberText.Of(minimal.Epsilon)}{(minimal.NotFound > 0 ? $"; none at all was found for {minimal.NotFound}" : "")}");
    }

    private void PrintFindings(EvaluationReport report)
    {
        IReadOnlyList<HonestyFinding> findings = report.Findings ?? [];
        int checkedImages = report.CheckedImages ?? report.Count;
        foreach (HonestyFinding finding in findings.Where(f => f.IsSuspicious))
            Console.WriteLine($"warning: {finding.Name}: {finding.Meaning}");
        if (findings.Count > 0 && !findings.Any(f => f.IsSuspicious))
            Console.WriteLine($"none of {findings.Count} signs of false robustness was "
                + $"seen{(checkedImages < RobustnessEvaluation.FewImages ? $", but {checkedImages} images are too few to tell much" : "")}");
    }

    private int PrintReplay(ReplayReport replay)
    {
        var table = new ResultTable("images", "within the ball", "adversarial",
            "count")
        { Title = $"{Replay}: {replay.Norm}, epsilon {NumberText.Of(replay.Epsilon)}" };
        table.Add("as they are", $"{replay.Within}", $"{replay.Adversarial}", $"{replay.Count}");
        table.Add("rounded to 8 bits", $"{replay.WithinRounded}", $"{replay.AdversarialRounded}", $"{replay.Count}");
        table.Print();
        return replay.Within == replay.Count && replay.Adversarial == replay.Count ? 0 : 1;
    }
}
