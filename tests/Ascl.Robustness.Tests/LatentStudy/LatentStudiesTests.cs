using Ascl.Data;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.LatentStudy;

namespace Ascl.Robustness.Tests.LatentStudy;

public sealed class LatentStudiesTests
{
    /// <summary>Two classes on a line, each of two points 2 apart, their middles 10 apart: intra 2, inter (8 + 10 + 10 + 12) / 4.</summary>
    [Fact]
    public void TheRatioIsIntraOverInter()
    {
        using CpuDevice device = new(1);
        LatentRows rows = new([0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1], [new("latent", 1, [1, 3, 11, 13], [1, 3, 11, 13])]);
        StageStudy stage = Assert.Single(LatentStudies.Stages(device, rows));
        Assert.Equal(("l2", 2, 10, 0.2),
            (stage.Natural[0].Distance, stage.Natural[0].Intra!.Value, stage.Natural[0].Inter!.Value, stage.Natural[0].Ratio!.Value));
        Assert.Equal(stage.Natural[0].Ratio, stage.Adversarial[0].Ratio);
        Assert.Equal(stage.Natural[0].Intra, stage.Natural[2].Intra);
    }

    [Fact]
    public void OneClassHasNoRatio()
    {
        using CpuDevice device = new(1);
        LatentRows rows = new([5, 5], [5, 5], [5, 5], [new("latent", 1, [1, 3], [1, 3])]);
        Divergence divergence = LatentStudies.Stages(device, rows)[0].Natural[0];
        Assert.Equal((2, null, null), (divergence.Intra, divergence.Inter, divergence.Ratio));
    }

    [Fact]
    public void NearestLabelsLeaveOutTheImageItself()
    {
        // Natural: 0 and 1 are neighbours of one class, 2 and 3 of two. Adversarial: all moved beside image 0, whose own is left out.
        StageRows rows = new("latent", 1, [0, 1, 10, 11], [0.1f, 0.1f, 0.1f, 0.1f]);
        var (natural, adversarial) = LatentStudies.NearestLabels(rows, [7, 7, 8, 9], threads: 2);
        Assert.Equal((0.5, 0.5), (natural, adversarial));
    }

    [Fact]
    public void PrincipalComponentsAreTheAxesOfAnEllipse()
    {
        // x = 5 cos, y = 2 sin along two orthogonal directions in three dimensions, around a point.
        double[] u = [0.6, 0.8, 0], v = [0, 0, 1];
        (double X, double Y)[] truth =
            [.. Enumerable.Range(0, 40).Select(i => (5 * Math.Cos(i * Math.PI / 20), 2 * Math.Sin(i * Math.PI / 20)))];
        float[] rows = [.. truth.SelectMany(p => Enumerable.Range(0, 3).Select(k => (float)(7 + p.X * u[k] + p.Y * v[k])))];
        (double X, double Y)[] found = LatentStudies.PrincipalComponents(rows, 3);
        double signX = Math.Sign(found[0].X * truth[0].X), signY = Math.Sign(found[10].Y * truth[10].Y);
        Assert.All(found.Zip(truth), p =>
        {
            Assert.Equal(p.Second.X, signX * p.First.X, 1e-4);
            Assert.Equal(p.Second.Y, signY * p.First.Y, 1e-4);
        });
    }

    [Fact]
    public void RowsDoNotDependOnTheBatchSize()
    {
        using CpuDevice device = new(2);
        Classifier model = new(device, new("resnet: 1 block a stage, widths 8,16", Made.Channels, Made.Classes, [], [], 6), seed: 4);
        ImageBatch made = Made.Batch(device, [.. Enumerable.Range(0, 10)]);
        ImageSet images = new("made", [.. Enumerable.Range(0, Made.Classes).Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size,
            made.Labels.ToArray(), made.Images.ToArray());
        PgdAttack attack = new(new(0.05, 0.02, 3));
        LatentRows whole = LatentRows.Of(model, images, attack, 10, 1, CancellationToken.None);
        LatentRows parts = LatentRows.Of(model, images, attack, 3, 1, CancellationToken.None);
        Assert.Equal(["conv1", "layer1.0", "layer2.0", "latent", "projection", "logits"], whole.Stages.Select(s => s.Stage));
        Assert.Equal([8, 8, 16, 16, 6, Made.Classes], whole.Stages.Select(s => s.Size));
        foreach (var (a, b) in whole.Stages.Zip(parts.Stages))
        {
            Assert.Equal(a.Natural, b.Natural);
            Assert.Equal(a.Adversarial, b.Adversarial);
            Assert.NotEqual(a.Natural, a.Adversarial);
            Assert.Equal(10 * a.Size, a.Natural.Length);
        }
        // The last block's output, averaged over the image, is the latent.
        Assert.Equal(whole.Stages[2].Natural, whole.Stages[3].Natural);
    }
}
