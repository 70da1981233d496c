using System.Diagnostics;
using Ascl.Core.Diagnostics;

namespace Ascl.Kernels.Diagnostics;

/// <summary>One recorded kernel call.</summary>
/// <param name="Name">Kernel family and direction, such as "conv2d.backward_input".</param>
/// <param name="Shape">The problem size, as text.</param>
/// <param name="Began">Start, in milliseconds since the recording began.</param>
/// <param name="Milliseconds">Duration.</param>
/// <param name="Flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
/// <param name="Bytes">Minimum bytes read and written.</param>
/// <param name="PerformedFlops">Floating-point operations of the algorithm that ran.</param>
public sealed record KernelCall(
    string Name, string Shape, double Began, double Milliseconds, double Flops, double Bytes, double PerformedFlops);

/// <summary>The shape of a kernel that an algorithm may compute with fewer operations than its definition.</summary>
internal interface IFastShape
{
    /// <summary>Floating-point operations of the algorithm that the CPU's kernel chooses.</summary>
    double FlopsOnCpu { get; }
}

/// <summary>A clock that times kernels. A device that runs kernels asynchronously has its own.</summary>
internal interface IKernelClock
{
    /// <summary>Marks a point in the device's stream of work.</summary>
    IDisposable Mark();

    /// <summary>Milliseconds between two marks; waits until the device has reached the second.</summary>
    double Milliseconds(IDisposable from, IDisposable to);
}

/// <summary>
/// Traces one kernel call: <c>using var trace = KernelTrace.Begin("conv2d.forward", g, flops, bytes, onCpu);</c> With ASCL_DEBUG of 2 or
/// more it prints each call, and a table of totals when the process ends; inside <see cref="Record"/> it records the call. Otherwise it
/// only adds the operations to <see cref="WorkCount.Flop"/>. <see cref="Dispatch.DeviceKernel"/> traces every kernel.
/// </summary>
public readonly struct KernelTrace : IDisposable
{
    private static readonly Dictionary<string, (int Calls, double Milliseconds, double Flops, double Bytes)> Totals = [];
    private static readonly IKernelClock HostClock = new StopwatchClock();
    private static readonly bool IsPrinting = DebugSettings.Level >= 2;

    // Flows with the caller's async context, so that a recording does not see kernels that other threads run on other devices.
    private static readonly AsyncLocal<List<Timed>?> Recording = new();
    private static readonly AsyncLocal<IKernelClock?> ClockOfDevice = new();

    /// <summary>Recordings in progress: a fast check before the slower read of an AsyncLocal.</summary>
    private static int recordings;

    private readonly Timed? timed;

    /// <summary>The clock of the device opened in this context; null if it has none of its own.</summary>
    internal static IKernelClock? DeviceClock
    {
        get => ClockOfDevice.Value;
        set => ClockOfDevice.Value = value;
    }

    /// <summary>Whether kernels are being recorded or printed.</summary>
    internal static bool IsListening => IsPrinting || (recordings > 0 && Recording.Value is not null);

    static KernelTrace()
    {
        if (IsPrinting)
            AppDomain.CurrentDomain.ProcessExit += (_, _) => PrintTotals();
    }

    private KernelTrace(Timed timed) => this.timed = timed;

    /// <summary>Begins the trace of one kernel call, which ends when the result is disposed.</summary>
    /// <param name="name">Kernel family and direction, such as "conv2d.backward_input".</param>
    /// <param name="shape">The problem size; formatted only while kernels are recorded or printed.</param>
    /// <param name="flops">Floating-point operations of the plain definition (a fast algorithm may need fewer).</param>
    /// <param name="bytes">Minimum bytes read and written.</param>
    /// <param name="onCpu">Whether the kernel runs on a CPU.</param>
    public static KernelTrace Begin<TShape>(string name, TShape shape, double flops, double bytes, bool onCpu)
    {
        WorkCount.Flop += flops;
        return IsListening
            ? new(new Timed(DeviceClock ?? HostClock, name, shape?.ToString() ?? "", flops, bytes,
                onCpu && shape is IFastShape fast ? fast.FlopsOnCpu : flops))
            : default;
    }

    /// <summary>
    /// Runs <paramref name="work"/> and returns its kernel calls in order. GPU kernels are timed by events in the stream; the host waits at
    /// the end.
    /// </summary>
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

    /// <summary>Ends the trace.</summary>
    public void Dispose()
    {
        if (timed is null)
            return;
        timed.End();
        Recording.Value?.Add(timed);
        if (IsPrinting)
            Print(timed.Call(null));
    }

    /// <summary>A kernel call between two marks of a clock.</summary>
    private sealed class Timed(IKernelClock clock, string name, string shape, double flops, double bytes, double performed) : IDisposable
    {
        private readonly IDisposable began = clock.Mark();
        private IDisposable? ended;

        public void End() => ended = clock.Mark();

        /// <param name="origin">The mark that start times are relative to; null for the call's own start.</param>
        public KernelCall Call(IDisposable? origin) =>
            new(name, shape, origin is null ? 0 : clock.Milliseconds(origin, began), clock.Milliseconds(began, ended!), flops, bytes,
                performed);

        public void Dispose()
        {
            began.Dispose();
            ended?.Dispose();
        }
    }

    private sealed class StopwatchClock : IKernelClock
    {
        public IDisposable Mark() => new Timestamp(Stopwatch.GetTimestamp());

        public double Milliseconds(IDisposable from, IDisposable to) =>
            Stopwatch.GetElapsedTime(((Timestamp)from).Ticks, ((Timestamp)to).Ticks).TotalMilliseconds;

        private sealed record Timestamp(long Ticks) : IDisposable
        {
            public void Dispose()
            {
            }
        }
    }

    private static void Print(KernelCall call)
    {
        Console.Error.WriteLine(
            $"ascl: {call.Name} {call.Shape} {call.Milliseconds:F3} ms {call.Flops / call.Milliseconds / 1e6:F1} GFLOP/s "
            + $"{call.Bytes / call.Milliseconds / 1e6:F1} GB/s");
        var t = Totals.GetValueOrDefault(call.Name);
        Totals[call.Name] = (t.Calls + 1, t.Milliseconds + call.Milliseconds, t.Flops + call.Flops, t.Bytes + call.Bytes);
    }

    private static void PrintTotals()
    {
        foreach (var (name, t) in Totals.OrderByDescending(e => e.Value.Milliseconds))
            Console.Error.WriteLine(
                $"ascl: total {name}: {t.Calls} calls {t.Milliseconds:F1} ms {t.Flops / t.Milliseconds / 1e6:F1} GFLOP/s "
                + $"{t.Bytes / t.Milliseconds / 1e6:F1} GB/s");
    }
}
