using Ascl.Autograd.Ops;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;

namespace Ascl.Autograd.Checking;

/// <summary>
/// The contrastive loss: every strategy with every distance, on ordinary rows and with empty sets, equal or zero rows, and tied maxima.
/// </summary>
internal static class ContrastiveCases
{
    private static readonly SelectionStrategy[] Strategies = Enum.GetValues<SelectionStrategy>();
    private static readonly RowDistance[] Distances = Enum.GetValues<RowDistance>();

    /// <summary>How rows are compared, and their labels and predictions.</summary>
    private sealed record Setting(
        SelectionStrategy Strategy, RowDistance Distance, bool Normalized, int[] Labels, int[] Predictions, float Temperature = 0.2f)
    {
        public string Comparison => $"{Strategy} {Measure}".ToLowerInvariant();

        private string Measure => Normalized ? Distance == RowDistance.Dot ? "cosine" : $"{Distance} of unit rows" : $"{Distance}";
    }

    public static IEnumerable<OpCase> Of(CaseInputs inputs)
    {
        const int n = 12, d = 6, classes = 3;
        OpInput rows = inputs.Draw("rows", n, d);
        int[] labels = inputs.Indices(n, classes), guesses = inputs.Indices(n, classes), right = inputs.Indices(n, 2);
        int[] predictions = [.. labels.Select((label, i) => right[i] == 1 ? label : guesses[i])], ownClass = [.. Enumerable.Range(0, n)];
        int[] same = new int[n];
        OpInput tied = rows.Rounded(4).WithRow(5, copyOf: 1).WithRow(9, copyOf: 2).WithRow(3).WithRow(8);
        OpInput large = inputs.Draw("rows", 70, 3);
        OpInput wide = inputs.Draw("rows", n, 14);
        int[] largeLabels = inputs.Indices(70, classes), largePredictions = inputs.Indices(70, classes);

        foreach (SelectionStrategy strategy in Strategies)
            foreach (RowDistance distance in Distances)
            {
                Setting raw = new(strategy, distance, false, labels, predictions);
                yield return Case("", rows, raw);
                yield return Case("", rows, raw with { Normalized = true });
                yield return Case("equal and zero rows, ties", tied, raw, undefined: true);
                yield return Case("no positives", rows, raw with { Labels = ownClass });
                yield return Case("one class", rows, raw with { Labels = same });
                yield return Case("one class and prediction", rows, raw with { Labels = same, Predictions = same });
                yield return Case("nothing in common", rows,
                    raw with { Labels = ownClass, Predictions = [.. ownClass.Select(i => -1 - i)] });
                yield return Case("one image", inputs.Draw("rows", 2, d),
                    raw with { Labels = [1, 1], Predictions = [1, 0], Temperature = 1 });
                yield return Case("one row", inputs.Draw("rows", 1, d), raw with { Labels = [0], Predictions = [0] });
            }
        foreach (RowDistance distance in Distances)
        {
            Setting leaked = new(SelectionStrategy.Leaked, distance, true, labels, predictions);
            yield return Case("a zero row", rows.WithRow(4), leaked, undefined: true);
            yield return Case("temperature 0.07", rows, leaked with { Temperature = 0.07f });
            yield return Case("rows of several tiles", large,
                leaked with { Normalized = false, Labels = largeLabels, Predictions = largePredictions });
            yield return Case("14 coordinates", wide, leaked with { Normalized = false });
            yield return Case("14 coordinates, ties", wide.Rounded(4).WithRow(5, copyOf: 1), leaked with { Normalized = false },
                undefined: true);
            yield return Case("all rows equal", rows.Times(0), leaked with { Normalized = false }, undefined: true);
        }
        yield return Case("equal rows", rows.WithRow(5, copyOf: 1).WithRow(9, copyOf: 2),
            new(SelectionStrategy.Leaked, RowDistance.Dot, true, labels, predictions));
    }

    /// <param name="particular">What distinguishes the case, besides the setting.</param>
    /// <param name="rows">[n, d].</param>
    /// <param name="s">The setting.</param>
    /// <param name="undefined">Whether the distances have no derivative at these rows, so that the documented gradient is expected.</param>
    private static OpCase Case(string particular, OpInput rows, Setting s, bool undefined = false)
    {
        int d = rows.Shape[1];
        ReferenceContrastive reference = new(new(rows.Shape[0], d, s.Strategy, s.Distance, s.Temperature), s.Labels, s.Predictions);
        double[] Compared(double[] x) => s.Normalized ? ReferenceRows.Normalize(x, d) : x;
        double[][] Gradient(double[][] x, double[] seed)
        {
            double[] gradient = [.. reference.Gradient(Compared(x[0])).Select(g => seed[0] * g)];
            return [s.Normalized ? ReferenceRows.NormalizeBackward(x[0], gradient, d) : gradient];
        }
        return new("contrastive", particular.Length == 0 ? s.Comparison : $"{s.Comparison}, {particular}", [rows],
            t => (s.Normalized ? t[0].NormalizeRows() : t[0]).ContrastiveLoss(
                t[0].Device.Upload<int>(s.Labels), t[0].Device.Upload<int>(s.Predictions), s.Strategy, s.Distance, s.Temperature),
            x => [reference.Loss(Compared(x[0]))])
        { Convention = undefined ? Gradient : null };
    }
}
