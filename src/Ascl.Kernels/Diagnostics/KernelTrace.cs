using System.Diagnostics;

namespace Ascl.Kernels.Diagnostics;

/// <summary>
/// Times one kernel where ASCL_DEBUG is 2 or more: <c>using var trace = KernelTrace.Begin("conv2d.forward", g, flops, bytes);</c>
/// Prints name, shape, milliseconds, GFLOP/s and GB/s, and a table of the totals when the process ends. Otherwise it only counts the
/// operations into <see cref="WorkCount.Flop"/>.
/// </summary>
public readonly struct KernelTrace : IDisposable
{
    private static readonly bool Enabled = DebugSettings.Level >= 2;
    private static readonly Dictionary<string, (int Calls, double Milliseconds, double Flops, double Bytes)> Totals = [];
    private readonly string? name;
    private readonly string shape = "";
    private readonly double flops, bytes;
    private readonly long began;

    /// <summary>Waits for the kernels of a device that runs them after their call has returned; set by that device.</summary>
    internal static Action? WaitForKernels { get; set; }

    static KernelTrace()
    {
        if (Enabled)
            AppDomain.CurrentDomain.ProcessExit += (_, _) => PrintTotals();
    }

    private KernelTrace(string name, string shape, double flops, double bytes)
    {
        (this.name, this.shape, this.flops, this.bytes) = (name, shape, flops, bytes);
        WaitForKernels?.Invoke();
        began = Stopwatch.GetTimestamp();
    }

    /// <param name="name">Kernel family and direction, such as "conv2d.backward_input".</param>
    /// <param name="shape">What it works on; only made into text when tracing.</param>
    /// <param name="flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
    /// <param name="bytes">Bytes that have to be read and written at least.</param>
    public static KernelTrace Begin<TShape>(string name, TShape shape, double flops, double bytes)
    {
        WorkCount.Flop += flops;
        return Enabled ? new(name, shape?.ToString() ?? "", flops, bytes) : default;
    }

    public void Dispose()
    {
        if (name is null)
            return;
        WaitForKernels?.Invoke();
        double ms = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Console.Error.WriteLine($"ascl: {name} {shape} {ms:F3} ms {flops / ms / 1e6:F1} GFLOP/s {bytes / ms / 1e6:F1} GB/s");
        var t = Totals.GetValueOrDefault(name);
        Totals[name] = (t.Calls + 1, t.Milliseconds + ms, t.Flops + flops, t.Bytes + bytes);
    }

    private static void PrintTotals()
    {
        foreach (var (name, t) in Totals.OrderByDescending(e => e.Value.Milliseconds))
            Console.Error.WriteLine($"ascl: total {name}: {t.Calls} calls {t.Milliseconds:F1} ms {t.Flops / t.Milliseconds / 1e6:F1} GFLOP/s {t.Bytes / t.Milliseconds / 1e6:F1} GB/s");
    }
}
