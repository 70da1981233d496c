using Ascl.Autograd.Checking;
using Ascl.Autograd.Ops;
using Ascl.Core.Settings;
using Ascl.Kernels.Contrastive;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;

namespace Ascl.Robustness.Objectives;

/// <summary>Gradient-check cases of every objective: the weighted sum against its formula, with gradients with respect to natural and
/// adversarial logits and latents and the projection. Predictions are piecewise constant and taken at the inputs.</summary>
public static partial class ObjectiveCases
{
    private const int Classes = 4, Latent = 8, Projected = 5;
    private const double Beta = 6, VatWeight = 0.2, ContrastiveWeight = 0.7;

    /// <summary>Logits, latents and labels of a batch, and whether latents are projected before contrasting.</summary>
    private sealed record Batch(OpInput[] Inputs, int[] Labels, bool Projects)
    {
        /// <summary>Predictions of the natural images, then of the adversarial ones.</summary>
        public int[] Predictions { get; } =
            [.. Inputs[..2].SelectMany(logits => ReferenceLosses.Predict([.. logits.Values.Select(v => (double)v)], Classes))];
    }

    /// <summary>A loss of a batch in double precision; x as in <see cref="Batch.Inputs"/>.</summary>
    private delegate double Formula(double[][] x, Batch batch);

    /// <summary>All cases, with values drawn from the seed.</summary>
    public static IEnumerable<OpCase> All(ulong seed)
    {
        CaseInputs inputs = new(seed);
        Batch batch = Draw(inputs, 6), projected = Draw(inputs, 6, projects: true), single = Draw(inputs, 1);
        yield return Case("natural", "", batch, new NaturalObjective(), (x, b) => CrossEntropy(x[0], b, 0));
        yield return Case("natural", "smoothing 0.1", batch, new NaturalObjective { LabelSmoothing = 0.1 },
            (x, b) => CrossEntropy(x[0], b, 0.1f));
        yield return Case("pgd-at", "", batch, new PgdAtObjective(), PgdAt);
        yield return Case("pgd-at", "one image", single, new PgdAtObjective(), PgdAt);
        yield return Case("pgd-at", "natural weight 0.5, robust weight 2, smoothing 0.2", batch,
            new PgdAtObjective { NaturalWeight = 0.5, RobustWeight = 2, LabelSmoothing = 0.2 },
            (x, b) => 0.5 * CrossEntropy(x[0], b, 0.2f) + 2 * CrossEntropy(x[1], b, 0.2f));
        yield return Case("linear", "smoothing 0.1", batch, new LinearObjective { LabelSmoothing = 0.1 },
            (x, b) => CrossEntropy(x[0], b, 0.1f) + CrossEntropy(x[1], b, 0.1f));
        yield return Case("trades", "", batch, new TradesObjective { Beta = Beta }, Trades);
        yield return Case("trades", "one image", single, new TradesObjective { Beta = Beta }, Trades);
        yield return Case("trades", "beta 1, smoothing 0.1", batch, new TradesObjective { Beta = 1, LabelSmoothing = 0.1 },
            (x, b) => CrossEntropy(x[0], b, 0.1f) + Divergence(x));

        ContrastiveSettings supervised = new()
        {
            Strategy = SelectionStrategy.Global,
            Distance = ContrastiveDistance.Cosine,
            Temperature = 0.07,
        };
        foreach (Batch of in new[] { batch, projected })
            yield return Case("supcon", of.Projects ? "projected" : "", of, new SupConObjective { Contrastive = supervised },
                (x, b) => Contrastive(x, b, supervised, [[.. Enumerable.Range(0, b.Labels.Length)]]));
        foreach (OpCase adr in AdrCases(batch, single))
            yield return adr;
        foreach (OpCase recent in RecentCases(inputs, batch, single))
            yield return recent;

        OpInput[] equal = [batch.Inputs[0], batch.Inputs[0] with { Name = "adversarial logits" }, batch.Inputs[2],
            batch.Inputs[2] with { Name = "adversarial latent" }];
        Batch oneClass = batch with { Labels = new int[6] }, unchanged = new(equal, batch.Labels, Projects: false);
        foreach (var (objective, name, formula) in new (IObjective, string, Formula)[] { (new PgdAtObjective(), "pgd-at", PgdAt),
            (new TradesObjective { Beta = Beta }, "trades", Trades) })
        {
            foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
                foreach (ContrastiveDistance distance in new[] { ContrastiveDistance.Cosine, ContrastiveDistance.Linf })
                    yield return Ascl(batch, "", strategy, distance);
            foreach (ContrastiveDistance distance in Enum.GetValues<ContrastiveDistance>())
            {
                yield return Ascl(projected, ", projected", SelectionStrategy.Leaked, distance);
                yield return Ascl(single, ", one image", SelectionStrategy.Leaked, distance);
                yield return Ascl(oneClass, ", one class", SelectionStrategy.Leaked, distance);
            }
            foreach (string pairing in Enum.GetNames<ViewPairing>())
                yield return Views(projected, Enum.Parse<ViewPairing>(pairing));
            foreach (SelectionStrategy strategy in Enum.GetValues<SelectionStrategy>())
                yield return Ascl(batch, ", predicted labels", strategy, ContrastiveDistance.Lkinf, predicted: true);
            yield return Ascl(unchanged, ", adversarial = natural", SelectionStrategy.Leaked, ContrastiveDistance.Cosine);

            OpCase Views(Batch of, ViewPairing pairing)
            {
                ContrastiveSettings settings = new();
                return Case("ascl", $"on {name}, two views, {pairing}", of,
                    new AsclObjective
                    {
                        Base = objective,
                        Contrastive = settings,
                        ContrastiveWeight = ContrastiveWeight,
                        VatWeight = VatWeight,
                        ViewPairing = pairing
                    },
                    (x, b) => formula(x, b) + ContrastiveWeight * Contrastive(x, b, settings, pairing) + VatWeight * Divergence(x));
            }

            OpCase Ascl(Batch of, string particular, SelectionStrategy strategy, ContrastiveDistance distance, bool predicted = false)
            {
                ContrastiveSettings settings = new() { Strategy = strategy, Distance = distance };
                return Case("ascl",
                    $"on {name}, {NameText.Of(strategy)} {NameText.Of(distance)}{particular}", of,
                    new AsclObjective
                    {
                        Base = objective,
                        Contrastive = settings,
                        ContrastiveWeight = ContrastiveWeight,
                        VatWeight = VatWeight,
                        PredictedLabels = predicted
                    },
                    (x, b) => formula(x, b) + ContrastiveWeight * Contrastive(x, b, settings, predicted: predicted)
                        + VatWeight * Divergence(x));
            }
        }
    }

    private static Batch Draw(CaseInputs inputs, int images, bool projects = false)
    {
        OpInput[] outputs =
        [
            inputs.Draw("natural logits", images, Classes).Times(3), inputs.Draw("adversarial logits", images, Classes).Times(3),
            inputs.Draw("natural latent", images, Latent), inputs.Draw("adversarial latent", images, Latent),
        ];
        return new(projects
            ? [.. outputs, inputs.Draw("projection weight", Projected, Latent), inputs.Draw("projection bias", Projected)]
            : outputs,
            inputs.Indices(images, Classes), projects);
    }

    private static OpCase Case(string name, string variant, Batch batch, IObjective objective, Formula formula) =>
        new(name, variant, batch.Inputs,
            t => objective.Terms(new(
                new ModelOutput(t[2], t[0]), new ModelOutput(t[3], t[1]), t[0].Device.Upload<int>(batch.Labels),
                latent => batch.Projects ? latent.Linear(t[4], t[5]) : latent)).Total(),
            x => [formula(x, batch)]);

    private static double PgdAt(double[][] x, Batch batch) => CrossEntropy(x[1], batch, 0);

    private static double Trades(double[][] x, Batch batch) => CrossEntropy(x[0], batch, 0) + Beta * Divergence(x);

    private static double CrossEntropy(double[] logits, Batch batch, double smoothing) =>
        ReferenceLosses.CrossEntropy(logits, batch.Labels, smoothing).Average();

    private static double Divergence(double[][] x) => ReferenceLosses.KullbackLeibler(x[0], x[1], Classes).Average();

    /// <summary>The contrastive loss over natural and adversarial rows, in the groups of a view pairing.</summary>
    private static double Contrastive(double[][] x, Batch batch, ContrastiveSettings settings, ViewPairing pairing = ViewPairing.Jointly,
        bool predicted = false)
    {
        int n = 2 * batch.Labels.Length;
        int[] Rows(params int[] quarters) => [.. Enumerable.Range(0, n).Where(row => quarters.Contains(4 * row / n))];
        return Contrastive(x, batch, settings, pairing switch
        {
            ViewPairing.SameKind => [Rows(0, 1), Rows(2, 3)],
            ViewPairing.SameView => [Rows(0, 2), Rows(1, 3)],
            _ => [[.. Enumerable.Range(0, n)]],
        }, predicted);
    }

    /// <summary>The mean contrastive loss over groups of rows; natural rows are numbered first, then adversarial ones.</summary>
    private static double Contrastive(double[][] x, Batch batch, ContrastiveSettings settings, int[][] groups,
        bool predicted = false)
    {
        double[] latents = [.. x[2], .. x[3]];
        double[] rows = batch.Projects ? ReferenceRows.Linear(latents, x[4], x[5]) : latents;
        int d = rows.Length / (2 * batch.Labels.Length);
        return groups.Average(group =>
        {
            ContrastiveGeometry geometry = new(group.Length, d, settings.Strategy, settings.RowDistance, (float)settings.Temperature);
            int[] predictions = [.. group.Select(row => batch.Predictions[row])];
            int[] labels = predicted ? predictions : [.. group.Select(row => batch.Labels[row % batch.Labels.Length])];
            return new ReferenceContrastive(geometry, labels, predictions)
                .Loss(ReferenceRows.Normalize([.. group.SelectMany(row => rows[(row * d)..((row + 1) * d)])], d));
        });
    }
}
