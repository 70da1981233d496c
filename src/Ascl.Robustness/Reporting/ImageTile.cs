using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting;

/// <summary>An image, its adversarial image and their difference, side by side.</summary>
public static class ImageTile
{
    /// <summary>The tile as HTML.</summary>
    /// <param name="images">A set with images of this size.</param>
    /// <param name="html">Caption below the images.</param>
    public static string Html(float[] natural, float[] adversarial, ImageSet images, PerturbationNorm norm, string html)
    {
        double[] change = [.. adversarial.Zip(natural, (a, n) => Math.Abs((double)a - n))];
        double size = norm == PerturbationNorm.Linf ? change.Max() : Math.Sqrt(change.Sum(d => d * d));
        string pictures = Png(natural, "natural") + Png(adversarial, "adversarial")
            + Png(PngImage.Difference(natural, adversarial), "difference");
        return $"<div>{pictures}<br>{html}<br>{(norm == PerturbationNorm.Linf ? "L∞" : "L2")} {NumberText.Of(Math.Round(size, 4))}</div>";

        string Png(float[] image, string what) =>
            HtmlPage.Image(PngImage.Encode(image, images.Channels, images.Height, images.Width), what);
    }
}
