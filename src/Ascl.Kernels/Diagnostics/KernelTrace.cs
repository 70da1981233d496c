using System.Diagnostics;

namespace Ascl.Kernels.Diagnostics;

/// <summary>One run of a kernel.</summary>
/// <param name="Name">Kernel family and direction, such as "conv2d.backward_input".</param>
/// <param name="Shape">What it worked on.</param>
/// <param name="Began">Milliseconds since the recording began.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
/// <param name="Bytes">Bytes that have to be read and written at least.</param>
public sealed record KernelCall(string Name, string Shape, double Began, double Milliseconds, double Flops, double Bytes);

/// <summary>
/// Times one kernel while somebody listens: <c>using var trace = KernelTrace.Begin("conv2d.forward", g, flops, bytes);</c>
/// Where ASCL_DEBUG is 2 or more it prints each, and a table of the totals when the process ends; <see cref="Record"/> collects them. Otherwise it
/// only counts the operations into <see cref="WorkCount.Flop"/>.
/// </summary>
public readonly struct KernelTrace : IDisposable
{
    private static readonly Dictionary<string, (int Calls, double Milliseconds, double Flops, double Bytes)> Totals = [];
    private static Action<KernelCall>? listener;
    private static long recordingBegan;

    private readonly string? name;
    private readonly string shape = "";
    private readonly double flops, bytes;
    private readonly long began;

    /// <summary>Waits for the kernels of a device that runs them after their call has returned; set by that device.</summary>
    internal static Action? WaitForKernels { get; set; }

    /// <summary>Whether somebody wants to know of each kernel.</summary>
    internal static bool IsListening => listener is not null;

    static KernelTrace()
    {
        if (DebugSettings.Level < 2)
            return;
        listener = Print;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => PrintTotals();
    }

    private KernelTrace(string name, string shape, double flops, double bytes)
    {
        (this.name, this.shape, this.flops, this.bytes) = (name, shape, flops, bytes);
        WaitForKernels?.Invoke();
        began = Stopwatch.GetTimestamp();
    }

    /// <param name="name">Kernel family and direction, such as "conv2d.backward_input".</param>
    /// <param name="shape">What it works on; only made into text while somebody listens.</param>
    /// <param name="flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
    /// <param name="bytes">Bytes that have to be read and written at least.</param>
    public static KernelTrace Begin<TShape>(string name, TShape shape, double flops, double bytes)
    {
        WorkCount.Flop += flops;
        return listener is not null ? new(name, shape?.ToString() ?? "", flops, bytes) : default;
    }

    /// <summary>Runs <paramref name="work"/> and gives its kernels in their order. On a GPU each is waited for, so that its time is its own.</summary>
    public static IReadOnlyList<KernelCall> Record(Action work)
    {
        List<KernelCall> calls = [];
        Action<KernelCall>? before = listener;
        listener = before + calls.Add;
        recordingBegan = Stopwatch.GetTimestamp();
        try
        {
            work();
        }
        finally
        {
            listener = before;
        }
        return calls;
    }

    public void Dispose()
    {
        if (name is null)
            return;
        WaitForKernels?.Invoke();
        double ms = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        listener?.Invoke(new(name, shape, Stopwatch.GetElapsedTime(recordingBegan, began).TotalMilliseconds, ms, flops, bytes));
    }

    private static void Print(KernelCall call)
    {
        Console.Error.WriteLine($"ascl: {call.Name} {call.Shape} {call.Milliseconds:F3} ms {call.Flops / call.Milliseconds / 1e6:F1} GFLOP/s {call.Bytes / call.Milliseconds / 1e6:F1} GB/s");
        var t = Totals.GetValueOrDefault(call.Name);
        Totals[call.Name] = (t.Calls + 1, t.Milliseconds + call.Milliseconds, t.Flops + call.Flops, t.Bytes + call.Bytes);
    }

    private static void PrintTotals()
    {
        foreach (var (name, t) in Totals.OrderByDescending(e => e.Value.Milliseconds))
            Console.Error.WriteLine($"ascl: total {name}: {t.Calls} calls {t.Milliseconds:F1} ms {t.Flops / t.Milliseconds / 1e6:F1} GFLOP/s {t.Bytes / t.Milliseconds / 1e6:F1} GB/s");
    }
}
