using System.Globalization;
using System.Text.Json.Nodes;
using Ascl.Core.Settings;
using Ascl.Robustness.Evaluation;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Comparison;

/// <summary>The values of a quantity over runs that differ only in their seed.</summary>
/// <param name="Values">One value per seed.</param>
public readonly record struct Spread(IReadOnlyList<double> Values)
{
    /// <summary>Mean over the seeds.</summary>
    public double Mean => Values.Average();

    /// <summary>Sample standard deviation; 0 for a single run.</summary>
    public double Deviation
    {
        get
        {
            double mean = Mean;
            return Values.Count < 2 ? 0 : Math.Sqrt(Values.Sum(v => (v - mean) * (v - mean)) / (Values.Count - 1));
        }
    }

    /// <summary>The mean and standard deviation as text.</summary>
    /// <returns>"39.3 ± 0.4", "39.3" for a single run, "-" for none.</returns>
    public string Text(string format) => Values.Count switch
    {
        0 => "-",
        1 => Values[0].ToString(format, CultureInfo.InvariantCulture),
        _ => $"{Mean.ToString(format, CultureInfo.InvariantCulture)} ± {Deviation.ToString(format, CultureInfo.InvariantCulture)}",
    };
}

/// <summary>A row of the table: runs that differ only in their seed.</summary>
/// <param name="Method">Name of the method, with "averaged" for averaged weights.</param>
/// <param name="Settings">Settings that differ between rows, such as "strategy leaked, distance cosine".</param>
/// <param name="Runs">Number of evaluated runs.</param>
/// <param name="Cells">One cell per column; empty if no run has the value.</param>
public sealed record ComparisonRow(string Method, string Settings, int Runs, IReadOnlyList<Spread> Cells)
{
    /// <summary>The accuracies of each run, in percent.</summary>
    public IReadOnlyList<RunAccuracies> Members { get; init; } = [];

    /// <summary>Whether the row is of averaged weights.</summary>
    public bool IsAverage { get; init; }

    /// <summary>Method and settings, as messages and charts name the row.</summary>
    public string Name => Settings.Length == 0 ? Method : $"{Method}, {Settings}";
}

/// <summary>The accuracies of a run, in percent, by the title of their column.</summary>
/// <param name="Path">Folder of the run.</param>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Values">Clean accuracy, and accuracy under each attack of its report.</param>
public sealed record RunAccuracies(string Path, ulong Seed, IReadOnlyDictionary<string, double> Values);

/// <summary>Compares runs in one table.</summary>
public sealed class RunComparison
{
    private sealed record Column(string Name, string Format, Func<RunRecord, EvaluationReport?, double?> Value);

    /// <summary>Digits shown of a data set's hash, if rows differ in it.</summary>
    private const int HashDigits = 8;

    /// <summary>Marks runs that were extended, unlike those planned with this number of epochs from the start.</summary>
    private const string AfterEpochs = "after epochs";

    private readonly List<Column> columns;

    /// <summary>Compares runs.</summary>
    /// <param name="runs">The runs, in the order of the rows.</param>
    public RunComparison(IReadOnlyList<RunRecord> runs)
    {
        string[] attacks = [.. runs.SelectMany(r => r.Report?.Attacks ?? []).Select(a => a.Name).Distinct()];
        columns =
        [
            new("clean %", "F1", (_, report) => 100 * report?.CleanAccuracy),
            .. attacks.Select(name => new Column($"{name} %", "F1",
                (_, report) => 100 * report?.Attacks.FirstOrDefault(a => a.Name == name)?.Accuracy)),
            new("train s", "F0", (run, _) => run.Summary?.TrainSeconds),
            new("CPU s", "F0", (run, _) => run.Summary?.CpuSeconds),
            new("images/s", "F0", (run, _) => run.Summary?.ImagesPerSecond),
            new("forward passes", "F0", (run, _) => run.Summary?.ForwardPasses),
            new("backward passes", "F0", (run, _) => run.Summary?.BackwardPasses),
            new("TFLOP", "F1", (run, _) => run.Summary?.Gflop / 1e3),
            new("peak MiB", "F0", (run, _) => run.Summary?.PeakMemoryBytes / 1048576.0),
            new("positives %", "F1", (run, _) => UsedSelection(run)?.Positives),
            new("negatives %", "F1", (run, _) => UsedSelection(run)?.Negatives),
        ];
        RunRecord[] duplicates = [.. runs.GroupBy(Identity).SelectMany(same => same.Skip(1))];
        runs = [.. runs.Except(duplicates)];
        Rows = [.. Group(runs)];
        // Empty columns are left out.
        bool[] filled = [.. columns.Select((_, c) => Rows.Any(row => row.Cells[c].Values.Count > 0))];
        columns = [.. columns.Where((_, c) => filled[c])];
        Rows = [.. Rows.Select(row => row with { Cells = [.. row.Cells.Where((_, c) => filled[c])] })];
        int[] counts = [.. runs.Select(r => r.Report?.Count).OfType<int>().Distinct().Order()];
        Notes = counts.Length > 1 ? [$"the runs were evaluated on different numbers of images: {string.Join(", ", counts)}"] : [];
        if (duplicates.Length > 0)
            Notes = [.. Notes,
                "left out because another run has the same settings, images and seed: "
                    + $"{string.Join(", ", duplicates.Select(r => r.Path))}"];
        if (runs.GroupBy(r => r.Config.Data.Source).Any(same => same.Select(r => r.DataHash).OfType<string>().Distinct().Count() > 1))
            Notes = [.. Notes, "runs with the same data name were trained and tested on different images: they are in separate rows"];
        RunRecord[] onTraining = [.. runs.Where(r => r.Report is { IsOnUnseenImages: false })];
        if (onTraining.Length > 0)
            Notes = [.. Notes,
                $"accuracies on TRAINING images (they say nothing about new images): {string.Join(", ", onTraining.Select(r => r.Path))}"];
        Notes = [.. Notes,
            .. runs.SelectMany(run => (run.Report?.Caveats ?? []).Concat(run.Report?.Attacks.Select(a => a.Note).OfType<string>() ?? [])
                .Select(doubt => $"{run.Path}: {doubt}"))];
        string[] threats = [.. runs.SelectMany(r => r.Report?.Attacks.Take(1) ?? []).Select(a => $"{a.Norm} {NumberText.Of(a.Epsilon)}")
            .Distinct()];
        if (threats.Length > 1)
            Notes = [.. Notes, $"runs were attacked under different threat models: {string.Join(", ", threats)}"];
        Notes = [.. Notes, .. runs.Where(r => r.Report is null && r.Config.Method.TrainsLogits).Select(r => $"{r.Path}: not finished")];
    }

    /// <summary>One row for each group of runs that differ only in their seed.</summary>
    public IReadOnlyList<ComparisonRow> Rows { get; }

    /// <summary>Notes for the reader of the table.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Column titles.</summary>
    public IReadOnlyList<string> Header => [.. Titles, .. columns.Select(c => c.Name)];

    /// <summary>The table's lines as text.</summary>
    public IReadOnlyList<string[]> Lines =>
        [.. Rows.Select(row => (string[])[.. Labels(row), .. row.Cells.Select((cell, c) => cell.Text(columns[c].Format))])];

    /// <summary>The table in Markdown, with the notes under it.</summary>
    public string Markdown() => MarkdownTable.Of(Header, Titles.Length - 1, Lines) + string.Concat(Notes.Select(note => $"\n{note}\n"));

    /// <summary>The table as comma-separated values (RFC 4180): the mean and standard deviation of each quantity in separate
    /// columns.</summary>
    public string Csv()
    {
        IEnumerable<IEnumerable<string>> lines =
        [
            [.. Titles, .. columns.SelectMany(c => new[] { c.Name, $"{c.Name} deviation" })],
            .. Rows.Select(row => (string[])[.. Labels(row), .. row.Cells.SelectMany(Numbers)]),
        ];
        return string.Concat(lines.Select(line => string.Join(',', line.Select(Quoted)) + "\r\n"));
    }

    /// <summary>Titles of the columns before the numbers; the settings column is omitted if only the method differs.</summary>
    private string[] Titles => HasSettings ? ["method", "settings", "runs"] : ["method", "runs"];

    private bool HasSettings => Rows.Any(row => row.Settings.Length > 0);

    private string[] Labels(ComparisonRow row) => HasSettings ? [row.Method, row.Settings, $"{row.Runs}"] : [row.Method, $"{row.Runs}"];

    private static IEnumerable<string> Numbers(Spread cell) => cell.Values.Count == 0
        ? ["", ""]
        : [cell.Mean.ToString("R", CultureInfo.InvariantCulture),
            cell.Values.Count < 2 ? "" : cell.Deviation.ToString("R", CultureInfo.InvariantCulture)];

    private static string Quoted(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static SelectionPercent? UsedSelection(RunRecord run) =>
        run.Config.Method is AsclObjective { Contrastive: var contrastive } && run.LastEpoch is { } epoch
            && epoch.Selection.TryGetValue(contrastive.Strategy.Name, out SelectionPercent? used) ? used : null;

    private IEnumerable<ComparisonRow> Group(IReadOnlyList<RunRecord> runs)
    {
        JsonObject[] settings = [.. runs.Select(Settings)];
        if (runs.Select(run => run.Report?.Count).OfType<int>().Distinct().Count() > 1)
            foreach (var (run, own) in runs.Zip(settings).Where(pair => pair.First.Report is not null))
                own["evaluated on"] = (double)run.Report!.Count;
        string[] differing = [.. settings.SelectMany(s => s.Select(e => e.Key)).Distinct()
            .Where(key => key != "method"
                && settings.Where(s => s.ContainsKey(key)).Select(s => s[key]!.ToJsonString()).Distinct().Count() > 1),
            .. settings.Any(s => s.ContainsKey(AfterEpochs)) ? [AfterEpochs] : Array.Empty<string>()];
        foreach (var group in runs.Zip(settings).GroupBy(pair => pair.Second.ToJsonString()))
        {
            RunRecord[] same = [.. group.Select(pair => pair.First)];
            JsonObject shared = group.First().Second;
            string label = string.Join(", ", differing.Where(shared.ContainsKey).Select(key => $"{key} {NumberText.Of(shared[key])}"));
            string method = same[0].Config.Method.Name, trained = same.Any(run => run.Report is { IsOnUnseenImages: false })
                ? ", on TRAINING images"
                : "";
            yield return Row($"{method}{trained}", label, same, run => run.Report);
            if (same[0].Config.Training.EmaDecay > 0)
                yield return Row($"{method}, averaged{trained}", label, same, run => run.AverageReport) with { IsAverage = true };
        }
    }

    private ComparisonRow Row(string method, string settings, RunRecord[] runs, Func<RunRecord, EvaluationReport?> report) => new(
        method, settings, runs.Count(run => report(run) is not null),
        [.. columns.Select(c => new Spread([.. runs.Select(run => c.Value(run, report(run))).OfType<double>()]))])
    {
        Members = [.. runs.Where(run => report(run) is not null)
            .Select(run => new RunAccuracies(run.Path, run.Config.Training.Seed, Accuracies(report(run)!)))],
    };

    private static Dictionary<string, double> Accuracies(EvaluationReport report)
    {
        Dictionary<string, double> values = new() { ["clean %"] = 100 * report.CleanAccuracy };
        foreach (AttackReport attack in report.Attacks)
            values.TryAdd($"{attack.Name} %", 100 * attack.Accuracy);
        if (report.Attacks.Count > 1 && report.IsCascade)
            values["worst case %"] = 100 * report.WorstCaseAccuracy;
        return values;
    }

    private static string Identity(RunRecord run) => $"{run.Config.Training.Seed} {Settings(run).ToJsonString()}";

    private static JsonObject Settings(RunRecord run)
    {
        RunConfig config = run.Config;
        JsonObject all = config.ToJson();
        // Seed and number of test images do not distinguish methods either.
        foreach (Setting setting in RunConfig.Settings.Where(setting => setting.Incidental || setting.Name is "seed" or "limit-test"
            || !config.Uses(setting.Name)))
            all.Remove(setting.Name);
        if (run.DataHash is { } hash)
            all["images"] = hash[..HashDigits];
        if (run.Summary?.FromSha256 is { } from)
            all["from"] = $"{config.Model.From} ({from[..HashDigits]})";
        if (run.Summary?.NaturalHash is { } natural)
            all["natural"] = $"{config.Model.Natural} ({natural[..HashDigits]})";
        if (run.Summary?.ExtraHash is { } extra)
            all["extra-data"] = $"{config.Data.Extra} ({extra[..HashDigits]})";
        if (run.Summary?.EarlierEpochs is { Count: > 0 } earlier)
            all[AfterEpochs] = string.Join(", ", earlier);
        return all;
    }
}
