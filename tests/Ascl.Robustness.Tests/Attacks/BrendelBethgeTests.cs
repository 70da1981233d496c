using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Core.Diagnostics;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Models;
using Ascl.Robustness.Attacks;
using Ascl.Robustness.Evaluation;

namespace Ascl.Robustness.Tests.Attacks;

/// <summary>The attack along the decision boundary; what every attack has to keep to is in <see cref="AutoAttackTests"/>.</summary>
public sealed class BrendelBethgeTests : IDisposable
{
    private const int Images = 16;
    private readonly CpuDevice device = new(2);

    public void Dispose() => device.Dispose();

    /// <summary>The boundary of a linear model is a hyperplane for each class: the nearest point of it within the cube is known.</summary>
    [Fact]
    public void FindsTheNearestBoundaryOfALinearModel()
    {
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Right(model);
        float[] pixels = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        var (images, sizes) = new BrendelBethgeAttack(0.03).Nearest(model, batch, Made.Key);
        double[] least = [.. labels.Select(
            (label, n) => LinearNetwork.Distance(model, PerturbationNorm.Linf, pixels[(n * Made.Image)..((n + 1) * Made.Image)], label))];
        // Untargeted: it follows the boundary of the class it begins beside, which need not be the nearest one; for most it is.
        Assert.All(sizes.Zip(least), pair => Assert.True(pair.First >= pair.Second * (1 - 1e-4)));
        Assert.True(sizes.Zip(least).Count(pair => pair.First <= pair.Second * 1.01) >= Images * 3 / 4,
            string.Join(' ', sizes.Zip(least, (found, known) => found / known)));
        Assert.All(Predictions(model, images).Zip(labels), pair => Assert.NotEqual(pair.Second, pair.First));
        Assert.Equal(sizes, Sizes(batch, images));
    }

    /// <summary>
    /// On a network with curved boundaries: far nearer than the points it begins at, and about as near as the other attack of its kind.
    /// </summary>
    [Fact]
    public void ImprovesOnItsStartingPoints()
    {
        Classifier model = Made.Model(device);
        ImageBatch batch = Right(model);
        var (images, sizes) = new BrendelBethgeAttack(0.1).Nearest(model, batch, Made.Key);
        float[] few = new BrendelBethgeAttack(0.1, 1).Nearest(model, batch, Made.Key).Sizes;
        float[] other = new BoundaryAttack(new(1)).Nearest(model, batch).Sizes;
        Assert.All(Predictions(model, images).Zip(batch.Labels.ToArray()), pair => Assert.NotEqual(pair.Second, pair.First));
        Assert.Equal(sizes, Sizes(batch, images));
        Assert.All(sizes.Zip(few), pair => Assert.True(pair.First <= pair.Second));
        Assert.True(Median(sizes.Zip(few, (a, b) => (double)a / b)) < 0.8,
            $"{Median(sizes.Zip(few, (a, b) => (double)a / b))} of the start");
        Assert.True(Median(sizes.Zip(other, (a, b) => (double)a / b)) < 1.1,
            $"{Median(sizes.Zip(other, (a, b) => (double)a / b))} of FAB's");
    }

    [Fact]
    public void ReturnsAdversarialsWithinEpsilonAndElseTheOriginal()
    {
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Right(model);
        float[] sizes = new BrendelBethgeAttack(0.03).Nearest(model, batch, Made.Key).Sizes, before = batch.Images.ToArray();
        double epsilon = sizes.Order().ElementAt(Images / 2) * 1.001;
        float[] after = new BrendelBethgeAttack(epsilon).Perturb(model, batch, Made.Key).ToArray();
        int turned = 0;
        for (int n = 0; n < Images; n++)
        {
            bool isSame = before.AsSpan(n * Made.Image, Made.Image).SequenceEqual(after.AsSpan(n * Made.Image, Made.Image));
            turned += isSame ? 0 : 1;
            Assert.True(isSame || AdversarialCheck.IsWithin(
                before.AsSpan(n * Made.Image, Made.Image), after.AsSpan(n * Made.Image, Made.Image), PerturbationNorm.Linf, epsilon));
        }
        Assert.InRange(turned, Images / 2, Images * 3 / 4);
    }

    /// <summary>
    /// Where no image can be turned the images stay, after a number of passes that is known before; one that is wrong has size 0.
    /// </summary>
    [Fact]
    public void TerminatesAndKeepsImagesWithoutAnAdversarial()
    {
        int passes = 0;
        Classifier model = LinearNetwork.Classifier(device, change: logits => Counted(logits).Scale(0));
        ImageBatch made = Made.Batch(device, [.. Enumerable.Range(0, Images)]);
        ImageBatch batch = made with { Labels = device.Upload<int>([.. Enumerable.Repeat(0, Images - 1), 1]) };
        var (images, sizes) = new BrendelBethgeAttack(8.0 / 255, 50).Nearest(model, batch, Made.Key);
        Assert.Equal(made.Images.ToArray(), images.ToArray());
        Assert.Equal([.. Enumerable.Repeat(float.PositiveInfinity, Images - 1), 0], sizes);
        // The images, then six balls from 8/255 to 1 of twenty steps and a look at the end each.
        Assert.Equal(1 + 6 * 21, passes);

        Tensor Counted(Tensor logits)
        {
            passes++;
            return logits;
        }
    }

    /// <summary>
    /// Gradients that say nothing or are no numbers: what a random start turned is all there is, and it is what it is said to be.
    /// </summary>
    [Theory]
    [InlineData(0)]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(1e-38f)]
    public void TinyOrNonFiniteGradientsGiveValidImages(float factor)
    {
        Classifier model = LinearNetwork.Classifier(
            device, change: logits => logits.Detach(requiresGrad: true).Record("bad_gradient", (logits, dy => dy.Scale(factor))));
        ImageBatch batch = Right(model);
        var (images, sizes) = new BrendelBethgeAttack(0.1, 20).Nearest(model, batch, Made.Key);
        Assert.All(images.ToArray(), pixel => Assert.InRange(pixel, 0, 1));
        Assert.Equal(sizes.Select(size => float.IsInfinity(size) ? 0 : size), Sizes(batch, images));
        Assert.Equal(sizes.Select(float.IsFinite),
            Predictions(model, images).Zip(batch.Labels.ToArray(), (prediction, label) => prediction != label));
        Assert.Contains(sizes, float.IsFinite);
    }

    [Fact]
    public void OtherNormsThanLinfAreRefused() =>
        Assert.Contains("works only in linf", Assert.Throws<UserErrorException>(
            () => AttackCatalog.Of(["brendel-bethge"], new(1, 1, PerturbationNorm.L2))).Message, StringComparison.Ordinal);

    /// <summary>Images with the labels that the model gives them.</summary>
    private ImageBatch Right(Classifier model)
    {
        ImageBatch made = Made.Batch(device, [.. Enumerable.Range(0, Images)]);
        return made with { Labels = device.Upload<int>(Predictions(model, made.Images)) };
    }

    private float[] Sizes(ImageBatch batch, Tensor images)
    {
        DeviceBuffer<float> lengths = device.Allocate<float>(batch.Count);
        BoundaryKernels.Lengths(PerturbationNorm.Linf, Made.Image, batch.Images.Data, images.Data, lengths);
        return lengths.ToArray();
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Images / 2);

    private static int[] Predictions(Classifier model, Tensor images) =>
        model.Forward(images, ForwardMode.Inference).Logits.Predict().ToArray();
}
