using Ascl.Core.Settings;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;
using Ascl.Robustness.Reporting;

namespace Ascl.Cli.Display;

/// <summary>The results of an evaluation, as tables and notes.</summary>
internal static class EvaluationTables
{
    public static void Print(EvaluationReport report)
    {
        PrintAttacks(report);
        PrintNotes(report);
        if (report.MinimalEpsilon is { } minimal)
            Print(minimal);
        PrintFindings(report);
        foreach (CurvePoint point in report.Curve ?? [])
            Console.WriteLine($"{report.Attacks[0].Norm} epsilon {NumberText.Of(point.Epsilon)}: {100 * point.Accuracy:F2} %");
        if (report.Corruptions is { } corruptions)
            Print(corruptions);
    }

    /// <param name="file">The file of adversarial images.</param>
    public static void Print(ReplayReport replay, string file)
    {
        var table = new ResultTable("images", "within the ball", "adversarial", "count")
        { Title = $"{file}: {replay.Norm}, epsilon {NumberText.Of(replay.Epsilon)}" };
        table.Add("as they are", $"{replay.Within}", $"{replay.Adversarial}", $"{replay.Count}");
        table.Add("rounded to 8 bits", $"{replay.WithinRounded}", $"{replay.AdversarialRounded}", $"{replay.Count}");
        table.Print();
    }

    private static void PrintAttacks(EvaluationReport report)
    {
        string accuracy = report.Targeted is not null ? "led to target %"
            : report.IsCascade && report.Attacks.Count > 1 ? "left %"
            : "accuracy %";
        var table = new ResultTable("attack", "norm", "epsilon", "step", "steps", "restarts", "tried on", "flipped", accuracy, "seconds")
        { Title = $"{report.Weights} ({report.Model}) on {report.Images} of {report.Data}" };
        if (report.Targeted is null)
            AddAccuracy("none", report.CleanAccuracy);
        foreach (AttackReport a in report.Attacks)
            table.Add(a.Name, a.Norm, NumberText.Of(a.Epsilon), a.StepSize is { } step ? NumberText.Short(step) : "", $"{a.Steps}",
                $"{a.Restarts}", $"{a.Attacked}", $"{a.Misclassified}", $"{100 * (report.Targeted is null ? a.Accuracy : a.Success):F2}",
                $"{a.Seconds:F1}");
        if (report.Targeted is { } targeted)
            AddAccuracy("any of them", targeted.Success);
        else if ((report.Attacks.Count > 1 && !report.IsCascade) || report.WorstCaseAccuracy < report.Attacks[^1].Accuracy)
            AddAccuracy("worst case", report.WorstCaseAccuracy);
        table.Print();
        if (report.Targeted is not null)
            Console.WriteLine($"clean accuracy: {100 * report.CleanAccuracy:F2} %");

        void AddAccuracy(string name, double value) => table.Add(name, "", "", "", "", "", "", "", $"{100 * value:F2}", "");
    }

    private static void PrintNotes(EvaluationReport report)
    {
        Console.WriteLine($"input normalisation: {report.Normalization}");
        if (report.TrainedOn is null)
            Console.WriteLine("which images the weights were trained on is not known");
        foreach (AttackReport a in report.Attacks.Where(a => a.Rejected > 0))
            Console.WriteLine($"{a.Name}: {a.Rejected} adversarial images were not counted: they lay outside the ball or outside [0, 1]");
        foreach (string note in report.Attacks.Select(a => a.Note).OfType<string>())
            Console.WriteLine(note);
        foreach (string doubt in report.Caveats ?? [])
            Console.WriteLine($"warning: {doubt}");
    }

    private static void Print(CorruptionReport corruptions)
    {
        var table = new ResultTable([.. corruptions.Header])
        { Title = $"{corruptions.Folder}: accuracy on {corruptions.Count} images of each corruption and severity" };
        foreach (string[] row in corruptions.Rows)
            table.Add(row);
        table.Print();
    }

    private static void Print(MinimalEpsilonReport minimal)
    {
        var table = new ResultTable("images flipped %", "epsilon")
        { Title = $"smallest {minimal.Norm} perturbations found by {minimal.AttackNames}" };
        foreach (SizeQuantile quantile in minimal.Quantiles)
            table.Add($"{100 * quantile.Share:F0}", EvaluationPage.Size(quantile.Size));
        table.Print();
        Console.WriteLine($"{100 * minimal.Accuracy:F2} % of images are robust within {NumberText.Of(minimal.Epsilon)} to this search"
            + (minimal.NotFound > 0 ? $"; for {minimal.NotFound} images it found no adversarial perturbation of any size" : ""));
    }

    private static void PrintFindings(EvaluationReport report)
    {
        IReadOnlyList<HonestyFinding> findings = report.Findings ?? [];
        int images = report.CheckedImages ?? report.Count;
        foreach (HonestyFinding finding in findings.Where(f => f.IsSuspicious))
            Console.WriteLine($"warning: {finding.Name}: {finding.Meaning}");
        if (findings.Count > 0 && !findings.Any(f => f.IsSuspicious))
            Console.WriteLine($"all {findings.Count} checks for false robustness passed"
                + (images < RobustnessEvaluation.FewImages ? $", but {images} images are too few to conclude much" : ""));
    }
}
