using System.Text.Json.Serialization;

namespace Ascl.Robustness.Evaluation;

/// <summary>The smallest perturbation size at which a fraction of all images is misclassified; null if fewer were.</summary>
/// <param name="Share">Fraction of all images.</param>
/// <param name="Size">Norm of the perturbation.</param>
public sealed record SizeQuantile(double Share, double? Size);

/// <summary>The smallest adversarial perturbations found by minimum-norm attacks, which are upper bounds. Images that are misclassified
/// anyway have size 0.</summary>
/// <param name="Attacks">The attacks used; the smallest perturbation of any of them counts.</param>
/// <param name="Norm">linf or l2.</param>
/// <param name="Median">The median size; null if adversarial perturbations were found for fewer than half of the images.</param>
/// <param name="Quantiles">Sizes at usual fractions of images.</param>
/// <param name="Epsilon">ε of the evaluation, at which <paramref name="Accuracy"/> is the fraction of robust images.</param>
/// <param name="Accuracy">Fraction of images that are robust to perturbations of <paramref name="Epsilon"/>.</param>
/// <param name="Curve">Fraction of images that are robust to perturbations of each size, from ε = 0.</param>
/// <param name="NotFound">Number of images for which no adversarial perturbation was found.</param>
/// <param name="Seconds">Run time.</param>
public sealed record MinimalEpsilonReport(
    IReadOnlyList<string> Attacks, string Norm, double? Median, IReadOnlyList<SizeQuantile> Quantiles, double Epsilon, double Accuracy,
    IReadOnlyList<CurvePoint> Curve, int NotFound, double Seconds)
{
    private const int CurvePoints = 41, CurveDigits = 5;
    private const double CurveShare = 0.95;
    private static readonly double[] Shares = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

    /// <summary>Size for each image, in the order of the set; infinite if none was found.</summary>
    [JsonIgnore]
    public IReadOnlyList<float> Sizes { get; init; } = [];

    /// <summary>The attacks' names as a text: "A, B and C".</summary>
    [JsonIgnore]
    public string AttackNames => Attacks.Count < 2 ? string.Concat(Attacks) : $"{string.Join(", ", Attacks.SkipLast(1))} and {Attacks[^1]}";

    /// <summary>Summarises sizes.</summary>
    /// <param name="sizes">Size for each image.</param>
    public static MinimalEpsilonReport Of(IReadOnlyList<string> attacks, string norm, IReadOnlyList<float> sizes, double epsilon,
        double seconds)
    {
        double[] sorted = [.. sizes.Select(size => (double)size).Order()], found = [.. sorted.Where(double.IsFinite)];
        SizeQuantile[] quantiles = [.. Shares.Select(share => new SizeQuantile(share, Quantile(sorted, share)))];
        // The curve covers most of the sizes found: a few large ones would compress the rest.
        double end = Math.Max(epsilon, Quantile(found, CurveShare) ?? 0);
        CurvePoint[] curve = [.. Enumerable.Range(0, CurvePoints).Select(i => Math.Round(end * i / (CurvePoints - 1), CurveDigits))
            .Select(size => new CurvePoint(size, Accuracy(size)))];
        int notFound = sorted.Length - found.Length;
        return new(attacks, norm, Quantile(sorted, 0.5), quantiles, epsilon, Accuracy(epsilon), curve, notFound, seconds)
        {
            Sizes = sizes,
        };

        double Accuracy(double size) => (double)sorted.Count(s => s > size + AdversarialCheck.BallSlack) / sorted.Length;
    }

    private static double? Quantile(double[] sorted, double share)
    {
        double size = sorted.Length == 0 ? double.PositiveInfinity : sorted[Math.Max((int)Math.Ceiling(share * sorted.Length) - 1, 0)];
        return double.IsFinite(size) ? size : null;
    }
}
