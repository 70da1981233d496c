using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>Sweeps and comparisons in real processes.</summary>
public sealed class SweepTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ascl-sweep").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void KilledAndResumedSweepGivesTheSameRuns()
    {
        string plan = Plan("""{"name": "at", "method": "pgd-at"}, {"name": "ema", "method": "ascl", "ema-decay": 0.9}"""),
            whole = Path.Combine(folder, "whole"), killed = Path.Combine(folder, "killed");
        ProcessResult uninterrupted = AsclProcess.Run("sweep", plan, "--out", whole);
        Assert.True(uninterrupted.ExitCode == 0, uninterrupted.Error);

        // Killed in the first run, between the runs, in the second, and while reports are written.
        int kills = 0;
        foreach (string seen in new[] { "at-seed-1/state.safetensors", "at-seed-1/report.json", "ema-seed-1/state.safetensors",
            "ema-seed-1/last-ema.safetensors" })
        {
            using Process process = AsclProcess.Start("sweep", plan, "--out", killed);
            while (!process.HasExited && !File.Exists(Path.Combine(killed, seen)))
                Thread.Sleep(1);
            if (!process.HasExited)
            {
                process.Kill();
                kills++;
            }
            process.WaitForExit();
        }
        Assert.True(kills >= 2, $"only {kills} kills hit a running process");
        ProcessResult last = AsclProcess.Run("sweep", plan, "--out", killed);
        Assert.True(last.ExitCode == 0, last.Error);
        foreach (string run in new[] { "at-seed-1", "ema-seed-1" })
        {
            string[] weights =
            [
                .. Directory.EnumerateFiles(Path.Combine(whole, run), "*.safetensors").Select(file => Path.GetFileName(file)!)
                    .Where(file => file != "state.safetensors"),
            ];
            Assert.Equal(run == "at-seed-1" ? 2 : 4, weights.Length);
            foreach (string file in weights)
                Assert.Equal(File.ReadAllBytes(Path.Combine(whole, run, file)), File.ReadAllBytes(Path.Combine(killed, run, file)));
            Assert.Equal(Accuracies(Path.Combine(whole, run)), Accuracies(Path.Combine(killed, run)));
        }
        // Everything is done.
        ProcessResult again = AsclProcess.Run("sweep", plan, "--out", killed);
        Assert.Contains("[1/2] at-seed-1: done", again.Output, StringComparison.Ordinal);
        Assert.Contains("[2/2] ema-seed-1: done", again.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("epoch ", again.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void FailedRunDoesNotStopTheOthers()
    {
        string plan = Plan("""{"name": "broken", "method": "natural", "lr": 1e30}, {"name": "sound", "method": "natural"}"""),
            runs = Path.Combine(folder, "runs"), csv = Path.Combine(folder, "table.csv");
        ProcessResult result = AsclProcess.Run("sweep", plan, "--out", runs);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("broken-seed-1: error: training stopped in epoch 1", result.Error, StringComparison.Ordinal);
        Assert.Contains("1 of 2 runs failed: broken-seed-1", result.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(runs, "sound-seed-1", "report.json")));

        Assert.Equal(0, AsclProcess.Run("compare", runs, "--csv", csv).ExitCode);
        string[] lines = File.ReadAllLines(csv);
        Assert.Equal(3, lines.Length);
        Assert.StartsWith("natural,lr 0.02,1,", lines[2], StringComparison.Ordinal);
        Assert.Contains("begun", AsclProcess.Run("sweep", plan, "--out", runs, "--list").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void PartsOfASweepAreComparedWithABaselineBySeed()
    {
        string entries = """{"name": "small", "method": "natural", "lr": 0.01}, {"name": "large", "method": "natural", "lr": 0.04}""",
            plan = Plan(entries, [1, 2]), runs = Path.Combine(folder, "runs"),
            plot = Path.Combine(folder, "differences.svg"), table = Path.Combine(folder, "table.md");
        Assert.Equal(0, AsclProcess.Run("sweep", plan, "--out", runs, "--part", "2/2").ExitCode);
        Assert.Equal(2, Directory.EnumerateDirectories(runs).Count());
        ProcessResult rest = AsclProcess.Run("sweep", plan, "--out", runs);
        Assert.Equal(2, rest.Output.Split(": done").Length - 1);

        ProcessResult compared = AsclProcess.Run("compare", runs, "--against", Path.Combine(runs, "small-seed-2"), "--plot", plot,
            "--markdown", table);
        Assert.True(compared.ExitCode == 0, compared.Error);
        Assert.Contains("differences to natural, lr 0.01", compared.Output, StringComparison.Ordinal);
        Assert.Matches(@"natural, lr 0\.04\s+clean %\s+2\s+[+-]?\d", compared.Output);
        Assert.Contains("paired by seed", File.ReadAllText(table), StringComparison.Ordinal);
        Assert.Contains("<svg", File.ReadAllText(plot), StringComparison.Ordinal);
        Assert.Contains("is none of the evaluated runs", AsclProcess.RefusalInProcess("compare", runs, "--against", folder),
            StringComparison.Ordinal);
        Assert.Contains("must be K/N", AsclProcess.RefusalInProcess("sweep", plan, "--out", runs, "--part", "3/2"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void InvalidPlanIsRefusedBeforeTraining()
    {
        string runs = Path.Combine(folder, "runs");
        Assert.Contains("runs[1]: unknown key 'epoch': did you mean epochs?",
            AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a"}, {"name": "b", "epoch": 1}"""), "--out", runs),
            StringComparison.Ordinal);
        Assert.Contains("runs[1]: option --epsilon",
            AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a"}, {"name": "b", "epsilon": "8/x"}"""), "--out", runs),
            StringComparison.Ordinal);
        Assert.Contains("resnet19",
            AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a"}, {"name": "b", "model": "resnet19"}"""), "--out", runs),
            StringComparison.Ordinal);
        Assert.Contains("b-seed-1: none: there is no such file or run",
            AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a"}, {"name": "b", "from": "none"}"""), "--out", runs),
            StringComparison.Ordinal);
        Assert.Contains("more than the 10,000 runs",
            AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a"}""", Enumerable.Range(0, 10_001)), "--out", runs),
            StringComparison.Ordinal);
        Assert.Contains("names no \"out\"", AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a"}""")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(runs));

        AsclProcess.Run("sweep", Plan("""{"name": "a", "method": "natural"}"""), "--out", runs);
        Assert.Contains("holds a run with lr 0.02, the sweep asks for 0.03",
            AsclProcess.RefusalInProcess("sweep", Plan("""{"name": "a", "method": "natural", "lr": 0.03}"""), "--out", runs),
            StringComparison.Ordinal);
        Assert.Contains("no such folder", AsclProcess.RefusalInProcess("compare", Path.Combine(folder, "nowhere")),
            StringComparison.Ordinal);
        Assert.Contains("neither it nor its subfolders hold a run", AsclProcess.RefusalInProcess("compare", folder),
            StringComparison.Ordinal);
    }

    private string Plan(string runs, IEnumerable<int>? seeds = null)
    {
        string path = Path.Combine(folder, "sweep.json");
        File.WriteAllText(path, $$"""
            {
              "base": {"model": "resnet: 1 block a stage, widths 4,8", "limit-train": 420, "limit-test": 60, "validation": 100, "epochs": 2,
                       "batch": 64, "attack-steps": 2, "lr": 0.02, "save-every": 1, "epsilon": "8/255"},
              "runs": [{{runs}}], "grid": {"seed": [{{string.Join(", ", seeds ?? [1])}}]}
            }
            """);
        return path;
    }

    private static string Accuracies(string run)
    {
        JsonNode report = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "report.json")))!;
        return $"{report["clean_accuracy"]} {report["worst_case_accuracy"]}";
    }
}
