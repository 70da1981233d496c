using Ascl.Autograd.Checking;

namespace Ascl.Robustness.Objectives;

public static partial class ObjectiveCases
{
    /// <summary>A term of ADR as a function of natural and adversarial logits and latents; the natural ones are detached.</summary>
    private delegate double AdrTerm(double[][] natural, double[][] adversarial, Batch batch);

    private static IEnumerable<OpCase> AdrCases(Batch batch, Batch single)
    {
        (AdrTerm Term, AdrObjective Weights)[] alone =
        [
            (LocalCompactness, Weights(0.5, 0, 0, 0, 0)), (LocalSmoothness, Weights(0, 0.5, 0, 0, 0)),
            (GlobalCompactness, Weights(0, 0, 0.5, 0, 0)),
            (GlobalSmoothness, Weights(0, 0, 0, 0.5, 0)), (Confidence, Weights(0, 0, 0, 0, 0.5)),
        ];
        foreach (var (term, weights) in alone)
            yield return Adr($"on pgd-at, {term.Method.Name} alone", batch, new PgdAtObjective(), weights, PgdAt,
                (n, a, b) => 0.5 * term(n, a, b));
        AdrObjective all = Weights(1, 2, 3, 4, 5);
        foreach (var (name, of) in new[] { ("", batch), (", one image", single) })
        {
            yield return Adr($"on pgd-at{name}", of, new PgdAtObjective(), all, PgdAt, All);
            yield return Adr($"on trades{name}", of, new TradesObjective { Beta = Beta }, all, Trades, All);
        }

        static double All(double[][] natural, double[][] adversarial, Batch b) =>
            LocalCompactness(natural, adversarial, b) + 2 * LocalSmoothness(natural, adversarial, b)
                + 3 * GlobalCompactness(natural, adversarial, b)
            + 4 * GlobalSmoothness(natural, adversarial, b) + 5 * Confidence(natural, adversarial, b);
    }

    private static AdrObjective Weights(double localCompactness, double localSmoothness, double globalCompactness, double globalSmoothness,
        double confidence) => new()
        {
            LocalCompactnessWeight = localCompactness,
            LocalSmoothnessWeight = localSmoothness,
            GlobalCompactnessWeight = globalCompactness,
            GlobalSmoothnessWeight = globalSmoothness,
            ConfidenceWeight = confidence,
        };

    private static OpCase Adr(string variant, Batch batch, IObjective objective, AdrObjective weights, Formula formula, AdrTerm terms)
    {
        double Loss(double[][] x, double[][] natural) => formula(x, batch) + terms([natural[0], natural[2]], [x[1], x[3]], batch);
        return Case("adr", variant, batch, weights with { Base = objective }, (x, _) => Loss(x, x)) with
        {
            // The natural side of the terms is detached: it stays fixed while the inputs are perturbed.
            Convention = (x, dy) => [.. x.Select((_, input) => GradientCheck.Differences(moved => [Loss(moved, x)], x, input, dy))],
        };
    }

    private static double LocalCompactness(double[][] natural, double[][] adversarial, Batch _) =>
        natural[1].Zip(adversarial[1], (z, za) => Math.Abs(z - za)).Average();

    private static double LocalSmoothness(double[][] natural, double[][] adversarial, Batch batch) =>
        Enumerable.Range(0, batch.Labels.Length).Average(i => PairCrossEntropy(natural[0], i, adversarial[0], i));

    private static double GlobalCompactness(double[][] natural, double[][] adversarial, Batch batch) =>
        PairMean(batch,
            (i, j) => Enumerable.Range(0, Latent).Average(k => Math.Abs(natural[1][j * Latent + k] - adversarial[1][i * Latent + k])));

    private static double GlobalSmoothness(double[][] natural, double[][] adversarial, Batch batch) =>
        PairMean(batch, (i, j) => PairCrossEntropy(natural[0], j, adversarial[0], i));

    private static double Confidence(double[][] natural, double[][] adversarial, Batch _) =>
        ReferenceLosses.Entropy(adversarial[0], Classes).Average();

    /// <summary>mean_ij w_ij·value(i, j), i adversarial and j natural.</summary>
    private static double PairMean(Batch batch, Func<int, int, double> value) =>
        Enumerable.Range(0, batch.Labels.Length).Average(i => Enumerable.Range(0, batch.Labels.Length)
            .Average(j => (batch.Labels[i] == batch.Labels[j] ? 1 : 1 - 1 / 0.99) * value(i, j)));

    /// <summary>CE(softmax of row j of the natural logits, row i of the adversarial ones).</summary>
    private static double PairCrossEntropy(double[] natural, int j, double[] adversarial, int i)
    {
        double[] logP = ReferenceLosses.LogSoftmax(natural[(j * Classes)..((j + 1) * Classes)], Classes);
        double[] logQ = ReferenceLosses.LogSoftmax(adversarial[(i * Classes)..((i + 1) * Classes)], Classes);
        return -logP.Zip(logQ, (p, q) => Math.Exp(p) * q).Sum();
    }
}
