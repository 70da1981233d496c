using System.Diagnostics;
using System.Text.Json.Nodes;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Diagnostics;

namespace Ascl.Robustness.Training;

/// <summary>What a run has cost up to its last saved state: its steps and its validation, over all processes that worked on it. Work that was lost to a kill
/// does not count.</summary>
public sealed class RunCost
{
    public double Seconds { get; set; }

    /// <summary>Of all threads; does not grow when other programs take the cores.</summary>
    public double CpuSeconds { get; set; }

    /// <summary>Of one image each.</summary>
    public long ForwardPasses { get; set; }
    public long BackwardPasses { get; set; }

    /// <summary>Floating-point operations of the plain definitions.</summary>
    public double Flop { get; set; }

    /// <summary>The most that a process of this run has held in memory.</summary>
    public long PeakMemoryBytes { get; set; }

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

/// <summary>summary.json: what a run was and what it took.</summary>
/// <param name="TrainSeconds">Wall time of training with its validation, without the final evaluation.</param>
/// <param name="CpuSeconds">The same in CPU time over all threads.</param>
/// <param name="ImagesPerSecond">Training images, mean over the run.</param>
/// <param name="ForwardPasses">Of one image each, attack and validation included.</param>
/// <param name="Gflop">10⁹ floating-point operations of the plain definitions.</param>
/// <param name="Warnings">How many epochs each warning was given in.</param>
/// <param name="DataHash">As <see cref="RunProgress.DataHash"/>.</param>
/// <param name="Id">As <see cref="RunProgress.Id"/>.</param>
/// <param name="FromSha256">As <see cref="RunProgress.FromSha256"/>.</param>
/// <param name="EarlierEpochs">As <see cref="RunProgress.EarlierEpochs"/>.</param>
/// <param name="Config">What the run was trained with.</param>
public sealed record RunSummary(
    string Method, string Model, string Data, ulong Seed, int Epochs, int TrainingImages, string Device, double TrainSeconds, double CpuSeconds, double ImagesPerSecond,
    long ForwardPasses, long BackwardPasses, double Gflop, long PeakMemoryBytes, int BestEpoch, double? BestValidationAccuracy, IReadOnlyDictionary<string, int> Warnings,
    string? DataHash = null, string? Id = null,
    string? FromSha256 = null, IReadOnlyList<int>? EarlierEpochs = null, JsonObject? Config = null)
{
    /// <summary>The summary in a file; null where there is none.</summary>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file is damaged.</exception>
    public static RunSummary? Read(string path) => JsonFile.ReadRecord(path, RunJson.Default.RunSummary, summary => summary.Method is not null);
}
