using Ascl.Robustness.LatentStudy;

namespace Ascl.Robustness.Tests.LatentStudy;

public sealed class StudyComparisonTests
{
    /// <summary>
    /// Ratios 1, 2, 3 and accuracies 0.3, 0.6, 0.4 give 0.1/√(2·0.14/3); the other kinds of pairs, ratio and accuracy in line, give 1 or
    /// −1.
    /// </summary>
    [Fact]
    public void CorrelationsMatchTheDefinition()
    {
        StudyComparison comparison = StudyComparison.Of([Study("a", 0.3, 1, 3, 6), Study("b", 0.6, 2, 6, 3), Study("c", 0.4, 3, 4, 5)]);
        Assert.Equal(["natural", "natural_adversarial", "adversarial"], comparison.Correlations.Select(c => c.Pairs));
        Assert.Equal([0.1 / Math.Sqrt(2 * 0.14 / 3), 1, -1], comparison.Correlations.Select(c => c.Value!.Value),
            (a, b) => Math.Abs(a - b) < 1e-9);
        (string name, string svg) = Assert.Single(comparison.Plots());
        Assert.Equal("l2", name);
        Assert.All(new[] { ">a<", ">b<", ">c<", "R-DIV" }, text => Assert.Contains(text, svg, StringComparison.Ordinal));
    }

    [Fact]
    public void NoCorrelationWithoutVariationOrWithTooFewStudies()
    {
        Assert.All(StudyComparison.Of([Study("a", 0.3, 1, 1, 1), Study("b", 0.6, 2, 2, 2)]).Correlations, c => Assert.Null(c.Value));
        Assert.All(StudyComparison.Of([Study("a", 0.3, 1, 1, 1), Study("b", 0.6, 1, 1, 1), Study("c", 0.4, 1, 1, 1)]).Correlations,
            c => Assert.Null(c.Value));
        Assert.All(StudyComparison.Of([Study("a", 0.3, null, null, null), Study("b", 0.6, 1, 2, 3), Study("c", 0.4, 1, 2, 3)]).Correlations,
            c => Assert.Null(c.Value));
    }

    private static StudyReport Study(string name, double robust, double? natural, double? mixed, double? adversarial) =>
        new(name, $"runs/{name}/best.safetensors", "resnet20", "made", 10, "PGD-20", 0.03, 0.9, robust,
            [new("latent", 64, [Of(natural)], [Of(mixed)], [Of(adversarial)])], 0.5, 0.5);

    private static Divergence Of(double? ratio) => new("l2", ratio, 1, ratio);
}
