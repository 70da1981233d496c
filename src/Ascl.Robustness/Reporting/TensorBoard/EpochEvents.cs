using System.Globalization;
using Ascl.Core.Diagnostics;
using Ascl.Data;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting.TensorBoard;

/// <summary>
/// What TensorBoard shows of a training: every number of the metrics, histograms of latent distances, adversarial images. Each epoch has a
/// file of its own, replaced whole; TensorBoard reads a folder's files in the order of their names, so an epoch that is done again after a
/// kill stands there once.
/// </summary>
public static class EpochEvents
{
    private const int ShownImages = 4;

    /// <param name="folder">Of the event files.</param>
    /// <param name="look">Null where training makes no classifier.</param>
    /// <param name="images">Of the size that the look's images have.</param>
    /// <exception cref="Core.Diagnostics.UserErrorException">The file cannot be written.</exception>
    public static void Write(string folder, EpochMetrics metrics, EpochProbe? look, ImageSet images)
    {
        EventFile file = new(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1e3);
        foreach (var (tag, value) in Scalars(metrics))
            file.Scalar(tag, metrics.Epoch, value);
        if (look is not null)
            Show(file, metrics.Epoch, look, images);
        Directory.CreateDirectory(folder);
        file.Save(Path.Combine(folder, $"events.out.tfevents.{metrics.Epoch.ToString("D10", CultureInfo.InvariantCulture)}.ascl"));
    }

    /// <summary>The numbers of an epoch under the names that group them.</summary>
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

    private static void Show(EventFile file, int epoch, EpochProbe look, ImageSet images)
    {
        var (same, other, adversarial) = look.LatentDistances();
        file.Histogram("latent_distance/same_class", epoch, same);
        file.Histogram("latent_distance/other_class", epoch, other);
        file.Histogram("latent_distance/natural_to_adversarial", epoch, adversarial);
        for (int i = 0; i < Math.Min(ShownImages, look.Labels.Length); i++)
        {
            float[] natural = look.Images[(i * images.ImageLength)..((i + 1) * images.ImageLength)],
                moved = look.Adversarial[(i * images.ImageLength)..((i + 1) * images.ImageLength)];
            Picture($"image{i}/natural", natural);
            Picture($"image{i}/adversarial", moved);
            Picture($"image{i}/difference", PngImage.Difference(natural, moved));
        }

        void Picture(string tag, float[] image) =>
            file.Image(tag, epoch, PngImage.Encode(image, images.Channels, images.Height, images.Width), images.Height, images.Width,
                images.Channels);
    }
}
