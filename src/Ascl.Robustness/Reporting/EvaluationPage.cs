using System.Globalization;
using Ascl.Core.Files;
using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting;

/// <summary>Formats an evaluation as an HTML page and as Markdown.</summary>
public static class EvaluationPage
{
    private const int Examples = 24;

    /// <summary>In Markdown, every fifth point of a curve is shown.</summary>
    private const int MarkdownStride = 5;

    private static readonly string[] ClassHeader = ["class", "images", "clean %", "robust %"];
    private static readonly string[] QuantileHeader = ["images flipped %", "by a perturbation of"];

    /// <summary>Writes report.html and report.md into the folder that keeps an evaluation.</summary>
    /// <param name="result">An evaluation that was run in a folder.</param>
    /// <param name="images">The test images that were evaluated.</param>
    /// <returns>Whether there is such a folder: nothing is written otherwise.</returns>
    /// <exception cref="Core.Diagnostics.UserErrorException">A file cannot be written.</exception>
    public static bool Save(EvaluationResult result, ImageSet images)
    {
        if (result is not { Store: { } store, Adversarial: { } adversarial })
            return false;
        AtomicFile.WriteText(store.MarkdownFile, Markdown(result.Report));
        AtomicFile.WriteText(store.PageFile, Html(result.Report, images, adversarial));
        return true;
    }

    /// <summary>The report as an HTML page.</summary>
    /// <param name="images">The test images that were evaluated.</param>
    /// <param name="adversarial">The adversarial images.</param>
    public static string Html(EvaluationReport report, ImageSet images, AdversarialImages adversarial)
    {
        HtmlPage page = new($"{report.Model} on {Images(report)} of {report.Data}: {Percent(report.CleanAccuracy)} % clean, "
            + Outcome(report));
        page.Paragraph($"weights {report.Weights}, input normalisation {report.Normalization ?? "unknown"}, seed {report.Seed}, "
            + $"{report.Device}",
            isSoft: true);
        if (!report.IsOnUnseenImages)
            page.Warning($"Every accuracy on this page is on {report.Images}.");
        foreach (string doubt in report.Caveats ?? [])
            page.Warning(doubt);
        page.Heading("Attacks").Table(AttackHeader(report), Attacks(report));
        page.Paragraph(report.IsCascade
            ? "Each attack ran only on images that survived the previous ones"
                + (report.Targeted is null ? "; accuracy is the share of images that survived so far." : ".")
            : "Each attack ran on every correctly classified image.",
            isSoft: true);
        foreach (string note in report.Attacks.Select(a => a.Note).OfType<string>())
            page.Paragraph(note);
        foreach (var finding in (report.Findings ?? []).Where(f => f.IsSuspicious))
            page.Warning($"{finding.Name}: {finding.Seen}: {finding.Meaning}");
        if (report.Findings is { } findings)
            page.Heading("Signs of false robustness")
                .Table(["check", "result", "seen"],
                    findings.Select(f => (string[])[f.Name, f.IsSuspicious ? "suspicious" : "fine", f.Seen]));
        if (report.Curve is { } curve)
            page.Heading("Accuracy by ε")
                .Row([HtmlPage.Figure(Chart.Lines("Worst-case accuracy", "ε", "%", [new("all attacks", Points(curve), true)]))]);
        if (report.MinimalEpsilon is { } minimal)
        {
            page.Heading("Smallest perturbations").Table(QuantileHeader, Quantiles(minimal))
                .Row([HtmlPage.Figure(Chart.Lines($"Accuracy under the smallest {minimal.Norm} perturbations found", "ε", "%",
                    [new("robust images", Points(minimal.Curve), true)]))]);
            page.Paragraph(Summary(minimal), isSoft: true);
        }
        if (report.Corruptions is { } corruptions)
        {
            page.Heading("Corruptions").Table([.. corruptions.Header], corruptions.Rows);
            page.Paragraph($"Accuracy on {corruptions.Count} images of {corruptions.Folder} for each corruption and severity.",
                isSoft: true);
        }
        if (report.Classes is { } classes)
            page.Heading("Classes").Table(ClassHeader, Classes(classes));
        if (adversarial.Ids.Length > 0)
            page.Heading("Adversarial images")
                .Images(Enumerable.Range(0, Math.Min(Examples, adversarial.Ids.Length)).Select(i => Tile(report, images, adversarial, i)));
        return page.ToString();
    }

    /// <summary>The report in Markdown.</summary>
    public static string Markdown(EvaluationReport report)
    {
        string findings = string.Concat((report.Caveats ?? []).Select(doubt => $"- **{doubt}**\n"))
            + string.Concat((report.Findings ?? []).Select(f => $"- {(f.IsSuspicious ? "**suspicious**" : "fine")} {f.Name}: {f.Seen}\n"));
        string curve = report.Curve is null ? "" : Curve(report.Curve);
        string minimal = report.MinimalEpsilon is { } m
            ? $"{Table(QuantileHeader, Quantiles(m), 0)}\n{Curve([.. m.Curve.Where((_, i) => i % MarkdownStride == 0)])}\n{Summary(m)}\n"
            : "";
        string corruptions = report.Corruptions is { } common ? Table([.. common.Header], common.Rows, 1) : "";
        string classes = report.Classes is { } c ? Table(ClassHeader, Classes(c), 1) : "";
        return string.Join('\n',
            new[] { $"# {report.Model} on {report.Images} of {report.Data}\n\n{report.Weights}: {Percent(report.CleanAccuracy)} % clean, "
                + $"{Outcome(report)}\n",
                Table(AttackHeader(report), Attacks(report), 2), findings, curve, minimal, corruptions, classes }
                .Where(part => part.Length > 0));
    }

    /// <summary>A perturbation size, also in grey levels; a dash if there is none.</summary>
    public static string Size(double? size) =>
        size is { } s ? string.Create(CultureInfo.InvariantCulture, $"{s:F5} ({s * 255:F2}/255)") : "–";

    /// <param name="texts">Number of text columns at the left; the others are numeric.</param>
    private static string Table(string[] header, IEnumerable<string[]> rows, int texts)
    {
        IEnumerable<string[]> lines = [header, [.. header.Select((_, i) => i < texts ? "---" : "--:")], .. rows];
        return string.Concat(lines.Select(line => $"| {string.Join(" | ", line.Select(Cell))} |\n"));

        static string Cell(string text) => text.ReplaceLineEndings(" ").Replace("|", "\\|", StringComparison.Ordinal);
    }

    private static string Curve(IReadOnlyList<CurvePoint> curve) =>
        Table(["ε", .. curve.Select(p => NumberText.Of(p.Epsilon))], [["robust %", .. curve.Select(p => Percent(p.Accuracy))]], 1);

    private static (double X, double? Y)[] Points(IReadOnlyList<CurvePoint> curve) =>
        [.. curve.Select(p => (p.Epsilon, (double?)(100 * p.Accuracy)))];

    private static IEnumerable<string[]> Classes(IReadOnlyList<ClassReport> classes) =>
        classes.Select(c => (string[])[c.Name, $"{c.Count}", Percent(c.CleanAccuracy), Percent(c.RobustAccuracy)]);

    private static IEnumerable<string[]> Quantiles(MinimalEpsilonReport minimal) =>
        minimal.Quantiles.Select(q => (string[])[Percent(q.Share), Size(q.Size)]);

    private static string Summary(MinimalEpsilonReport minimal) =>
        $"Found by {minimal.AttackNames}, without a limit; misclassified images count as 0. {Percent(minimal.Accuracy)} "
            + $"% are robust within {NumberText.Of(minimal.Epsilon)}; for {minimal.NotFound} images no adversarial perturbation was found.";

    private static string Outcome(EvaluationReport report) => report.Targeted is { } targeted
        ? $"{Percent(targeted.Success)} % of {targeted.Tried} led to their target ({targeted.Target})"
        : $"{Percent(report.WorstCaseAccuracy)} % robust";

    private static string[] AttackHeader(EvaluationReport report) =>
        ["attack", "norm", "ε", "step", "steps", "restarts", "attacked", "flipped",
            report.Targeted is null ? "accuracy %" : "led to target %", "seconds"];

    private static IEnumerable<string[]> Attacks(EvaluationReport report) =>
        report.Attacks.Select(a => (string[])[a.Name, a.Norm, NumberText.Of(a.Epsilon),
            a.StepSize is { } step ? NumberText.Short(step) : "", $"{a.Steps}", $"{a.Restarts}",
        $"{a.Attacked}", $"{a.Misclassified}", Percent(report.Targeted is null ? a.Accuracy : a.Success),
            a.Seconds.ToString("F1", CultureInfo.InvariantCulture)]);

    private static string Tile(EvaluationReport report, ImageSet images, AdversarialImages adversarial, int i)
    {
        float[] natural = new float[images.ImageLength];
        images.CopyImage(Array.IndexOf(images.Ids.ToArray(), adversarial.Ids[i]), natural);
        AttackReport attack = report.Attacks[adversarial.Attacks[i]];
        return ImageTile.Html(natural, adversarial.Images[i], images, Enum.Parse<PerturbationNorm>(attack.Norm, ignoreCase: true),
            HtmlPage.Escape(images.ClassNames[adversarial.Labels[i]])
                + $": {(report.Targeted is null ? "misclassified" : "led to its target")} under {attack.Name}");
    }

    private static string Images(EvaluationReport report) => $"{report.Count} {(report.IsOnUnseenImages ? "test" : "TRAINING")} images";

    private static string Percent(double share) => (100 * share).ToString("F1", CultureInfo.InvariantCulture);
}
