using Ascl.Autograd;
using Ascl.Autograd.Checking;
using Ascl.Models.Networks;

namespace Ascl.Robustness.Objectives;

/// <summary>MART, SCORE, HAT, IKL and FGSM-MEP.</summary>
public static partial class ObjectiveCases
{
    private static IEnumerable<OpCase> RecentCases(CaseInputs inputs, Batch batch, Batch single)
    {
        // Logits far enough apart for probabilities of nearly 1.
        Batch confident = batch with { Inputs = [batch.Inputs[0].Times(6), batch.Inputs[1].Times(6), .. batch.Inputs[2..]] };
        foreach (var (variant, of) in new[] { ("", batch), ("one image", single), ("confident", confident) })
        {
            yield return Case("mart", variant, of, new MartObjective { Beta = Beta }, (x, b) => Mart(x, b, Beta, 0));
            yield return Case("score", variant, of, new ScoreObjective { Beta = Beta }, (x, b) => Score(x, b, Beta, 0));
        }
        yield return Case("mart", "beta 1, smoothing 0.1", batch, new MartObjective { Beta = 1, LabelSmoothing = 0.1 },
            (x, b) => Mart(x, b, 1, 0.1f));
        yield return Case("score", "beta 1, smoothing 0.1", batch, new ScoreObjective { Beta = 1, LabelSmoothing = 0.1 },
            (x, b) => Score(x, b, 1, 0.1f));
        foreach (var (variant, of) in new[] { ("", batch), ("one image", single) })
            yield return Hat(variant, of, inputs.Draw("helper logits", of.Labels.Length, Classes).Times(3),
                inputs.Indices(of.Labels.Length, Classes));
        foreach (OpCase ikl in IklCases(inputs, batch, single))
            yield return ikl;
        foreach (var (variant, of) in new[] { ("", batch), ("one image", single) })
            yield return FgsmMep(variant, of, inputs.Draw("start logits", of.Labels.Length, Classes).Times(3));
    }

    private static IEnumerable<OpCase> IklCases(CaseInputs inputs, Batch batch, Batch single)
    {
        double[][] means = Probabilities([.. inputs.Draw("class means", Classes, Classes).Times(2).Values.Select(v => (double)v)]);
        foreach (var (variant, of, table) in new[] { ("", batch, means), ("one image", single, means), ("first epoch", batch, null) })
        {
            IklObjective ikl = new() { Alpha = 3, Beta = Beta, LabelSmoothing = 0.1 };
            yield return new("ikl", variant, of.Inputs[..4],
                t => ikl.Terms(new(
                    new ModelOutput(t[2], t[0]), new ModelOutput(t[3], t[1]), t[0].Device.Upload<int>(of.Labels), latent => latent)
                {
                    ClassMeans = table is null
                        ? null
                        : Tensor.FromArray(t[0].Device, new(Classes, Classes), [.. table.SelectMany(row => row).Select(v => (float)v)]),
                }).Total(),
                x => [Ikl(x, x, of, table)])
            {
                // The targets of the soft cross-entropy are detached.
                Convention = (x, dy) =>
                    [.. x.Select((_, input) => GradientCheck.Differences(moved => [Ikl(moved, x, of, table)], x, input, dy))],
            };
        }
    }

    /// <param name="detached">Its natural logits make the targets of the soft cross-entropy.</param>
    /// <param name="means">Class means; null for uniform ones.</param>
    private static double Ikl(double[][] x, double[][] detached, Batch batch, double[][]? means) =>
        CrossEntropy(x[0], batch, 0.1f) + batch.Labels.Select((label, i) =>
        {
            double[] s = means?[label] ?? [.. Enumerable.Repeat(1.0 / Classes, Classes)];
            double[] d = [.. Enumerable.Range(i * Classes, Classes).Select(at => x[0][at] - x[1][at])];
            double squares = s.Index().Sum(j => s.Index().Sum(k => j.Item * k.Item * Math.Pow(d[j.Index] - d[k.Index], 2)));
            return 3 * PairCrossEntropy(detached[0], i, x[1], i) + Beta / 4 * squares;
        }).Average();

    /// <summary>Inputs as in <see cref="Batch.Inputs"/>, and the logits of helper images; those have the natural latents.</summary>
    private static OpCase Hat(string variant, Batch batch, OpInput helper, int[] helperLabels)
    {
        HatObjective hat = new() { Beta = Beta, HelperWeight = 0.7, LabelSmoothing = 0.1 };
        Formula trades = (x, b) => CrossEntropy(x[0], b, 0.1f) + Beta * Divergence(x);
        return new("hat", variant, [.. batch.Inputs[..4], helper],
            t => hat.Terms(new(
                new ModelOutput(t[2], t[0]), new ModelOutput(t[3], t[1]), t[0].Device.Upload<int>(batch.Labels), latent => latent)
            {
                Helper = new(new ModelOutput(t[2], t[4]), t[0].Device.Upload<int>(helperLabels)),
            }).Total(),
            x => [trades(x, batch) + 0.7 * ReferenceLosses.CrossEntropy(x[4], helperLabels).Average()]);
    }

    /// <summary>Inputs as in <see cref="Batch.Inputs"/>, and the logits where the steps began; those have the natural latents.</summary>
    private static OpCase FgsmMep(string variant, Batch batch, OpInput start)
    {
        FgsmMepObjective mep = new() { Weight = 0.7, Memory = new() { Target = 0.7 } };
        return new("fgsm-mep", variant, [.. batch.Inputs[..4], start],
            t => mep.Terms(new(null, new ModelOutput(t[3], t[1]), t[0].Device.Upload<int>(batch.Labels), latent => latent)
            {
                Start = new(t[2], t[4]),
            }).Total(),
            x => [Targeted(x[1]) + 0.7 * x[1].Zip(x[4], (a, b) => (a - b) * (a - b)).Average()]);

        // 0.7 of the label, 0.1 of each of the three others.
        double Targeted(double[] logits) => ReferenceLosses.LogSoftmax(logits, Classes).Chunk(Classes).Zip(batch.Labels,
            (row, label) => row.Select((log, c) => -(c == label ? 0.7 : 0.1) * log).Sum()).Average();
    }

    private static double Mart(double[][] x, Batch batch, double beta, double smoothing)
    {
        double[][] p = Probabilities(x[0]), adversarial = Probabilities(x[1]);
        double[] divergences = ReferenceLosses.KullbackLeibler(x[0], x[1], Classes);
        return CrossEntropy(x[1], batch, smoothing) + batch.Labels.Select((label, i) =>
            -Math.Log(1.0001 - adversarial[i].Where((_, c) => c != label).Max() + 1e-12)
                + beta * divergences[i] * (1.0000001 - p[i][label])).Average();
    }

    private static double Score(double[][] x, Batch batch, double beta, double smoothing)
    {
        double[][] p = Probabilities(x[0]), adversarial = Probabilities(x[1]);
        return batch.Labels.Select((label, i) =>
            p[i].Select((value, c) => Math.Pow(value - (c == label ? 1 - smoothing : 0) - smoothing / Classes, 2)).Sum()
                + beta * p[i].Zip(adversarial[i], (a, b) => (a - b) * (a - b)).Sum()).Average();
    }

    private static double[][] Probabilities(double[] logits) =>
        [.. ReferenceLosses.LogSoftmax(logits, Classes).Select(Math.Exp).Chunk(Classes)];
}
