using System.Diagnostics;
using System.Text.Json;
using Ascl.Distributed;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Robustness.Training;

/// <summary>What a run has cost up to its last saved state: its steps and its validation, over all processes that worked on it. Work that
/// was lost to a kill does not count.</summary>
public sealed class RunCost
{
    /// <summary>Seconds of training.</summary>
    public double Seconds { get; set; }

    /// <summary>Of all threads; does not grow when other programs take the cores.</summary>
    public double CpuSeconds { get; set; }

    /// <summary>Of one image each.</summary>
    public long ForwardPasses { get; set; }
    /// <summary>Images passed backward through the network.</summary>
    public long BackwardPasses { get; set; }

    /// <summary>Floating-point operations of the plain definitions.</summary>
    public double Flop { get; set; }

    /// <summary>The most that a process of this run has held in memory.</summary>
    public long PeakMemoryBytes { get; set; }

    /// <summary>Adds the cost of later work.</summary>
    public void Add(RunCost later)
    {
        Seconds += later.Seconds;
        CpuSeconds += later.CpuSeconds;
        ForwardPasses += later.ForwardPasses;
        BackwardPasses += later.BackwardPasses;
        Flop += later.Flop;
        PeakMemoryBytes = Math.Max(PeakMemoryBytes, later.PeakMemoryBytes);
    }

    /// <summary>The cost of work that all ranks have done at the same time: the longest time, the sum of everything else. Collective.</summary>
    internal static RunCost OfAll(RunCost own, Communicator communicator)
    {
        if (communicator.Size == 1)
            return own;
        RunCost all = new();
        double seconds = 0;
        foreach (string text in communicator.Gather(JsonSerializer.Serialize(own, TrainingJson.Default.RunCost)))
        {
            RunCost rank = JsonSerializer.Deserialize(text, TrainingJson.Default.RunCost)!;
            seconds = Math.Max(seconds, rank.Seconds);
            all.Add(rank);
        }
        all.Seconds = seconds;
        return all;
    }

    /// <summary>Adds what <paramref name="work"/> costs.</summary>
    public T Measure<T>(Func<T> work)
    {
        using Process process = Process.GetCurrentProcess();
        (long began, TimeSpan cpu) = (Stopwatch.GetTimestamp(), process.TotalProcessorTime);
        (double flop, long forward, long backward) = (WorkCount.Flop, WorkCount.ForwardImages, WorkCount.BackwardImages);
        T result = work();
        process.Refresh();
        Seconds += Stopwatch.GetElapsedTime(began).TotalSeconds;
        CpuSeconds += (process.TotalProcessorTime - cpu).TotalSeconds;
        Flop += WorkCount.Flop - flop;
        ForwardPasses += WorkCount.ForwardImages - forward;
        BackwardPasses += WorkCount.BackwardImages - backward;
        PeakMemoryBytes = Math.Max(PeakMemoryBytes, process.PeakWorkingSet64);
        return result;
    }
}
