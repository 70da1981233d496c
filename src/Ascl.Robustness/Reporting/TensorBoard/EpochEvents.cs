using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting.TensorBoard;

/// <summary>
/// Writes events for TensorBoard: all metrics, histograms of latent distances, adversarial images. Each epoch has its own file, which is
/// replaced atomically; TensorBoard reads the files of a folder in order of their names, so an epoch repeated after a resume appears once.
/// </summary>
public static class EpochEvents
{
    private const int ShownImages = 4;

    /// <summary>Writes the event file of an epoch.</summary>
    /// <param name="folder">Folder of the event files.</param>
    /// <param name="probe">The probe of the epoch; null if no classifier is trained.</param>
    /// <param name="images">A set with images of the probe's size.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file cannot be written.</exception>
    public static void Write(string folder, EpochMetrics metrics, EpochProbe? probe, ImageSet images)
    {
        EventFile file = new(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1e3);
        foreach (var (tag, value) in Scalars(metrics))
            file.Scalar(tag, metrics.Epoch, value);
        if (probe is not null)
            AddProbe(file, metrics.Epoch, probe, images);
        Directory.CreateDirectory(folder);
        file.Save(Path.Combine(folder, $"events.out.tfevents.{metrics.Epoch.ToString("D10", CultureInfo.InvariantCulture)}.ascl"));
    }

    /// <summary>The metrics of an epoch by tag.</summary>
    public static IEnumerable<(string Tag, double Value)> Scalars(EpochMetrics m)
    {
        (string Tag, double? Value)[] all =
        [
            ("loss/total", m.Loss), .. m.Terms.Select(t => ($"loss/{t.Key}", (double?)t.Value)), ("learning_rate", m.LearningRate),
            ("images_per_second", m.ImagesPerSecond),
            ("accuracy/train_natural", m.TrainNaturalAccuracy), ("accuracy/train_robust", m.TrainRobustAccuracy),
            ("accuracy/validation_natural", m.ValidationNaturalAccuracy), ("accuracy/validation_robust", m.ValidationRobustAccuracy),
            ("accuracy/average_natural", m.AverageNaturalAccuracy), ("accuracy/average_robust", m.AverageRobustAccuracy),
            ("probe/fgsm_accuracy", m.Probe?.FgsmAccuracy), ("probe/pgd_accuracy", m.Probe?.PgdAccuracy),
            ("probe/vanished_gradients", m.Probe?.VanishedGradients),
            .. m.Selection.SelectMany(s => new (string, double?)[] { ($"selection/{s.Key}/positives", s.Value.Positives),
                ($"selection/{s.Key}/negatives", s.Value.Negatives) }),
        ];
        return all.Where(entry => entry.Value is not null).Select(entry => (entry.Tag, entry.Value!.Value));
    }

    private static void AddProbe(EventFile file, int epoch, EpochProbe probe, ImageSet images)
    {
        var (same, other, adversarial) = probe.LatentDistances();
        file.Histogram("latent_distance/same_class", epoch, same);
        file.Histogram("latent_distance/other_class", epoch, other);
        file.Histogram("latent_distance/natural_to_adversarial", epoch, adversarial);
        for (int i = 0; i < Math.Min(ShownImages, probe.Labels.Length); i++)
        {
            float[] natural = probe.Images[(i * images.ImageLength)..((i + 1) * images.ImageLength)],
                moved = probe.Adversarial[(i * images.ImageLength)..((i + 1) * images.ImageLength)];
            AddImage($"image{i}/natural", natural);
            AddImage($"image{i}/adversarial", moved);
            AddImage($"image{i}/difference", PngImage.Difference(natural, moved));
        }

        void AddImage(string tag, float[] image) =>
            file.Image(tag, epoch, PngImage.Encode(image, images.Channels, images.Height, images.Width), images.Height, images.Width,
                images.Channels);
    }
}
