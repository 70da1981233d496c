using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("compare", HelpText = "Tabulates runs side by side: accuracy, cost, selected pairs; mean and standard deviation over seeds.")]
[Example("All runs in a folder", "runs")]
[Example("Is leaked selection better than global? Differences over seeds, with intervals",
    "runs/sweep --against runs/sweep/global-seed-1 --plot differences.svg")]
[Example("Two runs, as a table for a paper and one for a spreadsheet", "runs/ascl-1 runs/pgd-at-1 --markdown table.md --csv table.csv")]
internal sealed class CompareVerb : VerbArguments, IVerb
{
    [Value(0, MetaName = "RUN...", Required = true,
        HelpText = "Folders of runs, or folders that contain such folders. Runs that differ only in their seed are averaged in one row.")]
    public IEnumerable<string> Runs { get; init; } = [];

    [Option("markdown", MetaValue = "FILE.md", HelpText = "Also write the table to this file, in Markdown.")]
    public string? Markdown { get; init; }

    [Option("csv", MetaValue = "FILE.csv",
        HelpText = "Also write the table to this file, as CSV with standard deviations in separate columns.")]
    public string? Csv { get; init; }

    [Option("against", MetaValue = "RUN",
        HelpText = "Also compare every row with the row of this run: differences paired by seed, with 95 % intervals (Student's t) and p "
            + "values adjusted for several rows (Holm).")]
    public string? Against { get; init; }

    [Option("plot", MetaValue = "FILE.svg", HelpText = "With --against: also draw the differences and their intervals.")]
    public string? Plot { get; init; }

    public int Run(CancellationToken stop)
    {
        ResultFile.CheckTable("--markdown", Markdown, ".md");
        ResultFile.CheckTable("--csv", Csv, ".csv");
        ResultFile.CheckTable("--plot", Plot, ".svg");
        if (Plot is not null && Against is null)
            throw new UserErrorException("compare: --plot is for --against");
        RunRecord[] runs = [.. Runs.SelectMany(RunRecord.ReadAll).DistinctBy(run => Path.GetFullPath(run.Path))];
        RunComparison comparison = new(runs);
        PairedDifferences? differences = Against is null ? null : PairedDifferences.Of(comparison.Rows, Against);
        ComparisonTable.Print(comparison);
        if (differences is not null)
            ComparisonTable.Print(differences);
        if (Markdown is not null)
            AtomicFile.WriteText(Markdown, comparison.Markdown() + (differences is null ? "" : "\n" + differences.Markdown()));
        if (Plot is not null)
            AtomicFile.WriteText(Plot, differences!.Plot());
        if (Csv is not null)
            AtomicFile.WriteText(Csv, comparison.Csv());
        return 0;
    }
}
