using System.Xml.Linq;
using Ascl.Core.Diagnostics;
using Ascl.Robustness.Comparison;

namespace Ascl.Robustness.Tests.Comparison;

/// <summary>Paired differences against values of SciPy, and Holm's adjustment by hand.</summary>
public sealed class PairedDifferencesTests
{
    /// <summary>Seeds 1 to 5; the differences of b are 0.3, 0.1, 0.4, 0.2, 0.5, those of c 1.9, -1.2, 0.8, 0.1, -0.6.</summary>
    private static readonly double[] A = [29.4, 29.1, 28.7, 29.9, 29.5], B = [29.7, 29.2, 29.1, 30.1, 30.0],
        C = [31.3, 27.9, 29.5, 30.0, 28.9];

    [Fact]
    public void MeansIntervalsAndPValuesAreStudents()
    {
        PairedDifferences found = Compared(("a", A), ("b", B), ("c", C));
        PairedDifference b = found.All.Single(d => d.Name == "b"), c = found.All.Single(d => d.Name == "c");
        Assert.Equal((0.3, 0.2), (b.Mean, c.Mean), Near);
        // SciPy 1.10: t.ppf(0.975, 4)·sem(difference), and ttest_rel(·, a).pvalue.
        Assert.Equal(0.19632431614775678, b.HalfWidth!.Value, 9);
        Assert.Equal(1.502875142750659, c.HalfWidth!.Value, 9);
        // Of two p values the smaller is doubled, the larger stays.
        Assert.Equal(2 * 0.013235599563682744, b.HolmPValue!.Value, 9);
        Assert.Equal(0.730495666195557, c.HolmPValue!.Value, 9);
    }

    [Fact]
    public void OnlySeedsOfBothRowsCount()
    {
        PairedDifferences found = Compared(("a", A[..3]), ("b", B));
        Assert.Equal(3, Assert.Single(found.All).Differences.Count);
    }

    [Fact]
    public void OneSeedHasNoInterval()
    {
        PairedDifference only = Assert.Single(Compared(("a", A[..1]), ("b", B[..1])).All);
        Assert.Null(only.HalfWidth);
        Assert.Null(only.HolmPValue);
        Assert.Equal(0.3, only.Mean, 9);
    }

    [Fact]
    public void TableAndPlotHoldEachDifference()
    {
        PairedDifferences found = Compared(("a", A), ("b", B), ("c", C));
        Assert.Contains("| b | robust % | 5 | +0.30 | +0.10 to +0.50 | 0.026 |", found.Markdown(), StringComparison.Ordinal);
        string plot = found.Plot();
        Assert.Equal("svg", XDocument.Parse(plot).Root!.Name.LocalName);
        Assert.Contains("b: robust", plot, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownBaselineIsRefused() => Assert.Contains("none of the evaluated runs",
        Assert.Throws<UserErrorException>(() => PairedDifferences.Of([], "runs/nowhere")).Message);

    private static bool Near((double, double) expected, (double, double) actual) =>
        Math.Abs(expected.Item1 - actual.Item1) < 1e-9 && Math.Abs(expected.Item2 - actual.Item2) < 1e-9;

    private static PairedDifferences Compared(params (string Name, double[] Values)[] rows) => PairedDifferences.Of(
        [.. rows.Select(row => new ComparisonRow(row.Name, "", row.Values.Length, [])
        {
            Members = [.. row.Values.Select((value, i) =>
                new RunAccuracies($"runs/{row.Name}-{i + 1}", (ulong)i + 1, new Dictionary<string, double> { ["robust %"] = value }))],
        })], $"runs/{rows[0].Name}-1");
}
