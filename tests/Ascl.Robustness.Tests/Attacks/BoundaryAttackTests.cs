using Ascl.Autograd;
using Ascl.Autograd.Ops;
using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;
using Ascl.Models;
using Ascl.Robustness.Attacks;

namespace Ascl.Robustness.Tests.Attacks;

public sealed class BoundaryAttackTests
{
    private static readonly int[] Sixteen = [.. Enumerable.Range(0, 16)];

    /// <summary>
    /// The nearest boundary of a linear model is known: the least over wrong classes of the distance to a hyperplane within the cube.
    /// </summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void TargetedFindsTheNearestBoundaryOfALinearModel(PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        ImageBatch batch = Made.RightBatch(model, Sixteen);
        float[] sizes = AssertNearest(model, batch, new(1, norm));

        // As an attack it gives what is within ε, and the original elsewhere.
        double epsilon = sizes.Order().ElementAt(8) * 1.0001;
        int[] labels = batch.Labels.ToArray();
        int[] after = Made.Predictions(model, new BoundaryAttack(new(epsilon, norm)).Perturb(model, batch, Made.Key));
        for (int n = 0; n < batch.Count; n++)
            Assert.Equal(sizes[n] <= epsilon, after[n] != labels[n]);
    }

    /// <summary>
    /// Without targets and where the border of the image range is far, the nearest linearised boundary is the nearest one; from a random
    /// start too.
    /// </summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, 0)]
    [InlineData(PerturbationNorm.L2, 0)]
    [InlineData(PerturbationNorm.Linf, 1)]
    [InlineData(PerturbationNorm.L2, 3)]
    public void UntargetedFindsTheNearestBoundaryFromAnyStart(PerturbationNorm norm, int restart)
    {
        using CpuDevice device = new(2);
        Classifier model = LinearNetwork.Classifier(device);
        AssertNearest(model, Made.GreyBatch(model, Sixteen),
            new(norm == PerturbationNorm.Linf ? 0.05 : 0.5, norm, Targets: 0), (uint)restart);
    }

    /// <summary>Two classes have one boundary: with targets or without, the same bits. Another restart begins elsewhere.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void WithTwoClassesTargetedAndUntargetedAgree(PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        Classifier model = new(device, new("resnet: 1 block a stage, widths 8,16", Made.Channels, 2, [], []), seed: 4);
        ImageBatch batch = Made.RightBatch(model, Sixteen);
        BoundarySettings settings = new(0.3, norm, Steps: 15);
        for (uint restart = 0; restart < 2; restart++)
            Assert.Equal(Images(settings, restart), Images(settings with { Targets = 0 }, restart));
        Assert.NotEqual(Images(settings, 0), Images(settings, 1));
        Assert.NotEqual(Images(settings, 1), Images(settings, 2));

        float[] Images(BoundarySettings chosen, uint restart) =>
            new BoundaryAttack(chosen).Nearest(model, batch, key: Made.Key.At(restart)).Images.ToArray();
    }

    /// <summary>
    /// What the attack without targets relies on: one forward pass serves the gradients of all classes, to the same bits.
    /// </summary>
    [Fact]
    public void GradientsOfOneForwardPassDoNotDisturbEachOther()
    {
        using CpuDevice device = new(2);
        Classifier model = Made.Model(device);
        ImageBatch batch = Made.Batch(device, Sixteen);
        Tensor shared = batch.Images.Detach(requiresGrad: true), logits = model.Forward(shared, ForwardMode.Inference).Logits;
        for (int pass = 0; pass < 2; pass++)
            for (int c = 0; c < Made.Classes; c++)
            {
                Tensor own = batch.Images.Detach(requiresGrad: true);
                DeviceBuffer<int> targets = device.Upload<int>([.. Sixteen.Select(i => (i * 7 + c) % Made.Classes)]);
                Tensor margins = model.Forward(own, ForwardMode.Inference).Logits.Margin(MarginLoss.Difference, batch.Labels, targets);
                float[] expected = Gradient.Of(margins.Sum(), own)[0].ToArray();
                using IDisposable scope = device.Pool.BeginScope();
                Assert.Equal(expected, Gradient.Of(logits.Margin(MarginLoss.Difference, batch.Labels, targets).Sum(), shared)[0].ToArray());
            }
    }

    private static float[] AssertNearest(Classifier model, ImageBatch batch, BoundarySettings settings, uint restart = 0)
    {
        float[] pixels = batch.Images.ToArray();
        int[] labels = batch.Labels.ToArray();
        var (images, sizes) = new BoundaryAttack(settings).Nearest(model, batch, key: Made.Key.At(restart));
        for (int n = 0; n < batch.Count; n++)
        {
            double least = LinearNetwork.Distance(model, settings.Norm, pixels[(n * Made.Image)..((n + 1) * Made.Image)], labels[n]);
            Assert.InRange(sizes[n], least * (1 - 1e-4), least * 1.01);
        }
        Assert.All(Made.Predictions(model, images).Zip(labels), p => Assert.NotEqual(p.Second, p.First));
        return sizes;
    }
}
