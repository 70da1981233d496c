using Ascl.Autograd.Ops;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;

namespace Ascl.Autograd.Checking;

/// <summary>Margins and difference-of-logits ratios, with and without targets, and margins of probabilities, from the minimum number of
/// classes up.</summary>
internal static class MarginCases
{
    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        foreach (MarginLoss loss in Enum.GetValues<MarginLoss>())
            foreach (bool isTargeted in new[] { false, true })
                foreach (int k in new[] { MarginKernels.LeastClasses(loss, isTargeted), 10, 100 })
                {
                    int[] labels = inputs.Indices(6, k), targets = [.. labels.Select((label, i) => (label + 1 + i % (k - 1)) % k)];
                    yield return Case($"{loss.ToString().ToLowerInvariant()}{(isTargeted ? ", targets" : "")}, [6, {k}]",
                        inputs.Draw("logits", 6, k).Times(4), loss, labels, isTargeted ? targets : null);
                }
        foreach (var (own, other) in new[] { (1, 1), (1, 0), (0, 1), (-1, 0) })
            foreach (int k in new[] { 2, 10, 100 })
            {
                int[] labels = inputs.Indices(6, k);
                yield return new("probability_margin", $"{other} p_t - {own} p_y, [6, {k}]", [inputs.Draw("logits", 6, k).Times(4)],
                    t => t[0].ProbabilityMargin(t[0].Device.Upload<int>(labels), own, other),
                    v => [.. v[0].Chunk(k).Select((row, i) => Reference(row, own, other, labels[i]))]);
            }
    }

    private static OpCase Case(string variant, OpInput logits, MarginLoss loss, int[] labels, int[]? targets) =>
        new("margin", variant, [logits],
            t => t[0].Margin(loss, t[0].Device.Upload<int>(labels), targets is null ? null : t[0].Device.Upload<int>(targets)), v =>
            [.. v[0].Chunk(logits.Shape[1]).Select((row, i) => Reference(row, loss, labels[i], targets?[i]))]);

    private static double Reference(double[] z, MarginLoss loss, int label, int? target)
    {
        double other = target is { } t ? z[t] : z.Where((_, i) => i != label).Max();
        double[] sorted = [.. z.OrderDescending()];
        double spread = loss == MarginLoss.Difference ? 1 : 1e-12 + sorted[0] - (target is null ? sorted[2] : (sorted[2] + sorted[3]) / 2);
        return (other - z[label]) / spread;
    }

    private static double Reference(double[] z, double own, double other, int label)
    {
        double total = z.Sum(Math.Exp);
        return (other * Math.Exp(z.Where((_, i) => i != label).Max()) - own * Math.Exp(z[label])) / total;
    }
}
