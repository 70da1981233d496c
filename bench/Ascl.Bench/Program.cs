using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Ascl.Bench;

/// <summary>Runs the benchmarks that the arguments choose; bench/README.md has examples.</summary>
internal static class Program
{
    private static void Main(string[] args) => BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, DefaultConfig.Instance
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60))
        .AddColumn(
            new ThroughputColumn("GFLOP/s", "Operations of the plain definition a second; a fast algorithm needs fewer",
                work => work.Flops),
            new ThroughputColumn("GB/s", "Bytes that have to be read and written at least, a second", work => work.Bytes)));
}
