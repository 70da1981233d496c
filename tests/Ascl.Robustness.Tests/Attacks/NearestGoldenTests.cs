using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Core.Files;
using Ascl.Core.Random;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>DeepFool and Carlini and Wagner's attack: against tests/fixtures/nearest_attacks.py, which computes in float64, and on linear
/// models; what every attack has to keep to is in <see cref="AutoAttackTests"/>.</summary>
public sealed class NearestGoldenTests : IDisposable
{
    private const float Curvature = 0.3f;
    private const int Steps = 60;

    private readonly CpuDevice device = new(2);
    private readonly SafetensorsFile golden = SafetensorsFile.Open(Made.Fixture("nearest_attacks.safetensors"));

    public void Dispose()
    {
        golden.Dispose();
        device.Dispose();
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, "linf")]
    [InlineData(PerturbationNorm.L2, "l2")]
    public void DeepFoolFindsTheReferencesPoints(PerturbationNorm norm, string name)
    {
        var (model, batch) = Curved();
        var (images, sizes) = new DeepFoolAttack(1, norm).Nearest(model, batch);
        float[] expected = golden.ReadFloats($"deepfool.{name}"), found = images.ToArray(), before = batch.Images.ToArray();
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        for (int n = 0; n < batch.Count; n++)
            Assert.Equal(AdversarialCheck.Size(Image(before, n), Image(expected, n), norm), sizes[n], 1e-5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    public void CarliniWagnerFindsTheReferencesPoints(double confidence)
    {
        var (model, batch) = Curved();
        var (images, sizes) = new CarliniWagnerAttack(new(1, Steps, Confidence: confidence)).Nearest(model, batch);
        string name = confidence == 0 ? "cw.0.0" : "cw.0.5";
        Assert.All(golden.ReadFloats($"{name}.sizes").Zip(sizes), pair => Assert.Equal(pair.First, pair.Second, 1e-3 * pair.First));
        Assert.All(golden.ReadFloats(name).Zip(images.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 2e-3));
        // A confident point is beyond the boundary by κ.
        float[] margins = AttackLoss.Margin.PerImage(model.Forward(images, ForwardMode.Inference).Logits, batch.Labels).ToArray();
        Assert.All(margins, margin => Assert.InRange(margin, confidence, confidence + 0.05));
    }

    /// <summary>Two passes before the step and one after it; the size is the overshoot times the distance of the boundary.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void DeepFoolTurnsALinearModelInOneStep(PerturbationNorm norm)
    {
        int passes = 0;
        Classifier model = LinearNetwork.Classifier(device, change: logits =>
        {
            passes++;
            return logits;
        });
        ImageBatch batch = Made.RightBatch(model, Enumerable.Range(0, 16));
        passes = 0;
        var (images, sizes) = new DeepFoolAttack(1, norm).Nearest(model, batch);
        Assert.Equal(3, passes);
        float[] before = batch.Images.ToArray(), after = images.ToArray();
        int[] labels = batch.Labels.ToArray(), predictions = Made.Predictions(model, images);
        for (int n = 0; n < batch.Count; n++)
        {
            double least = LinearNetwork.Distance(model, norm, Image(before, n).ToArray(), labels[n]);
            Assert.InRange(sizes[n], least * (1 - 1e-5), least * 1.02 * (1 + 1e-5));
            Assert.Equal(sizes[n], AdversarialCheck.Size(Image(before, n), Image(after, n), norm), 1e-6);
            Assert.NotEqual(labels[n], predictions[n]);
        }
    }

    /// <summary>Where no pixel is at a bound: in the space of tanh those are far from where a descent can bring them. With the
    /// usual rate a step, which moves every pixel by about as much, is longer than the nearest of these boundaries are away.</summary>
    [Fact]
    public void CarliniWagnerComesToTheBoundaryOfALinearModel()
    {
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.GreyBatch(model, Enumerable.Range(0, 16));
        var (images, sizes) = new CarliniWagnerAttack(new(1, LearningRate: 1e-3)).Nearest(model, batch);
        float[] before = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        for (int n = 0; n < batch.Count; n++)
        {
            double least = LinearNetwork.Distance(model, PerturbationNorm.L2, Image(before, n).ToArray(), labels[n]);
            Assert.InRange(sizes[n], least * (1 - 1e-4), least * 1.01);
        }
        Assert.All(Made.Predictions(model, images).Zip(labels), pair => Assert.NotEqual(pair.Second, pair.First));
    }

    /// <summary>Towards a class: the boundary with that class is the distance, and the prediction is the class.</summary>
    [Fact]
    public void CarliniWagnerLeadsImagesToTheirTargets()
    {
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.GreyBatch(model, Enumerable.Range(0, 8));
        int[] targets = [.. batch.Labels.ToArray().Select((label, n) => (label + 1 + n % (Made.Classes - 1)) % Made.Classes)];
        var (images, sizes) = new CarliniWagnerAttack(new(1)).Nearest(model, batch with { Targets = device.Upload<int>(targets) });
        Assert.Equal(targets, Made.Predictions(model, images));
        float[] untargeted = new CarliniWagnerAttack(new(1)).Nearest(model, batch).Sizes;
        Assert.All(sizes.Zip(untargeted), pair => Assert.True(pair.First >= pair.Second * 0.99));
        Assert.Contains(sizes.Zip(untargeted), pair => pair.First > pair.Second * 1.5);
    }

    /// <summary>Wrong images have size 0 and stay; where nothing can be turned, all stay.</summary>
    [Fact]
    public void WrongImagesAndThoseThatNothingTurnsStay()
    {
        Classifier model = LinearNetwork.Classifier(device, change: logits => logits.Scale(0));
        ImageBatch made = Made.Batch(device, Enumerable.Range(0, 4));
        ImageBatch batch = made with { Labels = device.Upload<int>([0, 0, 0, 1]) };
        foreach (var (images, sizes) in new[]
        {
            new DeepFoolAttack(1, PerturbationNorm.L2, 5).Nearest(model, batch),
            new DeepFoolAttack(1, PerturbationNorm.Linf, 5).Nearest(model, batch),
            new CarliniWagnerAttack(new(1, 10, 3)).Nearest(model, batch),
        })
        {
            Assert.Equal([float.PositiveInfinity, float.PositiveInfinity, float.PositiveInfinity, 0], sizes);
            Assert.Equal(made.Images.ToArray(), images.ToArray());
        }
    }

    /// <summary>Gradients that say nothing or are no numbers give images that are what they are said to be.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(1e-38f)]
    public void TinyOrNonFiniteGradientsGiveValidImages(float factor)
    {
        Classifier model = LinearNetwork.Classifier(
            device, change: logits => logits.Detach(requiresGrad: true).Record("bad_gradient", (logits, dy => dy.Scale(factor))));
        ImageBatch batch = Made.RightBatch(model, Enumerable.Range(0, 8));
        float[] before = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        foreach (var (images, sizes) in new[]
        {
            new DeepFoolAttack(1, PerturbationNorm.L2, 5).Nearest(model, batch),
            new CarliniWagnerAttack(new(1, 20, 4)).Nearest(model, batch),
        })
        {
            float[] after = images.ToArray();
            int[] predictions = Made.Predictions(model, images);
            for (int n = 0; n < batch.Count; n++)
            {
                Assert.Equal(float.IsFinite(sizes[n]), predictions[n] != labels[n]);
                Assert.Equal(float.IsFinite(sizes[n]) ? sizes[n] : 0,
                    AdversarialCheck.Size(Image(before, n), Image(after, n), PerturbationNorm.L2), 1e-5);
            }
        }
    }

    [Fact]
    public void CarliniWagnerIsRefusedInOtherNormsThanL2() =>
        Assert.Equal("attack cw works only in l2: leave it out, or set norm to l2",
            Assert.Throws<UserErrorException>(() => AttackCatalog.Of(["pgd", "cw"], new(0.1))).Message);

    /// <summary>The network and the images of the golden file.</summary>
    private (Classifier Model, ImageBatch Batch) Curved()
    {
        Classifier model = LinearNetwork.Classifier(device, change: linear => linear.Add(linear.Square().Scale(Curvature)));
        foreach (string name in new[] { "weight", "bias" })
            model.Parameters.All.First(p => p.Name == $"linear.{name}").Tensor.Data.CopyFrom(golden.ReadFloats(name));
        float[] images = golden.ReadFloats("images");
        int count = images.Length / Made.Image;
        Tensor x = Tensor.FromArray(device, new(count, Made.Channels, Made.Size, Made.Size), images);
        int[] labels = [.. golden.ReadIntegers("labels").Select(label => (int)label)];
        Assert.Equal(labels, Made.Predictions(model, x));
        return (model, new(x, device.Upload<int>(labels), device.Upload<int>([.. Enumerable.Range(0, count)])));
    }

    private static ReadOnlySpan<float> Image(float[] images, int n) => images.AsSpan(n * Made.Image, Made.Image);
}
