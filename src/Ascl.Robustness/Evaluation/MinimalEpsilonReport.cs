using System.Text.Json.Serialization;

namespace Ascl.Robustness.Evaluation;

/// <summary>A size that turns a share of all images, the smallest such; null where the changes found turn fewer.</summary>
public sealed record SizeQuantile(double Share, double? Size);

/// <summary>How small a change turns each image, as far as attacks without a limit found: upper bounds. Images that are wrong have size
/// 0.</summary>
/// <param name="Attacks">That looked for it; the smallest change of any of them counts.</param>
/// <param name="Median">Half of all images are turned by a change of this size; null where no more than half were turned.</param>
/// <param name="Curve">Share of images that no change of this size turned, from ε = 0.</param>
/// <param name="Epsilon">Of the evaluation, and the share of images that no change of this size turned.</param>
/// <param name="NotFound">Images for which no change was found.</param>
public sealed record MinimalEpsilonReport(
    IReadOnlyList<string> Attacks, string Norm, double? Median, IReadOnlyList<SizeQuantile> Quantiles, double Epsilon, double Accuracy,
    IReadOnlyList<CurvePoint> Curve, int NotFound, double Seconds)
{
    private const int CurvePoints = 41, CurveDigits = 5;
    private const double CurveShare = 0.95;
    private static readonly double[] Shares = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

    /// <summary>Of each image in the set's order; infinite where none was found.</summary>
    [JsonIgnore]
    public IReadOnlyList<float> Sizes { get; init; } = [];

    /// <param name="sizes">Of each image.</param>
    public static MinimalEpsilonReport Of(IReadOnlyList<string> attacks, string norm, IReadOnlyList<float> sizes, double epsilon,
        double seconds)
    {
        double[] sorted = [.. sizes.Select(size => (double)size).Order()], found = [.. sorted.Where(double.IsFinite)];
        SizeQuantile[] quantiles = [.. Shares.Select(share => new SizeQuantile(share, Quantile(sorted, share)))];
        // As far as most images of those that can be turned are: a few far ones would press the others together.
        double end = Math.Max(epsilon, Quantile(found, CurveShare) ?? 0);
        CurvePoint[] curve = [.. Enumerable.Range(0, CurvePoints).Select(i => Math.Round(end * i / (CurvePoints - 1), CurveDigits))
            .Select(size => new CurvePoint(size, Accuracy(size)))];
        return new(attacks, norm, Quantile(sorted, 0.5), quantiles, epsilon, Accuracy(epsilon), curve, sorted.Length - found.Length,
            seconds)
            { Sizes = sizes };

        double Accuracy(double size) => (double)sorted.Count(s => s > size + AdversarialCheck.BallSlack) / sorted.Length;
    }

    private static double? Quantile(double[] sorted, double share)
    {
        double size = sorted.Length == 0 ? double.PositiveInfinity : sorted[Math.Max((int)Math.Ceiling(share * sorted.Length) - 1, 0)];
        return double.IsFinite(size) ? size : null;
    }
}
