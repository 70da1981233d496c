using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>The passes of the attacks that look for the nearest boundary.</summary>
[Collection(TestGpu.Collection)]
public sealed class BoundaryParityTests
{
    private const int Count = 3;

    private static readonly int[] Sizes = [90, 272];

    public static TheoryData<PerturbationNorm> Norms { get; } = [PerturbationNorm.Linf, PerturbationNorm.L2];

    /// <summary>Boundaries close by, far away and out of reach, on both sides; gradients large and small, and none at all.</summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf, 272)]
    [InlineData(PerturbationNorm.L2, 90)]
    public void StepsAgreeWithTheCpu(PerturbationNorm norm, int image) => Parity.Check($"{norm}", device =>
    {
        float[] scales = [1, 1e-22f, 1e12f, 0, 1, 1], shares = [0.05f, -0.3f, 1e-4f, 1, 5, 0];
        float[] original = AttackImages.Of(scales.Length * image, 1);
        float[] gradients = [.. DeviceData.Normal(original.Length, 3).Select((g, i) => g * scales[i / image])];
        DeviceBuffer<float> x = device.Upload<float>(AttackImages.Near(norm, image, original, 0.3f));
        DeviceBuffer<float> values = device.Upload<float>([.. scales.Zip(shares, (scale, share) => share * image * scale)]);
        BoundaryKernels.Step(norm, image, device.Upload<float>(original), values, device.Upload<float>(gradients), 0.1, 1.05, x);
        Assert.All(x.ToArray(), v => Assert.InRange(v, 0, 1));
        return x;
    }, 2e-6);

    /// <summary>Of logits that overflow there is no linearisation: those images stay, the one beside them moves.</summary>
    [Theory, MemberData(nameof(Norms))]
    public void ImagesWithoutAFiniteGradientStay(PerturbationNorm norm) => Parity.Check($"{norm}", device =>
    {
        const int Image = 90, Finite = 2;
        float[] bad = [float.NaN, float.PositiveInfinity, 1, 1, 1], value = [1, 1, 3, float.NaN, float.NegativeInfinity];
        float[] original = AttackImages.Of(bad.Length * Image, 1), gradients = DeviceData.Normal(original.Length, 3);
        float[] before = AttackImages.Near(norm, Image, original, 0.3f);
        for (int i = 0; i < bad.Length; i++)
            gradients[i * Image + 7] *= bad[i];
        DeviceBuffer<float> x = device.Upload<float>(before);
        BoundaryKernels.Step(norm, Image, device.Upload<float>(original), device.Upload<float>(value), device.Upload<float>(gradients), 0.1,
            1.05, x);
        float[] after = x.ToArray();
        for (int i = 0; i < bad.Length; i++)
            Assert.Equal(i != Finite, after[(i * Image)..((i + 1) * Image)].SequenceEqual(before[(i * Image)..((i + 1) * Image)]));
        return x;
    }, 2e-6);

    [Theory, MemberData(nameof(Norms))]
    public void TheNearestBoundaryAgreesWithTheCpu(PerturbationNorm norm)
    {
        foreach (int image in Sizes)
            Parity.Check($"{norm} {image}", device =>
            {
                DeviceBuffer<float> distances = device.Upload<float>([float.NaN, float.NaN, float.NaN]);
                DeviceBuffer<float> nearest = device.Allocate<float>(Count), slopes = device.Allocate<float>(Count * image);
                for (uint c = 0; c < 4; c++)
                {
                    float[] gradient = DeviceData.Normal(Count * image, 20 + c);
                    if (c == 0)
                        Array.Clear(gradient, 0, image);
                    BoundaryKernels.KeepNearest(norm, image, device.Upload<float>(DeviceData.Normal(Count, 10 + c)),
                        device.Upload<float>(gradient), distances, nearest, slopes);
                }
                return [.. distances.ToArray(), .. nearest.ToArray(), .. slopes.ToArray()];
            });
    }

    [Theory, MemberData(nameof(Norms))]
    public void LengthsAgreeWithTheCpu(PerturbationNorm norm)
    {
        foreach (int image in Sizes)
            Parity.Check("lengths", device =>
            {
                float[] original = AttackImages.Of(Count * image, 1), x = AttackImages.Of(Count * image, 2);
                original.AsSpan(0, image).CopyTo(x);
                DeviceBuffer<float> lengths = device.Upload<float>([5, 5, 5]);
                BoundaryKernels.Lengths(norm, image, device.Upload<float>(original), device.Upload<float>(x), lengths);
                return lengths;
            });
    }

    [Fact]
    public void ShrinkingAgreesWithTheCpu()
    {
        foreach (int image in Sizes)
            Parity.Check("shrink", device =>
            {
                DeviceBuffer<float> x = device.Upload<float>(AttackImages.Of(Count * image, 2));
                BoundaryKernels.Shrink(image, device.Upload<int>([1, 0, 1]), device.Upload<float>(AttackImages.Of(Count * image, 1)), 0.9f,
                    x);
                return x;
            });
    }

    [Fact]
    public void TrustRegionStepsAreThoseOfTheCpu() => Parity.Check("trust region", device =>
    {
        const int image = 90;
        float[] original = AttackImages.Of(Count * image, 1);
        DeviceBuffer<float> x = device.Upload<float>(AttackImages.Near(PerturbationNorm.Linf, image, original, 0.2f));
        BrendelBethgeKernels.Step(image, device.Upload<float>(original), device.Upload<float>(DeviceData.Normal(Count * image, 3)),
            device.Upload<float>([0.01f, 0, -0.01f]), 0.3, x);
        return x;
    }, 0);

    [Fact]
    public void PointsBetweenAgreeWithTheCpu()
    {
        foreach (int image in Sizes)
            Parity.Check("between", device =>
            {
                DeviceBuffer<float> x = device.Allocate<float>(Count * image);
                BrendelBethgeKernels.Between(image, device.Upload<float>(AttackImages.Of(Count * image, 1)),
                    device.Upload<float>(AttackImages.Of(Count * image, 2)), device.Upload<float>([0, 0.1f, 2]), x);
                return x;
            }, 0);
    }

    /// <summary>Also pixels at 0 and 1, images that are misclassified by enough, and gradients that are zero or not finite.</summary>
    [Fact]
    public void CarliniWagnerStepsAgreeWithTheCpu()
    {
        foreach (int image in Sizes)
            Parity.Check($"{image}", device =>
            {
                float[] original = AttackImages.Of(Count * image, 1), gradients = DeviceData.Normal(Count * image, 3);
                (gradients[5], gradients[6], gradients[7]) = (0, float.NaN, float.PositiveInfinity);
                DeviceBuffer<float> from = device.Upload<float>(original), w = device.Allocate<float>(original.Length);
                DeviceBuffer<float> x = device.Allocate<float>(original.Length), mean = device.Upload<float>(new float[original.Length]);
                DeviceBuffer<float> square = device.Upload<float>(new float[original.Length]);
                CarliniWagnerKernels.Start(from, w, x);
                Assert.All(x.ToArray().Zip(original), pair => Assert.Equal(pair.Second, pair.First, 1e-6));
                float[] start = w.ToArray();
                // Elsewhere than at the original, where all of a gradient is rounding, which Adam would scale up.
                x.CopyFrom(AttackImages.Of(Count * image, 2));
                for (int step = 1; step <= 3; step++)
                    CarliniWagnerKernels.Step(image, from, device.Upload<float>(gradients), device.Upload<float>([2, 0, 0.01f]), step,
                        0.01, w, mean, square, x);
                Assert.All(x.ToArray(), v => Assert.InRange(v, 0, 1));
                return [.. start, .. w.ToArray(), .. x.ToArray()];
            }, 2e-6);
    }
}
