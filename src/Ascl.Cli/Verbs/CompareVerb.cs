using Ascl.Cli.Arguments;
using Ascl.Cli.Display;
using Ascl.Core.Files;
using Ascl.Robustness.Comparison;
using Ascl.Robustness.Runs;
using CommandLine;

namespace Ascl.Cli.Verbs;

[Verb("compare", HelpText = "Tabulates runs side by side: accuracy, cost, selected pairs; mean and standard deviation over seeds.")]
[Example("All runs in a folder", "runs")]
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

    public int Run(CancellationToken stop)
    {
        ResultFile.CheckTable("--markdown", Markdown, ".md");
        ResultFile.CheckTable("--csv", Csv, ".csv");
        RunRecord[] runs = [.. Runs.SelectMany(RunRecord.ReadAll).DistinctBy(run => Path.GetFullPath(run.Path))];
        RunComparison comparison = new(runs);
        ComparisonTable.Print(comparison);
        if (Markdown is not null)
            AtomicFile.WriteText(Markdown, comparison.Markdown());
        if (Csv is not null)
            AtomicFile.WriteText(Csv, comparison.Csv());
        return 0;
    }
}
