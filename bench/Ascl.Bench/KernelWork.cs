using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Ascl.Bench;

/// <summary>What one call of a kernel has to do.</summary>
/// <param name="Flops">Operations of the plain definition.</param>
/// <param name="Bytes">Bytes that have to be read and written at least.</param>
/// <param name="PerformedFlops">Operations of the algorithm; null for those of the definition.</param>
public readonly record struct KernelWork(double Flops, double Bytes, double? PerformedFlops = null);

/// <summary>The parameter of a benchmark: a shape with a name that filters can pick.</summary>
public interface IKernelShape
{
    /// <param name="kernel">The benchmark's method.</param>
    KernelWork WorkOf(string kernel);
}

/// <summary>Billions of <paramref name="amount"/> a second.</summary>
internal sealed class ThroughputColumn(string name, string legend, Func<KernelWork, double> amount, string format = "F1") : IColumn
{
    public string Id => ColumnName;
    public string ColumnName => name;
    public string Legend => legend;
    public bool AlwaysShow => true;
    public bool IsNumeric => true;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 0;
    public UnitType UnitType => UnitType.Dimensionless;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => GetValue(summary, benchmarkCase, summary.Style);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style)
    {
        if (summary[benchmarkCase]?.ResultStatistics is not { Mean: > 0 } time
            || benchmarkCase.Parameters.Items.Select(p => p.Value).OfType<IKernelShape>().FirstOrDefault() is not { } shape)
            return "-";
        return (amount(shape.WorkOf(benchmarkCase.Descriptor.WorkloadMethod.Name)) / time.Mean).ToString(format, style.CultureInfo);
    }

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;
}
