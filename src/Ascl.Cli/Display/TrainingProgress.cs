using System.Diagnostics;

namespace Ascl.Cli.Display;

/// <summary>The progress line of training: epoch and step, the terms of the loss, images per second, and the time left.</summary>
/// <param name="display">The progress display.</param>
/// <param name="epochs">Number of epochs of the run.</param>
/// <param name="stepsPerEpoch">Number of steps in one epoch.</param>
/// <param name="stepsBefore">Steps that earlier processes did, if the run is resumed.</param>
internal sealed class TrainingProgress(ProgressDisplay display, int epochs, int stepsPerEpoch, long stepsBefore = 0)
{
    private readonly long began = Stopwatch.GetTimestamp();
    private long images;

    /// <param name="epoch">Index of the epoch, from 0.</param>
    /// <param name="step">Index of the finished step in it, from 0.</param>
    /// <param name="stepImages">Number of images in the step.</param>
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

    /// <summary>Prints the line of a finished epoch.</summary>
    public void Epoch(string line) => display.Line(line);

    /// <returns>"0:42", "12:05" or "3:07:30".</returns>
    public static string Duration(TimeSpan time) =>
        time.TotalHours >= 1 ? $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}" : $"{time.Minutes}:{time.Seconds:00}";
}
