using Ascl.Robustness.Comparison;

namespace Ascl.Cli.Display;

/// <summary>The table of runs side by side.</summary>
internal static class ComparisonTable
{
    public static void Print(RunComparison comparison)
    {
        var table = new ResultTable([.. comparison.Header]);
        foreach (string[] line in comparison.Lines)
            table.Add(line);
        table.Print();
        foreach (string note in comparison.Notes)
            Console.WriteLine(note);
    }

    public static void Print(PairedDifferences differences)
    {
        var table = new ResultTable([.. PairedDifferences.Header])
        {
            Title = $"differences to {differences.Baseline}, in percentage points, paired by seed",
        };
        foreach (string[] line in differences.Lines)
            table.Add(line);
        table.Print();
        foreach (string note in differences.Notes)
            Console.WriteLine(note);
    }
}
