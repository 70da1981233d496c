using System.Diagnostics;

namespace Ascl.Cli.Display;

/// <summary>A training run's progress: epoch and step, the terms of the loss, speed, and the time it will still take.</summary>
/// <param name="display">Where it is shown.</param>
/// <param name="epochs">Epochs of the whole run.</param>
/// <param name="stepsPerEpoch">Steps of one epoch.</param>
/// <param name="stepsBefore">Steps done before this process began: those of a run that goes on.</param>
internal sealed class TrainingProgress(ProgressDisplay display, int epochs, int stepsPerEpoch, long stepsBefore = 0)
{
    private readonly long began = Stopwatch.GetTimestamp();
    private long images;

    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="step">The step just done in it, from 0.</param>
    /// <param name="stepImages">Images of that step.</param>
    /// <param name="terms">The loss and its terms.</param>
    public void Step(int epoch, int step, int stepImages, IEnumerable<(string Name, double Value)> terms)
    {
        images += stepImages;
        long done = (long)epoch * stepsPerEpoch + step + 1, total = (long)epochs * stepsPerEpoch;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(began);
        TimeSpan left = elapsed / Math.Max(1, done - stepsBefore) * (total - done);
        string losses = string.Join(" ", terms.Select(term => $"{term.Name} {term.Value:F3}"));
        string speed = $"{images / elapsed.TotalSeconds:F0} images/s {Duration(left)} left";
        display.Report(done, total, $"epoch {epoch + 1}/{epochs} step {step + 1}/{stepsPerEpoch} {losses} {speed}");
    }

    /// <summary>Prints what an epoch came to.</summary>
    public void Epoch(string line) => display.Line(line);

    /// <returns>"0:42", "12:05" or "3:07:30".</returns>
    public static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";
}
