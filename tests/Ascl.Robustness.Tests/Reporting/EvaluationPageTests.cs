using System.Text.Json.Nodes;
using Ascl.Data;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Evaluation.Honesty;
using Ascl.Robustness.Reporting;

namespace Ascl.Robustness.Tests.Reporting;

public sealed class EvaluationPageTests
{
    private static readonly EvaluationReport Plain = new(4, 0.75, [new("PGD-20", "linf", 8.0 / 255, 20, 1, 0.5, 3, 1, 0, 2)], 0.5, 3,
        "resnet18", "CIFAR-10", 1, "cpu", Classes: [new("cat", 2, 1, 0.5), new("dog", 2, 0.5, 0.5)]);

    private static readonly EvaluationReport Minimal = Plain with
    {
        MinimalEpsilon =
            MinimalEpsilonReport.Of(["FAB-T", "Brendel & Bethge"], "linf", [0.3f, 0, float.PositiveInfinity, 0.1f], 8.0 / 255, 1),
    };

    [Fact]
    public void MarkdownContainsClassesAndSmallestChanges()
    {
        string plain = EvaluationPage.Markdown(Plain), minimal = EvaluationPage.Markdown(Minimal);
        Assert.Contains(
            "| class | images | clean % | robust % |\n| --- | --: | --: | --: |\n| cat | 2 | 100.0 | 50.0 |\n| dog | 2 | 50.0 | 50.0 |\n",
            plain, StringComparison.Ordinal);
        Assert.DoesNotContain("by a perturbation of", plain, StringComparison.Ordinal);
        Assert.Contains(
            "| 50.0 | 0.10000 (25.50/255) |\n| 75.0 | 0.30000 (76.50/255) |\n| 90.0 | – |\n", minimal, StringComparison.Ordinal);
        Assert.Contains("| ε | 0 | 0.0375 |", minimal, StringComparison.Ordinal);
        Assert.Contains("| robust % | 75.0 | 75.0 | 75.0 | 50.0 |", minimal, StringComparison.Ordinal);
        Assert.Contains(
            "75.0 % are robust within 8/255; for 1 images no adversarial perturbation was found", minimal, StringComparison.Ordinal);
    }

    [Fact]
    public void HtmlContainsClassesAndSmallestChanges()
    {
        ImageSet images = new("made", ["cat", "dog"], 1, 1, 1, [0, 0, 1, 1], [0, 0, 0, 0]);
        string page = EvaluationPage.Html(Minimal, images, new([], [], [], []));
        Assert.Contains("<h2>Smallest perturbations</h2>", page, StringComparison.Ordinal);
        Assert.Contains("Accuracy under the smallest linf perturbations found", page, StringComparison.Ordinal);
        Assert.Contains("<td>cat</td>", page, StringComparison.Ordinal);
    }

    /// <summary>Texts in percent, as in RobustBench's files; a robust accuracy only where it is Auto-Attack's.</summary>
    [Fact]
    public void JsonHasRobustBenchsFields()
    {
        JsonObject plain = Entry(Plain);
        Assert.Equal("""{"dataset":"cifar10","architecture":"resnet18","eps":"8/255","clean_acc":"75.00","number_forward_passes":1}""",
            plain.ToJsonString());
        AttackReport[] standard = [.. new[] { "APGD-CE", "APGD-T", "FAB-T", "Square" }
            .Select(name => Plain.Attacks[0] with { Name = name, Steps = name == "Square" ? 5000 : 100 })];
        JsonObject whole = Entry(Plain with { Attacks = standard, Findings = [new HonestyFinding("some", true, "seen", "means")] });
        Assert.Equal("50.00", whole["autoattack_acc"]!.GetValue<string>());
        Assert.True(whole["unreliable"]!.GetValue<bool>());
        // Fewer queries are no Auto-Attack, and images that were learned no evaluation.
        Assert.Null(Entry(Plain with { Attacks = [.. standard[..3], standard[3] with { Steps = 1 }] })["autoattack_acc"]);
        Assert.Null(Entry(Plain with { Attacks = [standard[0] with { Restarts = 2 }, .. standard[1..]] })["autoattack_acc"]);
        Assert.True(Entry(Plain with { TrainedOn = 3 })["unreliable"]!.GetValue<bool>());

        static JsonObject Entry(EvaluationReport report) => JsonNode.Parse(Evaluator.ToJson(report))!["robustbench"]!.AsObject();
    }
}
