using Ascl.Autograd;
using Ascl.Kernels.Devices;
using Ascl.Models.Networks;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;

namespace Ascl.Robustness.Tests.Objectives;

/// <summary>The values are held by the golden file "objectives"; here is what surrounds them.</summary>
public sealed class ObjectiveTests
{
    private const int Count = 6, Latent = 4;
    private static readonly ContrastiveSettings Leaked = new();

    private static ObjectiveInput Input(CpuDevice device, bool same = false)
    {
        Tensor Values(int columns, uint stream) =>
            Tensor.FromArray(device, new(Count, columns), Made.Uniform(Count * columns, stream, -2, 2), requiresGrad: true);
        ModelOutput natural = new(Values(Latent, 1), Values(Made.Classes, 2));
        ModelOutput adversarial = new(Values(Latent, same ? 1u : 3), Values(Made.Classes, same ? 2u : 4));
        return new(natural, adversarial, device.Upload<int>([0, 1, 2, 0, 1, 4]), latent => latent)
        {
            Helper = new(new(Values(Latent, 5), Values(Made.Classes, 6)), device.Upload<int>([3, 1, 2, 0, 0, 4])),
        };
    }

    [Fact]
    public void NamesNeedsAndWeights()
    {
        using CpuDevice device = new(1);
        Check(new NaturalObjective(), null, true, ("natural_ce", 1));
        Check(new PgdAtObjective { NaturalPass = false }, AttackLoss.CrossEntropy, false, ("robust_ce", 1));
        Check(new PgdAtObjective { NaturalWeight = 0.5, RobustWeight = 2 }, AttackLoss.CrossEntropy, true,
            ("natural_ce", 0.5), ("robust_ce", 2));
        Check(new TradesObjective(), AttackLoss.KullbackLeibler, true, ("natural_ce", 1), ("trades_kl", 6));
        Check(new MartObjective(), AttackLoss.CrossEntropy, true, ("robust_ce", 1), ("runner_up", 1), ("weighted_kl", 5));
        Check(new ScoreObjective(), AttackLoss.SquaredError, true, ("natural_lse", 1), ("robust_lse", 4));
        Check(new HatObjective(), AttackLoss.KullbackLeibler, true, ("natural_ce", 1), ("trades_kl", 2.5), ("helper_ce", 0.5));
        Check(new IklObjective(), AttackLoss.KullbackLeibler, true, ("natural_ce", 1), ("soft_ce", 4), ("weighted_mse", 20));
        Check(new AsclObjective { ContrastiveWeight = 0.7 }, AttackLoss.CrossEntropy, true, ("robust_ce", 1),
            ("contrastive", 0.7), ("vat_kl", 0.2));
        Check(new AsclObjective { Base = new TradesObjective { Beta = 3 }, VatWeight = 0 }, AttackLoss.KullbackLeibler, true,
            ("natural_ce", 1), ("trades_kl", 3), ("contrastive", 1));
        Check(new SupConObjective(), null, true, ("contrastive", 1));
        Check(new AdrObjective(), AttackLoss.CrossEntropy, true,
            ("robust_ce", 1), ("local_compactness", 1), ("local_smoothness", 1), ("global_compactness", 1), ("confidence", 1));
        AdrObjective smooth = new()
        {
            Base = new TradesObjective(),
            LocalCompactnessWeight = 0,
            LocalSmoothnessWeight = 0,
            GlobalCompactnessWeight = 0,
            GlobalSmoothnessWeight = 3,
            ConfidenceWeight = 0,
        };
        Check(smooth, AttackLoss.KullbackLeibler, true, ("natural_ce", 1), ("trades_kl", 6), ("global_smoothness", 3));

        void Check(IObjective objective, AttackLoss? attack, bool natural, params (string, double)[] expected)
        {
            Assert.Equal((attack, natural), (objective.Attack, objective.NeedsNatural));
            IReadOnlyList<LossTerm> terms = objective.Terms(Input(device));
            Assert.Equal(expected, terms.Select(t => (t.Name, t.Weight)));
            Assert.Equal(terms.Sum(t => t.Weight * t.Value.Item), terms.Total().Item, 1e-5);
        }
    }

    [Fact]
    public void CrossEntropiesAreThoseOfTheDefinition()
    {
        using CpuDevice device = new(1);
        ObjectiveInput input = Input(device);
        Assert.Equal(CrossEntropy(input.Natural!.Logits), new NaturalObjective().Terms(input).Total().Item, 1e-5);
        Assert.Equal(0.5 * CrossEntropy(input.Natural.Logits) + 2 * CrossEntropy(input.Adversarial!.Logits),
            new PgdAtObjective { NaturalWeight = 0.5, RobustWeight = 2 }.Terms(input).Total().Item, 1e-5);

        double CrossEntropy(Tensor logits)
        {
            int[] labels = input.Labels.ToArray();
            return logits.ToArray().Chunk(Made.Classes).Select((row, i) => Math.Log(row.Sum(v => Math.Exp(v))) - row[labels[i]]).Average();
        }
    }

    [Fact]
    public void EqualOutputsHaveNoDivergence()
    {
        using CpuDevice device = new(1);
        Assert.Equal(0, new TradesObjective().Terms(Input(device, same: true))[1].Value.Item, 1e-6);
        Assert.Equal(0, new AsclObjective { VatWeight = 1 }.Terms(Input(device, same: true))[2].Value.Item, 1e-6);
    }

    [Fact]
    public void GradientsReachBothSidesOfEveryTerm()
    {
        using CpuDevice device = new(1);
        ObjectiveInput input = Input(device);
        ContrastiveSettings global = Leaked with { Strategy = Ascl.Kernels.Contrastive.SelectionStrategy.Global };
        IReadOnlyList<LossTerm> terms = new AsclObjective { Base = new TradesObjective(), Contrastive = global }.Terms(input);
        foreach (string name in new[] { "trades_kl", "vat_kl" })
            Assert.All(Gradient.Of(terms.Single(t => t.Name == name).Value, input.Natural!.Logits, input.Adversarial!.Logits),
                g => Assert.Contains(g.ToArray(), v => v != 0));
        Assert.All(Gradient.Of(terms.Single(t => t.Name == "contrastive").Value, input.Natural!.Latent, input.Adversarial!.Latent),
            g => Assert.Contains(g.ToArray(), v => v != 0));
    }

    [Fact]
    public void RowsAreProjectedBeforeTheyAreContrasted()
    {
        using CpuDevice device = new(1);
        ObjectiveInput input = Input(device);
        List<Tensor> projected = [];
        new AsclObjective { VatWeight = 0 }.Terms(input with { Project = latent => { projected.Add(latent); return latent; } });
        Assert.Equal([input.Natural!.Latent, input.Adversarial!.Latent], projected);
    }

    /// <summary>Natural rows first; each row's prediction is that on its own image.</summary>
    [Fact]
    public void PairLabelsAreNaturalThenAdversarial()
    {
        using CpuDevice device = new(1);
        ObjectiveInput input = Input(device);
        var (labels, predictions) = AsclObjective.PairLabels(input);
        Assert.Equal([0, 1, 2, 0, 1, 4, 0, 1, 2, 0, 1, 4], labels.ToArray());
        static IEnumerable<int> Best(Tensor logits) => logits.ToArray().Chunk(Made.Classes).Select(row => Array.IndexOf(row, row.Max()));
        Assert.Equal([.. Best(input.Natural!.Logits), .. Best(input.Adversarial!.Logits)], predictions.ToArray());
        (labels, predictions) = AsclObjective.PairLabels(input, predicted: true);
        Assert.Equal([.. Best(input.Natural!.Logits), .. Best(input.Adversarial!.Logits)], labels.ToArray());
        Assert.Equal(labels.ToArray(), predictions.ToArray());
    }
}
