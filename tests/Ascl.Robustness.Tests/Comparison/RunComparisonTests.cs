using Ascl.Robustness.Comparison;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Tests.Training;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Robustness.Tests.Comparison;

public sealed class RunComparisonTests
{
    [Fact]
    public void SeedsMakeOneRowWithMeanAndSampleDeviation()
    {
        RunComparison comparison = new(
        [
            Run(Of(("method", "pgd-at"), ("seed", 1)), 0.40, 0.25),
            Run(Of(("method", "pgd-at"), ("seed", 2), ("threads", 7)), 0.44, 0.27),
            Run(Of(("method", "natural")), 0.62, 0),
        ]);
        Assert.Equal(["method", "runs", "clean %", "PGD-20 %"], comparison.Header);
        Assert.Equal(["pgd-at", "2", "42.0 ± 2.8", "26.0 ± 1.4"], comparison.Lines[0]);
        Assert.Equal(["natural", "1", "62.0", "0.0"], comparison.Lines[1]);
    }

    [Fact]
    public void RowsShowDifferingSettingsThatTheirMethodUses()
    {
        RunComparison comparison = new(
        [
            Run(Of(("method", "ascl"), ("strategy", "global"), ("temperature", 0.5)), 0.4, 0.2),
            Run(Of(("method", "ascl"), ("strategy", "leaked"), ("temperature", 0.5)), 0.4, 0.2),
            // It contrasts nothing: the strategy is no setting of it.
            Run(Of(("method", "pgd-at"), ("strategy", "hard"), ("seed", 1)), 0.4, 0.2),
            Run(Of(("method", "pgd-at"), ("strategy", "soft"), ("seed", 2)), 0.6, 0.2),
        ]);
        Assert.Equal(["strategy global", "strategy leaked", ""], comparison.Rows.Select(row => row.Settings));
        Assert.Equal(0.5, comparison.Rows[2].Cells[0].Mean / 100, 12);
    }

    [Fact]
    public void AveragedWeightsHaveTheirOwnRow()
    {
        RunRecord run = Run(Of(("method", "trades"), ("ema-decay", 0.99)), 0.4, 0.2) with { AverageReport = Report(0.5, 0.3) };
        Assert.Equal([["trades", "1", "40.0", "20.0"], ["trades, averaged", "1", "50.0", "30.0"]], new RunComparison([run]).Lines);
    }

    [Fact]
    public void UnfinishedRunsAndOtherImageCountsAreNoted()
    {
        RunRecord done = Run(Of(("method", "pgd-at")), 0.4, 0.2);
        RunRecord begun = new("begun", new(), null, null, null, null);
        RunRecord other = Run(Of(("method", "adr")), 0.4, 0.2);
        RunComparison comparison = new([done, begun, other with { Report = other.Report! with { Count = 500 } }]);
        Assert.Equal(["ascl", "", "0", "-", "-"], comparison.Lines[1]);
        Assert.Equal(["the runs were evaluated on different numbers of images: 500, 1000", "begun: not finished"], comparison.Notes);
    }

    [Fact]
    public void TrainingImagesAndOtherThreatModelsAreNoted()
    {
        RunRecord test = Run(Of(("method", "pgd-at")), 0.4, 0.2), l2 = Run(Of(("method", "trades"), ("norm", "l2")), 0.4, 0.2, "l2", 0.5);
        string notes = string.Join(
            '\n', new RunComparison([test, l2 with { Path = "small", Report = l2.Report! with { Part = "train" } }]).Notes);
        Assert.Contains("TRAINING images", notes, StringComparison.Ordinal);
        Assert.Contains("small", notes, StringComparison.Ordinal);
        Assert.Contains("linf 8/255, l2 0.5", notes, StringComparison.Ordinal);
        Assert.Empty(new RunComparison([test, Run(Of(("method", "pgd-at"), ("seed", 9)), 0.4, 0.2)]).Notes);
    }

    /// <summary>A copy of a run is no second seed: it would halve the deviation.</summary>
    [Fact]
    public void TheSameRunCountsOnce()
    {
        RunRecord one = Run(Of(("method", "pgd-at"), ("seed", 1)), 0.40, 0.25);
        RunRecord two = Run(Of(("method", "pgd-at"), ("seed", 2)), 0.44, 0.27);
        RunComparison comparison = new([one, two, one with { Path = "copy", Config = one.Config.With(("threads", 3)) }]);
        Assert.Equal(["pgd-at", "2", "42.0 ± 2.8", "26.0 ± 1.4"], Assert.Single(comparison.Lines));
        Assert.Equal(["left out because another run has the same settings, images and seed: copy"], comparison.Notes);
    }

    /// <summary>What a run was made from and how it came to its epochs belongs to what it is.</summary>
    [Fact]
    public void OtherStartsAndContinuedRunsHaveTheirOwnRows()
    {
        RunSummary cost =
            new("pgd-at", "smallcnn", "sample", 1, 6, 100, "cpu", 1, 1, 1, 1, 1, 1, 1, 1, null, new Dictionary<string, int>());
        RunRecord plain =
            Run(Of(("method", "pgd-at"), ("from", "enc")), 0.4, 0.2) with { Summary = cost with { FromSha256 = "aaaaaaaaaa" } };
        RunComparison comparison = new([plain, plain with { Summary = cost with { FromSha256 = "bbbbbbbbbb" } },
            plain with { Summary = cost with { FromSha256 = "aaaaaaaaaa", EarlierEpochs = [3] } }]);
        Assert.Equal(["from enc (aaaaaaaa)", "from enc (bbbbbbbb)", "from enc (aaaaaaaa), after epochs 3"],
            comparison.Rows.Select(row => row.Settings));
    }

    /// <summary>The table's own cells say what a file without notes would hide.</summary>
    [Fact]
    public void CsvMarksTrainingImagesAndCounts()
    {
        RunRecord one = Run(Of(("method", "pgd-at"), ("seed", 1)), 0.4, 0.2);
        RunRecord two = Run(Of(("method", "pgd-at"), ("seed", 2)), 0.4, 0.2);
        RunRecord three = Run(Of(("method", "natural")), 0.9, 0.1);
        string csv = new RunComparison([one, two with { Report = two.Report! with { Count = 10 } },
            three with { Report = three.Report! with { TrainedOn = 5 } }]).Csv();
        Assert.Contains("pgd-at,evaluated on 1000,1,", csv, StringComparison.Ordinal);
        Assert.Contains("pgd-at,evaluated on 10,1,", csv, StringComparison.Ordinal);
        Assert.Contains("\"natural, on TRAINING images\",", csv, StringComparison.Ordinal);
    }

    [Fact]
    public void DoubtsAndNotesOfAttacksAreShown()
    {
        RunRecord run = Run(Of(("method", "pgd-at")), 0.4, 0.2);
        RunComparison comparison = new(
            [run with { Report = run.Report! with { Caveats = ["odd"], Attacks = [run.Report.Attacks[0] with { Note = "too short" }] } }]);
        Assert.Equal(["run: odd", "run: too short"], comparison.Notes);
    }

    /// <summary>Data of one name may have changed between two runs: they are no two seeds of one experiment.</summary>
    [Fact]
    public void RunsOnOtherImagesHaveTheirOwnRow()
    {
        RunRecord one = Run(Of(("seed", 1)), 0.40, 0.25) with { DataHash = "1111111122" };
        RunRecord two = Run(Of(("seed", 2)), 0.44, 0.27) with { DataHash = "3333333344" };
        RunComparison comparison = new([one, two]);
        Assert.Equal(["images 11111111", "images 33333333"], comparison.Rows.Select(row => row.Settings));
        Assert.Contains("trained and tested on different images", Assert.Single(comparison.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void MarkdownAndCsvHoldTheSameNumbers()
    {
        RunSummary cost = new(
            "ascl", "smallcnn", "sample", 1, 2, 100, "cpu", 12.4, 20, 30, 1000, 900, 2500, 3 << 20, 1, null, new Dictionary<string, int>());
        EpochMetrics epoch = new(2, 0.1, 1, new Dictionary<string, double>(), null, null, null, null, false, null, null,
            new Dictionary<string, SelectionPercent> { ["leaked"] = new(42.8, 6.3) }, 10, 1);
        RunComparison comparison = new(
        [
            Run(Of(("method", "ascl"), ("distance", "l2")), 0.4, 0.2) with { Summary = cost, LastEpoch = epoch },
            Run(Of(("method", "ascl"), ("distance", "l1")), 0.5, 0.125),
        ]);
        Assert.Equal(
            "| method | settings | runs | clean % | PGD-20 % | train s | CPU s | images/s | "
            + "forward passes | backward passes | TFLOP | peak MiB | positives % | negatives % |\n"
            + """
            | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
            | ascl | distance l2 | 1 | 40.0 | 20.0 | 12 | 20 | 30 | 1000 | 900 | 2.5 | 3 | 42.8 | 6.3 |
            | ascl | distance l1 | 1 | 50.0 | 12.5 | - | - | - | - | - | - | - | - | - |

            """, comparison.Markdown());
        string[] lines = comparison.Csv().Split("\r\n");
        Assert.StartsWith("method,settings,runs,clean %,clean % deviation,PGD-20 %,", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("ascl,distance l2,1,40,,20,,12.4,,20,,", lines[1], StringComparison.Ordinal);
        Assert.Equal(lines[0].Count(c => c == ','), lines[2].Count(c => c == ','));
    }

    private static RunConfig Of(params ReadOnlySpan<(string, System.Text.Json.Nodes.JsonNode?)> values) =>
        new RunConfig().With(values);

    private static RunRecord Run(RunConfig config, double clean, double pgd, string norm = "linf", double epsilon = 8 / 255.0) =>
        new("run", config, Report(clean, pgd, norm, epsilon), null, null, null);

    private static EvaluationReport Report(double clean, double pgd, string norm = "linf", double epsilon = 8 / 255.0) =>
        new(1000, clean, [new AttackReport("PGD-20", norm, epsilon, 20, 1, pgd, 1000, 0, 0, 1)], pgd, 1, "smallcnn", "sample", 1, "cpu");
}
