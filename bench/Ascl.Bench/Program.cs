using Ascl.Kernels.Devices;
using Ascl.Kernels.Profiling;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Ascl.Bench;

/// <summary>Runs the benchmarks that the arguments choose; bench/README.md has examples.</summary>
internal static class Program
{
    private static readonly Lazy<double> Peak = new(() =>
    {
        using CpuDevice device = new(pinned: true);
        return DevicePeaks.Of(device).GigaflopsPerSecond;
    });

    private static void Main(string[] args) => BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args, DefaultConfig.Instance
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60))
        .AddColumn(
            new ThroughputColumn("GFLOP/s", "Operations of the plain definition a second; a fast algorithm needs fewer",
                work => work.Flops),
            new ThroughputColumn("of peak",
                "Operations that the algorithm performs a second, of this machine's peak: independent multiply-adds in registers",
                work => (work.PerformedFlops ?? work.Flops) / Peak.Value, "P0"),
            new ThroughputColumn("GB/s", "Bytes that have to be read and written at least, a second", work => work.Bytes)));
}
