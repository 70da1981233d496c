using System.Diagnostics;
using System.Text.Json.Nodes;
using Xunit;

namespace Ascl.Cli.Tests;

/// <summary>scripts/gpu-check with stub programs: if a part fails or hangs, the others still run, and all are reported.</summary>
public sealed class GpuCheckTests : IDisposable
{
    private const string Program = """
        #!/bin/bash
        case "$0 $*" in
            *ReduceParityTests*) echo 'a "quoted" back\slash | bar'; exit 3 ;;
            *GemmParityTests*) sleep 60 ;;
            *train*) while [[ $# -gt 1 ]]; do shift; done; mkdir -p "$1"; echo weights >"$1/best.safetensors" ;;
            *bench*) echo "ascl made.up 1.0 2.0" ;;
            *devices*) echo 'cuda:0  a card' ;;
            *) echo '2 passed, 0 failed, 0 skipped' ;;
        esac
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("ascl-gpu-check").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void EveryPartIsReportedWhateverItsResult()
    {
        Directory.CreateDirectory(Path.Combine(folder, "bin"));
        foreach (string name in new[] { "ascl", "gpu-tests" })
        {
            File.WriteAllText(Path.Combine(folder, "bin", name), Program);
            Process.Start("chmod", ["+x", Path.Combine(folder, "bin", name)])!.WaitForExit();
        }
        ProcessResult result = Run("15", "run", "out", "all", "cuda:0");
        Assert.Equal(1, result.ExitCode);
        Dictionary<string, JsonNode> parts = File.ReadLines(Path.Combine(folder, "out", "parts.jsonl"))
            .Select(line => JsonNode.Parse(line)!).ToDictionary(part => part["part"]!.GetValue<string>());
        Assert.Equal("passed", Of("test-ElementwiseParityTests"));
        Assert.Equal("failed (3)", Of("test-ReduceParityTests"));
        Assert.Equal("a \"quoted\" back\\slash | bar", parts["test-ReduceParityTests"]["last_line"]!.GetValue<string>());
        Assert.Equal("out of time", Of("test-GemmParityTests"));
        // The checks have used up their time; the benchmarks have a budget of their own.
        Assert.Equal("no time left", Of("same-bits"));
        Assert.Equal("passed", Of("bench-wrn-34-10-b512-bf16"));
        Assert.Equal("passed", Of("bench-contrastive-65536"));

        string[] summary = File.ReadAllLines(Path.Combine(folder, "out", "summary.txt"));
        Assert.InRange(summary.Length, 1, 40);
        Assert.Contains("cuda:0  a card", summary[0], StringComparison.Ordinal);
        Assert.Contains("test-GemmParityTests: out of time after", string.Join('\n', summary), StringComparison.Ordinal);
        Assert.Contains("| bench-resnet18-b128-float32 | passed |", File.ReadAllText(Path.Combine(folder, "out", "gpu.md")),
            StringComparison.Ordinal);

        string Of(string part) => parts[part]["result"]!.GetValue<string>();
    }

    [Fact]
    public void MissingFilesAndWrongUsageAreReported()
    {
        Assert.Contains("ascl is missing: unpack", Run("5", "run", "out").Error, StringComparison.Ordinal);
        ProcessResult usage = Run("5", "walk");
        Assert.Equal(2, usage.ExitCode);
        Assert.Contains("gpu-check pack FILE.tar.xz", usage.Error, StringComparison.Ordinal);
    }

    private ProcessResult Run(string budget, params string[] arguments)
    {
        string script = Path.Combine(folder, "gpu-check");
        File.Copy(Path.Combine(AppContext.BaseDirectory, "gpu-check"), script, overwrite: true);
        ProcessStartInfo start = new("bash", [script, .. arguments]) { WorkingDirectory = folder };
        start.Environment["BUDGET"] = budget;
        return AsclProcess.Run(start);
    }
}
