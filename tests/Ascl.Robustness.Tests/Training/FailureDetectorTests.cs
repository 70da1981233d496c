using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Models.Weights;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Objectives;
using Ascl.Robustness.Training;
using Xunit;

namespace Ascl.Robustness.Tests.Training;

public sealed class FailureDetectorTests
{
    private static readonly TrainingProbe Sound = new(0.5, 0.4, 0);

    private static readonly SelectionPercent Alive = new(50, 10, [50], [10], 0, 5);

    [Theory]
    [InlineData(0.10, false)]
    [InlineData(0.11, true)]
    public void VanishedGradientsAreWarnedOf(double share, bool isSaid) =>
        Assert.Equal(isSaid ? ["vanishing-gradients"] : [], Names(Epoch(1, Sound with { VanishedGradients = share })));

    [Theory]
    [InlineData("pgd-at", 0.9, 0.0, true)]
    [InlineData("pgd-at", 0.5, 0.24, true)]
    [InlineData("pgd-at", 0.5, 0.26, false)]
    [InlineData("pgd-at", 0.15, 0.0, false)]
    [InlineData("natural", 0.9, 0.0, false)]
    public void RobustnessToFgsmButNotPgdIsCatastrophicOverfitting(string method, double fgsm, double pgd, bool isSaid) =>
        Assert.Equal(isSaid ? ["catastrophic-overfitting"] : [], Names(Epoch(1, new(fgsm, pgd, 0)), method: method));

    [Fact]
    public void FallingValidationWithRisingTrainingAccuracyIsRobustOverfitting()
    {
        EpochMetrics best = Epoch(1, Sound, train: 0.4, validation: 0.45);
        // Two standard errors of the difference of two shares near 0.45 over 500 images: 6.3 points.
        Assert.Equal(["robust-overfitting"], Names(Epoch(2, Sound, train: 0.6, validation: 0.38), best));
        Assert.Empty(Names(Epoch(2, Sound, train: 0.6, validation: 0.39), best));
        Assert.Empty(Names(Epoch(2, Sound, train: 0.39, validation: 0.3), best));
        Assert.Empty(Names(Epoch(2, Sound, train: 0.6, validation: 0.5), best));
        Assert.Empty(Names(Epoch(2, Sound, train: 0.6, validation: 0.38)));
    }

    [Fact]
    public void EmptySelectionsAreWarnedOfWhereTheyAreUsed()
    {
        EpochMetrics dead = Epoch(1, Sound, selection: Alive with { AnchorsWithoutPositives = 51, AnchorsWithoutNegatives = 60 });
        Assert.Equal(["dead-selections", "dead-selections"], Names(dead, method: "ascl"));
        Assert.Empty(Names(dead, method: "trades"));
        Assert.Empty(Names(Epoch(1, Sound), method: "ascl"));
    }

    [Fact]
    public void SaturatedLogitsHaveNoGradient()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        float[] pixels = Made.Uniform(40 * Made.Image, 9, 0, 1);
        ImageSet images = new("made", [.. Enumerable.Range(0, Made.Classes).Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size,
            [.. Enumerable.Range(0, 40).Select(i => i % Made.Classes)], pixels);
        ThreatModel threat = ThreatModel.Of(PerturbationNorm.Linf);
        Assert.Equal(0, EpochProbe.Measure(model, threat, 1, images).Accuracies.VanishedGradients);

        // Scaled by 1e6 the softmax is 0 or 1 exactly: right images have no gradient, wrong ones keep one.
        int right = 0;
        foreach (NamedTensor tensor in model.Parameters.All.Where(p => p.Name.StartsWith(model.HeadPrefix, StringComparison.Ordinal)))
            tensor.Tensor.Data.CopyFrom([.. tensor.Tensor.ToArray().Select(w => w * 1e6f)]);
        using (device.Pool.BeginScope())
        {
            Autograd.Tensor x = Autograd.Tensor.FromArray(device, new(40, Made.Channels, Made.Size, Made.Size), pixels);
            float[] logits = model.Forward(x, ForwardMode.Inference).Logits.ToArray();
            for (int i = 0; i < 40; i++)
                right += Array.IndexOf(logits, logits.Skip(i * Made.Classes).Take(Made.Classes).Max(),
                    i * Made.Classes) % Made.Classes == i % Made.Classes ? 1 : 0;
        }
        Assert.InRange(right, 1, 39);
        Assert.Equal(right / 40.0, EpochProbe.Measure(model, threat, 1, images).Accuracies.VanishedGradients);
    }

    private static string[] Names(EpochMetrics metrics, EpochMetrics? before = null, string method = "pgd-at") =>
        [.. new FailureDetector((IObjective)ObjectiveCatalog.All.First(one => one.Name == method), 500)
            .Warnings(metrics, before is null ? [] : [before]).Select(w => w.Name)];

    private static EpochMetrics Epoch(
        int epoch, TrainingProbe probe, double train = 0.4, double validation = 0.4, SelectionPercent? selection = null) => new(
        epoch, 0.1, 1, new Dictionary<string, double>(), null, train, 0.6, validation, false, null, null,
        new Dictionary<string, SelectionPercent> { ["leaked"] = selection ?? Alive }, 100, 1, probe);
}
