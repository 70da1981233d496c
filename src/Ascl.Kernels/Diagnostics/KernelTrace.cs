using System.Diagnostics;
using Ascl.Core.Diagnostics;

namespace Ascl.Kernels.Diagnostics;

/// <summary>One run of a kernel.</summary>
/// <param name="Name">Kernel family and direction, such as "conv2d.backward_input".</param>
/// <param name="Shape">What it worked on.</param>
/// <param name="Began">Milliseconds since the recording began.</param>
/// <param name="Milliseconds">How long it took.</param>
/// <param name="Flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
/// <param name="Bytes">Bytes that have to be read and written at least.</param>
public sealed record KernelCall(string Name, string Shape, double Began, double Milliseconds, double Flops, double Bytes);

/// <summary>A clock of kernels: of a device that runs them after their call has returned, its own.</summary>
internal interface IKernelClock
{
    /// <summary>A point in the order of what is given to the device.</summary>
    IDisposable Mark();

    /// <summary>The time from one to another; it waits until that has come.</summary>
    double Milliseconds(IDisposable from, IDisposable to);
}

/// <summary>
/// Times one kernel while somebody listens: <c>using var trace = KernelTrace.Begin("conv2d.forward", g, flops, bytes);</c>
/// Where ASCL_DEBUG is 2 or more it prints each, and a table of the totals when the process ends; <see cref="Record"/> collects them. Otherwise it
/// only counts the operations into <see cref="WorkCount.Flop"/>.
/// </summary>
public readonly struct KernelTrace : IDisposable
{
    private static readonly Dictionary<string, (int Calls, double Milliseconds, double Flops, double Bytes)> Totals = [];
    private static readonly IKernelClock HostClock = new StopwatchClock();
    private static readonly bool IsPrinting = DebugSettings.Level >= 2;

    // Of a thread and what it begins: kernels that other threads give to other devices are none of theirs.
    private static readonly AsyncLocal<List<Timed>?> Recording = new();
    private static readonly AsyncLocal<IKernelClock?> ClockOfDevice = new();

    /// <summary>How many record now, so that nobody has to look further where there are none.</summary>
    private static int recordings;

    private readonly Timed? timed;

    /// <summary>The clock of the device that was opened here; null where that has none of its own.</summary>
    internal static IKernelClock? DeviceClock
    {
        get => ClockOfDevice.Value;
        set => ClockOfDevice.Value = value;
    }

    /// <summary>Whether somebody wants to know of each kernel.</summary>
    internal static bool IsListening => IsPrinting || (recordings > 0 && Recording.Value is not null);

    static KernelTrace()
    {
        if (IsPrinting)
            AppDomain.CurrentDomain.ProcessExit += (_, _) => PrintTotals();
    }

    private KernelTrace(Timed timed) => this.timed = timed;

    /// <param name="name">Kernel family and direction, such as "conv2d.backward_input".</param>
    /// <param name="shape">What it works on; only made into text while somebody listens.</param>
    /// <param name="flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
    /// <param name="bytes">Bytes that have to be read and written at least.</param>
    public static KernelTrace Begin<TShape>(string name, TShape shape, double flops, double bytes)
    {
        WorkCount.Flop += flops;
        return IsListening ? new(new Timed(DeviceClock ?? HostClock, name, shape?.ToString() ?? "", flops, bytes)) : default;
    }

    /// <summary>Runs <paramref name="work"/> and gives its kernels in their order. On a GPU they are timed by the GPU itself, and waited for at the end.</summary>
    public static IReadOnlyList<KernelCall> Record(Action work)
    {
        List<Timed> calls = [];
        List<Timed>? before = Recording.Value;
        Recording.Value = calls;
        Interlocked.Increment(ref recordings);
        using IDisposable began = (DeviceClock ?? HostClock).Mark();
        try
        {
            work();
        }
        finally
        {
            Interlocked.Decrement(ref recordings);
            Recording.Value = before;
        }
        KernelCall[] recorded = [.. calls.Select(call => call.Call(began))];
        calls.ForEach(call => call.Dispose());
        return recorded;
    }

    public void Dispose()
    {
        if (timed is null)
            return;
        timed.End();
        Recording.Value?.Add(timed);
        if (IsPrinting)
            Print(timed.Call(null));
    }

    /// <summary>A kernel between two marks of a clock.</summary>
    private sealed class Timed(IKernelClock clock, string name, string shape, double flops, double bytes) : IDisposable
    {
        private readonly IDisposable began = clock.Mark();
        private IDisposable? ended;

        public void End() => ended = clock.Mark();

        /// <param name="origin">Where the time begins; null: with the kernel.</param>
        public KernelCall Call(IDisposable? origin) => new(name, shape, origin is null ? 0 : clock.Milliseconds(origin, began), clock.Milliseconds(began, ended!), flops, bytes);

        public void Dispose()
        {
            began.Dispose();
            ended?.Dispose();
        }
    }

    private sealed class StopwatchClock : IKernelClock
    {
        public IDisposable Mark() => new Timestamp(Stopwatch.GetTimestamp());

        public double Milliseconds(IDisposable from, IDisposable to) => Stopwatch.GetElapsedTime(((Timestamp)from).Ticks, ((Timestamp)to).Ticks).TotalMilliseconds;

        private sealed record Timestamp(long Ticks) : IDisposable
        {
            public void Dispose()
            {
            }
        }
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
