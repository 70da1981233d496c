using Ascl.Core.Settings;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Robustness.Training;

namespace Ascl.Robustness.Reporting;

/// <summary>An image, what an attack made of it, and their difference beside each other.</summary>
public static class ImageTile
{
    /// <param name="images">A set of images of this size.</param>
    /// <param name="html">Stands under the pictures.</param>
    public static string Html(float[] natural, float[] adversarial, ImageSet images, PerturbationNorm norm, string html)
    {
        double[] change = [.. adversarial.Zip(natural, (a, n) => Math.Abs((double)a - n))];
        double size = norm == PerturbationNorm.Linf ? change.Max() : Math.Sqrt(change.Sum(d => d * d));
        return $"<div>{Png(natural, "natural")}{Png(adversarial, "adversarial")}{Png(PngImage.Difference(natural, adversarial), "difference")}<br>{html}<br>"
            + $"{(norm == PerturbationNorm.Linf ? "L∞" : "L2")} {NumberText.Of(Math.Round(size, 4))}</div>";

        string Png(float[] image, string what) =>
            HtmlPage.Image(PngImage.Encode(image, images.Channels, images.Height, images.Width), what);
    }
}
