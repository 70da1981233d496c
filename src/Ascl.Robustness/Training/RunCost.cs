using System.Diagnostics;
using System.Text.Json;
using Ascl.Distributed;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Robustness.Training;

/// <summary>The cost of a run up to its last saved state: training steps and validation, over all processes that worked on it. Work lost
/// because a process was killed does not count.</summary>
public sealed class RunCost
{
    /// <summary>Wall time in seconds.</summary>
    public double Seconds { get; set; }

    /// <summary>CPU time of all threads in seconds; unaffected by other processes.</summary>
    public double CpuSeconds { get; set; }

    /// <summary>Forward passes, each of one image.</summary>
    public long ForwardPasses { get; set; }
    /// <summary>Backward passes, each of one image, whether for input gradients (attacks) or weight gradients.</summary>
    public long BackwardPasses { get; set; }

    /// <summary>Floating-point operations, counted by the textbook definitions of the ops.</summary>
    public double Flop { get; set; }

    /// <summary>Peak memory of any process of this run, in bytes.</summary>
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

    /// <summary>The cost of work that all ranks have done at the same time: the longest time, the sum of everything else.
    /// Collective.</summary>
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

    /// <summary>Runs <paramref name="work"/> and adds its cost.</summary>
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
