using Ascl.Bench;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

IConfig config = DefaultConfig.Instance.WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(60)).AddColumn(
    new ThroughputColumn("GFLOP/s", "Operations of the plain definition a second; a fast algorithm needs fewer", work => work.Flops),
    new ThroughputColumn("GB/s", "Bytes that have to be read and written at least, a second", work => work.Bytes));
BenchmarkSwitcher.FromAssembly(typeof(KernelWork).Assembly).Run(args, config);
