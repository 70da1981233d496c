using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Robustness.Reporting;
using MathNet.Numerics.Distributions;

namespace Ascl.Robustness.Comparison;

/// <summary>How much a quantity of one row of a comparison differs from the baseline's, over seeds that both have.</summary>
/// <param name="Name">The row: method and settings.</param>
/// <param name="Quantity">Such as "clean %".</param>
/// <param name="Differences">Row minus baseline for each seed, in percentage points.</param>
/// <param name="HolmPValue">Two-sided p value of Student's t test that the mean difference is 0, adjusted by Holm for the rows that are
/// compared with the baseline in this quantity; null with fewer than two seeds.</param>
public sealed record PairedDifference(string Name, string Quantity, IReadOnlyList<double> Differences, double? HolmPValue)
{
    /// <summary>Mean difference.</summary>
    public double Mean => Differences.Average();

    /// <summary>Half the width of the 95 % interval of the mean by Student's t; null with fewer than two seeds.</summary>
    public double? HalfWidth => Differences.Count < 2
        ? null
        : StudentT.InvCDF(0, 1, Differences.Count - 1, 0.975) * new Spread(Differences).Deviation / Math.Sqrt(Differences.Count);
}

/// <summary>
/// Differences to a baseline, paired by seed: runs of one seed share images, order and random starts, so their differences vary less than
/// the runs do. Each has a 95 % interval by Student's t; the p values of several rows against one baseline are adjusted by Holm (1979), so
/// that with no real difference at most one comparison in twenty finds one in any row.
/// </summary>
public sealed class PairedDifferences
{
    private PairedDifferences(string baseline, IReadOnlyList<PairedDifference> all, IReadOnlyList<string> notes) =>
        (Baseline, All, Notes) = (baseline, all, notes);

    /// <summary>Name of the row that the others are compared with.</summary>
    public string Baseline { get; }

    /// <summary>The differences, quantity by quantity.</summary>
    public IReadOnlyList<PairedDifference> All { get; }

    /// <summary>Rows that cannot be compared, and why.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Titles of the table's columns.</summary>
    public static IReadOnlyList<string> Header { get; } = ["run", "quantity", "seeds", "difference", "95 % interval", "p (Holm)"];

    /// <summary>The table's lines as text.</summary>
    public IReadOnlyList<string[]> Lines => [.. All.Select(d => (string[])
    [
        d.Name, d.Quantity, $"{d.Differences.Count}", Signed(d.Mean),
        d.HalfWidth is { } half ? $"{Signed(d.Mean - half)} to {Signed(d.Mean + half)}" : "-",
        d.HolmPValue is { } p ? p.ToString("G2", CultureInfo.InvariantCulture) : "-",
    ])];

    /// <summary>Compares each row with the row of a run.</summary>
    /// <param name="rows">The rows of a <see cref="RunComparison"/>.</param>
    /// <param name="run">Folder of one of the baseline's runs. Averaged weights are compared with its averaged weights.</param>
    /// <exception cref="UserErrorException">The run is in no row, or shares no seed with any other.</exception>
    public static PairedDifferences Of(IReadOnlyList<ComparisonRow> rows, string run)
    {
        string wanted = Path.TrimEndingDirectorySeparator(Path.GetFullPath(run));
        ComparisonRow[] bases = [.. rows.Where(row => row.Members.Any(member =>
            Path.TrimEndingDirectorySeparator(Path.GetFullPath(member.Path)) == wanted))];
        if (bases.Length == 0)
            throw new UserErrorException($"{run}: is none of the evaluated runs that are compared");
        List<PairedDifference> all = [];
        List<string> notes = [];
        foreach (ComparisonRow baseline in bases)
        {
            ComparisonRow[] others = [.. rows.Where(row => row.IsAverage == baseline.IsAverage && row != baseline)];
            string[] quantities = [.. baseline.Members.SelectMany(member => member.Values.Keys).Distinct()];
            foreach (string quantity in quantities)
                all.AddRange(Adjusted(
                [
                    .. others.Select(row => new PairedDifference(row.Name, quantity, Pairs(row, baseline, quantity), null))
                        .Where(difference => difference.Differences.Count > 0),
                ]));
            notes.AddRange(others.Where(row => row.Members.Count > 0 && !all.Any(d => d.Name == row.Name))
                .Select(row => $"{row.Name}: has no seed in common with {baseline.Name}"));
        }
        return all.Count > 0
            ? new(bases[0].Name, all, notes)
            : throw new UserErrorException($"{run}: no other row has a seed in common with it");
    }

    /// <summary>The table in Markdown.</summary>
    public string Markdown() => $"Differences to {Baseline}, in percentage points, paired by seed.\n\n"
        + MarkdownTable.Of(Header, textColumns: 2, Lines) + string.Concat(Notes.Select(note => $"\n{note}\n"));

    /// <summary>The differences with their intervals as a chart, in SVG.</summary>
    public string Plot() => Chart.Intervals($"Difference to {Baseline}, paired by seed, 95 % intervals", "percentage points",
        [.. All.Select(d => ($"{d.Name}: {d.Quantity.TrimEnd('%', ' ')}", d.Mean, d.HalfWidth ?? 0))]);

    private static double[] Pairs(ComparisonRow row, ComparisonRow baseline, string quantity) =>
    [
        .. from member in row.Members
           from other in baseline.Members
           where member.Seed == other.Seed && member.Values.ContainsKey(quantity) && other.Values.ContainsKey(quantity)
           orderby member.Seed
           select member.Values[quantity] - other.Values[quantity],
    ];

    /// <summary>With Holm's adjustment of p values: the smallest is multiplied by their number m, the next by m − 1, …, and none may be
    /// smaller than the one before.</summary>
    private static IEnumerable<PairedDifference> Adjusted(PairedDifference[] differences)
    {
        double?[] p = [.. differences.Select(PValue)];
        int[] order = [.. Enumerable.Range(0, p.Length).Where(i => p[i] is not null).OrderBy(i => p[i])];
        double largest = 0;
        double?[] adjusted = new double?[p.Length];
        foreach (var (rank, i) in order.Index())
            adjusted[i] = largest = Math.Max(largest, Math.Min(1, (order.Length - rank) * p[i]!.Value));
        return differences.Select((difference, i) => difference with { HolmPValue = adjusted[i] });
    }

    private static double? PValue(PairedDifference difference)
    {
        int count = difference.Differences.Count;
        if (count < 2)
            return null;
        double error = new Spread(difference.Differences).Deviation / Math.Sqrt(count);
        if (error == 0)
            return difference.Mean == 0 ? 1 : 0;
        return 2 * (1 - StudentT.CDF(0, 1, count - 1, Math.Abs(difference.Mean) / error));
    }

    private static string Signed(double value) => value.ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);
}
