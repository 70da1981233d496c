using System.Diagnostics;

namespace Ascl.Kernels.Profiling;

/// <summary>A timed piece of work: minimum and median over its repetitions.</summary>
public sealed record Timing(string Name, double MinMilliseconds, double MedianMilliseconds)
{
    /// <summary>Times <paramref name="repetitions"/> runs of <paramref name="work"/> after a warm-up run.</summary>
    public static Timing Of(string name, int repetitions, Action work)
    {
        work();
        double[] times = new double[repetitions];
        for (int i = 0; i < repetitions; i++)
        {
            long began = Stopwatch.GetTimestamp();
            work();
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }
        Array.Sort(times);
        return new(name, times[0], times[repetitions / 2]);
    }
}
