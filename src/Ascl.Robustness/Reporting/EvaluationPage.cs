using System.Globalization;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting;

/// <summary>An evaluation as a page and as Markdown.</summary>
public static class EvaluationPage
{
    private const int Examples = 24;

    private static readonly string[] AttackHeader = ["attack", "norm", "ε", "steps", "restarts", "tried on", "turned", "accuracy %", "seconds"];

    /// <param name="images">The test images that were evaluated.</param>
    /// <param name="adversarial">Those that the attacks turned.</param>
    public static string Html(EvaluationReport report, ImageSet images, AdversarialImages adversarial)
    {
        HtmlPage page = new($"{report.Model} on {report.Count} images of {report.Data}: {Percent(report.CleanAccuracy)} % clean, {Percent(report.WorstCaseAccuracy)} % robust");
        page.Paragraph($"weights {report.Weights}, seed {report.Seed}, {report.Device}", isSoft: true);
        page.Heading("Attacks").Table(AttackHeader, Attacks(report));
        page.Paragraph(report.IsCascade ? "Each attack was tried on what those before it had left; accuracy is what is left after it." : "Each attack was tried on every image that is right.", isSoft: true);
        foreach (string note in report.Attacks.Select(a => a.Note).OfType<string>())
            page.Paragraph(note);
        foreach (var finding in (report.Findings ?? []).Where(f => f.IsSuspicious))
            page.Warning($"{finding.Name}: {finding.Seen}: {finding.Meaning}");
        if (report.Findings is { } findings)
            page.Heading("Signs of false robustness").Table(["check", "result", "seen"], findings.Select(f => (string[])[f.Name, f.IsSuspicious ? "suspicious" : "fine", f.Seen]));
        if (report.Curve is { } curve)
            page.Heading("Accuracy by ε").Row([HtmlPage.Figure(Chart.Lines("Worst-case accuracy", "ε", "%", [new("all attacks", [.. curve.Select(p => (p.Epsilon, (double?)(100 * p.Accuracy)))], true)]))]);
        if (report.Classes is { } classes)
            page.Heading("Classes").Table(["class", "images", "clean %", "robust %"], classes.Select(c => (string[])[c.Name, $"{c.Count}", Percent(c.CleanAccuracy), Percent(c.RobustAccuracy)]));
        if (adversarial.Ids.Length > 0)
            page.Heading("Adversarial images").Images(Enumerable.Range(0, Math.Min(Examples, adversarial.Ids.Length)).Select(i => Tile(report, images, adversarial, i)));
        return page.ToString();
    }

    public static string Markdown(EvaluationReport report)
    {
        IEnumerable<string[]> lines = [AttackHeader, [.. AttackHeader.Select((_, i) => i < 2 ? "---" : "--:")], .. Attacks(report)];
        string table = string.Concat(lines.Select(line => $"| {string.Join(" | ", line)} |\n"));
        string findings = string.Concat((report.Findings ?? []).Select(f => $"- {(f.IsSuspicious ? "**suspicious**" : "fine")} {f.Name}: {f.Seen}\n"));
        string curve = report.Curve is null ? "" : $"| ε | {string.Join(" | ", report.Curve.Select(p => NumberText.Of(p.Epsilon)))} |\n|---|{string.Concat(report.Curve.Select(_ => "--:|"))}\n| robust % | {string.Join(" | ", report.Curve.Select(p => Percent(p.Accuracy)))} |\n";
        return string.Join('\n', new[] { $"# {report.Model} on {report.Count} images of {report.Data}\n\n{report.Weights}: {Percent(report.CleanAccuracy)} % clean, {Percent(report.WorstCaseAccuracy)} % robust\n", table, findings, curve }.Where(part => part.Length > 0));
    }

    private static IEnumerable<string[]> Attacks(EvaluationReport report) => report.Attacks.Select(a => (string[])[a.Name, a.Norm, NumberText.Of(a.Epsilon), $"{a.Steps}", $"{a.Restarts}",
        $"{a.Attacked}", $"{a.Turned}", Percent(a.Accuracy), a.Seconds.ToString("F1", CultureInfo.InvariantCulture)]);

    private static string Tile(EvaluationReport report, ImageSet images, AdversarialImages adversarial, int i)
    {
        float[] natural = new float[images.ImageLength];
        images.CopyImage(Array.IndexOf(images.Ids.ToArray(), adversarial.Ids[i]), natural);
        AttackReport attack = report.Attacks[adversarial.Attacks[i]];
        return ImageTile.Html(natural, adversarial.Images[i], images, Enum.Parse<PerturbationNorm>(attack.Norm, ignoreCase: true), $"{HtmlPage.Escape(images.ClassNames[adversarial.Labels[i]])}: turned by {attack.Name}");
    }

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);
}
