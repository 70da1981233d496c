using System.Globalization;

namespace Ascl.Data.Sources;

/// <summary>Detects images whose pixels are not scaled to 0…255 or 0…1. Training works with them, but an ε of 8/255 is then a larger
/// perturbation than intended.</summary>
internal static class Brightness
{
    /// <summary>Number of images sampled from each part.</summary>
    private const int MostImages = 2000;

    /// <summary>If 999 of 1,000 pixels are darker than this (of 255), the scale is doubtful.</summary>
    private const int DarkWhite = 64;

    private const double BrightPixels = 0.001, OtherScale = 3;

    /// <summary>Notes for the user, one line each.</summary>
    public static IEnumerable<string> Notes(DataSet set)
    {
        List<(string Name, ImageSet Images)> parts = [];
        if (set.HasTrainPart)
            parts.Add(("training", set.Train));
        if (set.HasTestPart)
            parts.Add(("test", set.Test));
        (double Mean, int White)[] found = [.. parts.Select(part => Of(part.Images))];
        foreach (var (part, (_, white)) in parts.Zip(found))
        {
            if (white < DarkWhite)
                yield return $"999 of 1000 pixels of the {part.Name} images are at most {white} of 255: are they of another scale?";
        }
        if (found is [var train, var test] && Math.Max(train.Mean, test.Mean) > OtherScale * Math.Min(train.Mean, test.Mean))
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"training images have a mean brightness of {train.Mean:F1} of 255, "
                + $"test images of {test.Mean:F1}: are they of the same scale?");
        }
    }

    /// <summary>Mean and 99.9th percentile of the pixels, both in 0…255.</summary>
    private static (double Mean, int White) Of(ImageSet images)
    {
        long[] counts = new long[256];
        float[] image = new float[images.ImageLength];
        for (int i = 0; i < images.Count; i += 1 + images.Count / MostImages)
        {
            images.CopyImage(i, image);
            foreach (float value in image)
                counts[(int)MathF.Round(value * 255)]++;
        }
        long all = counts.Sum(), brighter = 0;
        int white = 255;
        while (white > 0 && (brighter += counts[white]) <= BrightPixels * all)
            white--;
        return ((double)counts.Select((count, level) => count * level).Sum() / all, white);
    }
}
