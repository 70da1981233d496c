using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Data;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Evaluation;

public sealed class MinimalEpsilonTests : IDisposable
{
    private const int Images = 30;
    private readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    /// <summary>Of a linear network every size is known, and so are all figures of the report.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void ReportOfALinearNetworkMatchesTheKnownDistances(PerturbationNorm norm)
    {
        Classifier model = LinearNetwork.Classifier(device);
        ImageSet images = Set(model);
        double[] known = Known(model, images, norm), sorted = [.. known.Order()];
        // Between two sizes that are clearly apart.
        int right = known.Count(size => size > 0);
        int middle = Enumerable.Range(Images - right + 5, right - 10).MaxBy(i => sorted[i + 1] / sorted[i]);
        double epsilon = (sorted[middle] + sorted[middle + 1]) / 2;
        MinimalEpsilonReport report = new Evaluator(model, images, 16, 1)
            .FindSmallestChanges(NearestAttack.All(norm, epsilon), norm, epsilon, CancellationToken.None);
        Assert.All(known.Zip(report.Sizes), pair => Assert.InRange(pair.Second, pair.First * (1 - 1e-4), pair.First * 1.01));
        Assert.Equal(3, report.Sizes.Count(size => size == 0));
        Assert.Equal((double)(Images - 1 - middle) / Images, report.Accuracy, 9);
        Assert.InRange(report.Median!.Value, sorted[Images / 2 - 1] * (1 - 1e-4), sorted[Images / 2 - 1] * 1.01);
        Assert.Equal(0, report.NotFound);
        Assert.Equal(norm == PerturbationNorm.Linf ? ["DeepFool", "FAB-T", "Brendel & Bethge"] : ["DeepFool", "FAB-T"], report.Attacks);
        Assert.All(report.Curve, point => Assert.InRange(point.Accuracy, known.Count(size => size > point.Epsilon) / (double)Images,
            known.Count(size => size * 1.01 > point.Epsilon - 1e-5) / (double)Images));
        Assert.Equal(0.9, report.Curve[0].Accuracy, 9);
        Assert.True(report.Curve[^1].Accuracy <= 0.1);

        // Whatever the batches.
        Assert.Equal(report.Sizes,
            new Evaluator(model, images, 7, 1)
                .FindSmallestChanges(NearestAttack.All(norm, epsilon), norm, epsilon, CancellationToken.None).Sizes);
    }

    /// <summary>What an attack says of its finds is not believed.</summary>
    [Fact]
    public void OnlyMisclassifiedImagesInRangeCount()
    {
        Classifier model = LinearNetwork.Classifier(device);
        ImageSet images = Set(model);
        NearestAttack idle = new("idle", (_, batch, _) => (batch.Images, [.. Enumerable.Repeat(0.001f, batch.Count)]));
        NearestAttack wild = new("wild", (_, batch, _) => (Wild(batch), [.. Enumerable.Repeat(0.001f, batch.Count)]));
        MinimalEpsilonReport report = new Evaluator(model, images, 16, 1)
            .FindSmallestChanges([idle, wild], PerturbationNorm.Linf, 0.1, CancellationToken.None);
        Assert.Equal(Images - 3, report.NotFound);
        Assert.Equal(0.9, report.Accuracy, 9);
        Assert.Null(report.Median);

        static Tensor Wild(ImageBatch batch) => Tensor.FromArray(
            batch.Images.Device, batch.Images.Shape, [.. batch.Images.ToArray().Select((v, i) => i % 2 == 0 ? 50 * v + 2 : -50 * v)]);
    }

    [Fact]
    public void QuantilesAreTheSmallestSufficientSizes()
    {
        MinimalEpsilonReport report = MinimalEpsilonReport.Of(["one"], "linf", [0.3f, 0, float.PositiveInfinity, 0.1f], 0.1, 1);
        Assert.Equal(0.1f, report.Median!.Value);
        Assert.Equal([0, 0, 0, 0.1f, 0.3f, null, null], report.Quantiles.Select(q => (float?)q.Size));
        Assert.Equal(1, report.NotFound);
        // 0.1 itself is within 0.1.
        Assert.Equal(0.5, report.Accuracy);
        Assert.Equal((0.0, 0.75), (report.Curve[0].Epsilon, report.Curve[0].Accuracy));
        Assert.Equal((0.3, 0.25), (report.Curve[^1].Epsilon, report.Curve[^1].Accuracy));
    }

    /// <summary>Images with the labels that the model gives them, but for the last three.</summary>
    private ImageSet Set(Classifier model)
    {
        ImageBatch batch = Made.Batch(device, [.. Enumerable.Range(0, Images)]);
        int[] labels = model.Forward(batch.Images, ForwardMode.Inference).Logits.Predict().ToArray();
        for (int n = Images - 3; n < Images; n++)
            labels[n] = (labels[n] + 1) % Made.Classes;
        return new("made", [.. Enumerable.Range(0, Made.Classes).Select(c => $"{c}")], Made.Channels, Made.Size, Made.Size, labels,
            batch.Images.ToArray());
    }

    private static double[] Known(Classifier model, ImageSet images, PerturbationNorm norm) => [.. Enumerable.Range(0, Images).Select(n =>
    {
        float[] image = new float[Made.Image];
        images.CopyImage(n, image);
        return n >= Images - 3 ? 0 : LinearNetwork.Distance(model, norm, image, images.Labels[n]);
    })];
}
