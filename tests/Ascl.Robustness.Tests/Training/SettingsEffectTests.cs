using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Ascl.Core.Settings;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Runs;

namespace Ascl.Robustness.Tests.Training;

/// <summary>
/// Every setting reaches the place it is for: it changes what is trained where the method uses it, and nothing where it does not.
/// </summary>
public sealed class SettingsEffectTests : IDisposable
{
    /// <summary>What comes out of each <see cref="Base"/>.</summary>
    private static readonly ConcurrentDictionary<string, float[]> Unchanged = new();

    private readonly TinyRun runs = new();

    /// <summary>Another value of each setting that decides what weights come out, and what has to be set for it to matter.</summary>
    private static readonly Dictionary<string, (JsonNode Other, string Needs)> Changes = new()
    {
        ["limit-train"] = (30, ""),
        ["validation"] = (4, ""),
        ["extra-data"] = ("made:51", "extra"),
        ["extra-share"] = (0.5, "extra"),
        ["extra-labels"] = ("natural", "extra"),
        ["augment"] = ("on", ""),
        ["views"] = (2, ""),
        ["normalize"] = ("none", ""),
        ["model"] = ("resnet: 2 blocks a stage, widths 4,8", ""),
        ["activation"] = ("silu", ""),
        ["head"] = (7, ""),
        ["method"] = ("pgd-at", ""),
        ["base-objective"] = ("trades", ""),
        ["strategy"] = ("hard", ""),
        ["distance"] = ("l2", ""),
        ["temperature"] = (0.5, ""),
        ["view-pairing"] = ("same-kind", "views"),
        ["normalize-rows"] = (false, ""),
        ["predicted-labels"] = (true, ""),
        ["contrastive-weight"] = (2.0, ""),
        ["natural-weight"] = (0.5, ""),
        ["natural-pass"] = (false, "pgd-at"),
        ["robust-weight"] = (0.7, ""),
        ["vat-weight"] = (0.9, ""),
        ["trades-beta"] = (3.0, "trades"),
        ["mart-beta"] = (3.0, "mart"),
        ["score-beta"] = (3.0, "score"),
        ["ikl-alpha"] = (3.0, "ikl"),
        ["ikl-beta"] = (3.0, "ikl"),
        ["ikl-temperature"] = (1.0, "ikl"),
        ["hat-beta"] = (3.0, "hat"),
        ["helper-weight"] = (0.9, "hat"),
        ["helper-reach"] = (2.0, "hat"),
        ["mep-decay"] = (0.9, "fgsm-mep"),
        ["mep-reset"] = (1, "fgsm-mep"),
        ["mep-target"] = (0.9, "fgsm-mep"),
        ["mep-weight"] = (3.0, "fgsm-mep"),
        ["local-compactness-weight"] = (0.3, "adr"),
        ["local-smoothness-weight"] = (0.3, "adr"),
        ["global-compactness-weight"] = (0.3, "adr"),
        ["global-smoothness-weight"] = (0.3, "adr"),
        ["confidence-weight"] = (0.3, "adr"),
        ["label-smoothing"] = (0.2, ""),
        ["norm"] = ("l2", ""),
        ["epsilon"] = (0.2, ""),
        ["step-size"] = (0.005, ""),
        ["attack-steps"] = (3, ""),
        ["start"] = ("none", ""),
        ["start-radius"] = (2.0, ""),
        ["project"] = (false, ""),
        ["early-stop"] = (true, "long"),
        ["bn-mode"] = ("eval", ""),
        ["epochs"] = (3, ""),
        ["batch"] = (8, ""),
        ["lr"] = (0.02, ""),
        ["schedule"] = ("piecewise", ""),
        ["milestones"] = (new JsonArray(2), "piecewise"),
        ["decay"] = (0.5, "piecewise"),
        ["warmup"] = (1, ""),
        ["momentum"] = (0.5, ""),
        ["weight-decay"] = (0.05, ""),
        ["clip-norm"] = (0.1, ""),
        ["awp-gamma"] = (0.01, ""),
        ["shards"] = (2, ""),
        ["sync-bn"] = ("training", "shards"),
        ["on-overfitting"] = ("pgd", "overfits"),
        ["seed"] = (2, ""),
    };

    /// <summary>
    /// Settings that change no trained weight: where data come from and how they are read, what is kept beside, where and how fast.
    /// </summary>
    private static readonly string[] NotOfWeights =
    [
        "data", "limit-test", "resize", "crop", "test-share", "allow-empty-classes", "from", "natural", "attack-precision", "precision",
        "ema-decay", "threads", "save-every", "twin", "tensorboard", "out", "resume",
    ];

    public static TheoryData<string> Keys => [.. Changes.Keys];

    [Fact]
    public void EverySettingIsListed() =>
        Assert.Equal(RunConfig.Settings.Select(setting => setting.Name).Order(), Changes.Keys.Concat(NotOfWeights).Order());

    [Theory, MemberData(nameof(Keys))]
    public void ASettingChangesTheTrainedWeights(string key)
    {
        var (other, needs) = Changes[key];
        RunConfig config = Base(needs), changed = Changed(config, key, other);
        Assert.True(config.Uses(key) || changed.Uses(key));
        Assert.NotEqual(Unchanged.GetOrAdd(needs, _ => runs.Train(config).Weights), runs.Train(changed).Weights);
    }

    /// <summary>What the help calls a setting of another method leaves this one's weights alone, bit for bit.</summary>
    [Theory]
    [InlineData("natural")]
    [InlineData("pgd-at")]
    [InlineData("trades")]
    [InlineData("mart")]
    [InlineData("adr")]
    public void UnusedSettingsDoNotChangeTheTrainedWeights(string method)
    {
        RunConfig config = Base("").With(("method", method), ("epochs", 3), ("limit-train", 16), ("validation", 0));
        float[] weights = runs.Train(config).Weights;
        string[] unused = [.. Changes.Keys.Where(
            key => key != "view-pairing" && !config.Uses(key) && !Changed(config, key, Changes[key].Other).Uses(key))];
        Assert.Contains("strategy", unused);
        foreach (string key in unused)
            Assert.True(weights.AsSpan().SequenceEqual(runs.Train(Changed(config, key, Changes[key].Other)).Weights), key);
    }

    /// <summary>Each weight multiplies the term it is named after, and no other.</summary>
    [Theory]
    [InlineData("ascl", "pgd-at", "natural_ce 2, robust_ce 3, contrastive 5, vat_kl 7")]
    [InlineData("ascl", "trades", "natural_ce 1, trades_kl 11, contrastive 5, vat_kl 7")]
    [InlineData("adr", "pgd-at",
        "natural_ce 2, robust_ce 3, local_compactness 13, local_smoothness 17, global_compactness 19, global_smoothness 23, confidence 29")]
    [InlineData("pgd-at", "pgd-at", "natural_ce 2, robust_ce 3")]
    [InlineData("trades", "pgd-at", "natural_ce 1, trades_kl 11")]
    [InlineData("mart", "pgd-at", "robust_ce 1, runner_up 1, weighted_kl 31")]
    [InlineData("score", "pgd-at", "natural_lse 1, robust_lse 37")]
    [InlineData("linear", "pgd-at", "natural_ce 1, robust_ce 1")]
    [InlineData("natural", "pgd-at", "natural_ce 1")]
    public void LossWeightsReachTheirTerms(string method, string baseObjective, string expected)
    {
        RunConfig config = SettingTree.Fill(new RunConfig(), new()
        {
            ["method"] = method,
            ["base-objective"] = baseObjective,
            ["natural-weight"] = 2,
            ["robust-weight"] = 3,
            ["contrastive-weight"] = 5,
            ["vat-weight"] = 7,
            ["trades-beta"] = 11,
            ["local-compactness-weight"] = 13,
            ["local-smoothness-weight"] = 17,
            ["global-compactness-weight"] = 19,
            ["global-smoothness-weight"] = 23,
            ["confidence-weight"] = 29,
            ["mart-beta"] = 31,
            ["score-beta"] = 37,
        }, "test");
        using Kernels.Devices.CpuDevice device = new(threads: 1);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Enumerable.Range(0, 6));
        ObjectiveInput input = new(model.Forward(batch.Images, ForwardMode.Inference), model.Forward(batch.Images, ForwardMode.Inference),
            batch.Labels, latent => latent);
        string terms = string.Join(", ", config.Method.Terms(input).Select(t => $"{t.Name} {t.Weight}"));
        Assert.Equal(Sorted(expected), Sorted(terms));

        static string Sorted(string list) => string.Join(", ", list.Split(", ").Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("none", "eval", true, AttackStart.None, ForwardMode.Inference)]
    [InlineData("uniform", "train", false, AttackStart.Uniform, ForwardMode.Train)]
    [InlineData("gaussian", "train", false, AttackStart.Normal, ForwardMode.Train)]
    [InlineData("auto", "train", false, AttackStart.Uniform, ForwardMode.Train)]
    [InlineData("uniform", "auto", false, AttackStart.Uniform, ForwardMode.Train)]
    public void SettingsReachTheAttack(string start, string bnMode, bool earlyStop, AttackStart expectedStart, ForwardMode expectedMode)
    {
        RunConfig config = new RunConfig().With(
            ("method", "pgd-at"), ("norm", "l2"), ("epsilon", 0.7), ("step-size", 0.11), ("attack-steps", 6), ("start", start),
            ("bn-mode", bnMode), ("early-stop", earlyStop), ("start-radius", 1.5), ("project", false));
        PgdSettings expected = new(0.7, 0.11, 6, PerturbationNorm.L2, expectedStart, AttackLoss.CrossEntropy, expectedMode, earlyStop,
            StartRadius: 1.5, Projects: false);
        Assert.Equal(expected, config.Method.AttackOf(config.Attack)!.Settings);
        RunConfig trades = config.With(("method", "trades"));
        AttackStart startOfTrades = start == "auto" ? AttackStart.Normal : expectedStart;
        Assert.Equal(expected with { Loss = AttackLoss.KullbackLeibler, Start = startOfTrades },
            trades.Method.AttackOf(trades.Attack)!.Settings);
    }

    /// <summary>What an objective's authors do goes for auto only.</summary>
    [Theory]
    [InlineData("mart", AttackLoss.CrossEntropy)]
    [InlineData("score", AttackLoss.SquaredError)]
    [InlineData("hat", AttackLoss.KullbackLeibler)]
    [InlineData("ikl", AttackLoss.KullbackLeibler)]
    public void AutoIsWhatTheAuthorsOfAnObjectiveDo(string method, AttackLoss loss)
    {
        RunConfig config = new RunConfig().With(("method", method), ("natural", "runs/natural-1"));
        PgdSettings auto = config.Method.AttackOf(config.Attack)!.Settings;
        Assert.Equal((loss, AttackStart.Normal, ForwardMode.Inference), (auto.Loss, auto.Start, auto.Mode));
        RunConfig given = config.With(("start", "uniform"), ("bn-mode", "train"));
        Assert.Equal(auto with { Start = AttackStart.Uniform, Mode = ForwardMode.Train }, given.Method.AttackOf(given.Attack)!.Settings);
    }

    /// <summary>
    /// One step of SGD moves weights by −lr·(g + λw), a second one with momentum μ by −lr·μ·(the first) more, and a clipped one by
    /// lr·limit.
    /// </summary>
    [Fact]
    public void SettingsReachTheOptimiser()
    {
        const double Lr = 0.01, Decay = 0.3, Momentum = 0.6, Limit = 0.25;
        RunConfig plain = Base("piecewise").With(("method", "natural"), ("epochs", 3), ("milestones", new JsonArray(2)), ("batch", 40),
            ("validation", 0), ("lr", Lr), ("weight-decay", 0), ("momentum", 0), ("limit-train", 40));
        RunConfig once = plain.With(("epochs", 1), ("schedule", "cosine"), ("lr", Lr));
        float[] start = TinyRun.Start(once), free = runs.Train(once).Weights;
        bool[] trained = TinyRun.IsTrained(once);
        float[] decayed = runs.Train(once.With(("weight-decay", Decay))).Weights;
        float[] clipped = runs.Train(once.With(("clip-norm", Limit))).Weights;
        double squares = 0;
        for (int i = 0; i < start.Length; i++)
        {
            if (!trained[i])
                continue;
            Assert.Equal(-Lr * Decay * start[i], decayed[i] - free[i], 1e-6);
            squares += Math.Pow(clipped[i] - (double)start[i], 2);
        }
        Assert.Equal(Lr * Limit, Math.Sqrt(squares), 1e-5);

        RunConfig twice = plain.With(("epochs", 2), ("milestones", new JsonArray(1)), ("decay", 1));
        float[] without = runs.Train(twice).Weights, with = runs.Train(twice.With(("momentum", Momentum))).Weights;
        for (int i = 0; i < start.Length; i++)
            if (trained[i])
                Assert.Equal(Momentum * (free[i] - (double)start[i]), with[i] - (double)without[i], 1e-6);
    }

    public void Dispose() => runs.Dispose();

    private RunConfig Base(string needs) => needs switch
    {
        "views" => TinyRun.Config.With(("views", 2)),
        "shards" => TinyRun.Config.With(("shards", 2)),
        "extra" => TinyRun.Config.With(("extra-data", "made:50")),
        "piecewise" => TinyRun.Config.With(("schedule", "piecewise"), ("milestones", new JsonArray(1)), ("epochs", 3)),
        // Far enough for images to be misclassified before the last step.
        "long" => TinyRun.Config.With(("epsilon", 0.3), ("attack-steps", 6)),
        "overfits" => OverfittingTests.Config,
        "fgsm-mep" => TinyRun.Config.With(("method", "fgsm-mep"), ("attack-steps", 1), ("epochs", 4)),
        "hat" => runs.Hat,
        "" => TinyRun.Config,
        _ => TinyRun.Config.With(("method", needs)),
    };

    private RunConfig Changed(RunConfig config, string key, JsonNode value) => key switch
    {
        "schedule" => config.With((key, value), ("milestones", new JsonArray(1))),
        "extra-labels" => config.With((key, runs.Natural.Path)),
        _ => config.With((key, value)),
    };
}
