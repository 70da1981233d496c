using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Attack;

public sealed class AttackKernelsTests
{
    private static readonly RandomKey Key = new(5, RandomPurpose.AttackStart, 2);

    public static TheoryData<AttackStart, PerturbationNorm> Kinds { get; } = new()
    {
        { AttackStart.None, PerturbationNorm.Linf }, { AttackStart.Uniform, PerturbationNorm.Linf },
        { AttackStart.Normal, PerturbationNorm.Linf },
        { AttackStart.None, PerturbationNorm.L2 }, { AttackStart.Uniform, PerturbationNorm.L2 },
        { AttackStart.Normal, PerturbationNorm.L2 },
    };

    /// <summary>
    /// Random images of many sizes, a third of their pixels exactly 0 or 1, and radii from tiny to larger than the image range.
    /// </summary>
    [Theory, MemberData(nameof(Kinds))]
    public void NeverLeavesTheBallNorTheImageRange(AttackStart start, PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        for (uint trial = 0; trial < 60; trial++)
        {
            int image = 1 + Philox.ToIndex(Philox.Word(new RandomKey(1, RandomPurpose.Test, trial), 0), 100);
            float epsilon = new[] { 1e-4f, 8 / 255f, 0.3f, 0.5f, 3f }[trial % 5];
            float[] original = Images(4 * image, trial);
            DeviceBuffer<float> o = device.Upload<float>(original), x = device.Allocate<float>(original.Length);
            AttackKernels.Start(start, norm, image, o, device.Upload<int>([7, 1, 2, 3]), Key, epsilon, x);
            Check("start");
            for (uint step = 0; step < 5; step++)
            {
                AttackKernels.PgdStep(norm, image, o, device.Upload<float>(DeviceData.Normal(original.Length, 50 + step)), epsilon,
                    epsilon * (0.1f + step), x);
                Check($"step {step}");
            }

            void Check(string when) =>
                AssertInside(norm, image, original, x.ToArray(), epsilon, $"{start} {norm} ε {epsilon}, image of {image}, {when}");
        }
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void StoppedImagesStayAndOthersMoveAsBefore(PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        const int image = 13;
        float[] original = Images(3 * image, 1), start = Images(3 * image, 2), gradient = DeviceData.Normal(3 * image, 3);
        DeviceBuffer<float> o = device.Upload<float>(original), g = device.Upload<float>(gradient), all = device.Upload<float>(start);
        DeviceBuffer<float> some = device.Upload<float>(start);
        AttackKernels.PgdStep(norm, image, o, g, 0.3f, 0.1f, all);
        AttackKernels.PgdStep(norm, image, o, g, 0.3f, 0.1f, some, device.Upload<int>([0, 1, 0]));
        float[] moved = all.ToArray();
        Assert.Equal([.. moved[..image], .. start[image..(2 * image)], .. moved[(2 * image)..]], some.ToArray());
    }

    private static void AssertInside(PerturbationNorm norm, int image, float[] original, float[] x, float epsilon, string what)
    {
        Assert.All(x, v => Assert.InRange(v, 0, 1));
        for (int n = 0; n < x.Length / image; n++)
        {
            double[] delta = [.. Enumerable.Range(n * image, image).Select(i => (double)x[i] - original[i])];
            double size = norm == PerturbationNorm.Linf ? delta.Max(Math.Abs) : Math.Sqrt(delta.Sum(d => d * d));
            Assert.True(size <= epsilon + 1e-6, $"{what}: image {n} changed by {size}");
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void RadiusZeroIsTheImageItself(AttackStart start, PerturbationNorm norm)
    {
        using CpuDevice device = new(2);
        float[] original = Images(3 * 29, 1);
        DeviceBuffer<float> o = device.Upload<float>(original), x = device.Upload<float>(Images(3 * 29, 2));
        AttackKernels.Start(start, norm, 29, o, device.Upload<int>([0, 1, 2]), Key, 0, x);
        Assert.Equal(original, x.ToArray());
        AttackKernels.PgdStep(norm, 29, o, device.Upload<float>(DeviceData.Normal(original.Length, 3)), 0, 0.1f, x);
        Assert.Equal(original, x.ToArray());
    }

    [Fact]
    public void LinfStepMatchesTheFormula()
    {
        using CpuDevice device = new(2);
        const float Epsilon = 0.05f, Alpha = 0.02f;
        for (int image = 1; image <= 70; image++)
        {
            float[] original = Images(2 * image, 1), gradient = WithZeros(DeviceData.Normal(2 * image, 2));
            float[] before = [.. original.Zip(DeviceData.Uniform(2 * image, 3, -Epsilon, Epsilon), (o, d) => Math.Clamp(o + d, 0, 1))];
            DeviceBuffer<float> x = device.Upload<float>(before);
            AttackKernels.PgdStep(PerturbationNorm.Linf, image, device.Upload<float>(original), device.Upload<float>(gradient), Epsilon,
                Alpha, x);
            float[] after = x.ToArray();
            for (int i = 0; i < after.Length; i++)
            {
                double expected = Math.Clamp(
                    Math.Clamp(before[i] + (double)Alpha * Math.Sign(gradient[i]), original[i] - (double)Epsilon,
                        original[i] + (double)Epsilon), 0, 1);
                Assert.Equal(expected, after[i], 2e-7);
            }
            DeviceData.AssertNothingBehind(x, "step");
        }
    }

    [Theory]
    [InlineData(0.5f, 0.1f)]
    [InlineData(0.5f, 2f)]
    [InlineData(20f, 0.3f)]
    public void L2StepMatchesTheFormula(float epsilon, float alpha)
    {
        using CpuDevice device = new(2);
        for (int image = 1; image <= 70; image++)
        {
            float[] original = Images(2 * image, 1), gradient = DeviceData.Normal(2 * image, 2);
            float[] before = [.. original.Select((o, i) => Math.Clamp(o + 0.02f * MathF.Sin(i), 0, 1))];
            DeviceBuffer<float> x = device.Upload<float>(before);
            AttackKernels.PgdStep(PerturbationNorm.L2, image, device.Upload<float>(original), device.Upload<float>(gradient), epsilon,
                alpha, x);
            float[] after = x.ToArray();
            for (int n = 0; n < 2; n++)
            {
                int[] at = [.. Enumerable.Range(n * image, image)];
                double length = Math.Sqrt(at.Sum(i => (double)gradient[i] * gradient[i]));
                double[] delta = [.. at.Select(i => before[i] + alpha * gradient[i] / length - original[i])];
                double size = Math.Sqrt(delta.Sum(d => d * d)), back = Math.Min(1, epsilon / size);
                for (int i = 0; i < image; i++)
                    Assert.Equal(Math.Clamp(original[at[i]] + back * delta[i], 0, 1), after[at[i]], 1e-6);
            }
            DeviceData.AssertNothingBehind(x, "step");
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public void AnImagesResultDependsOnItsIdOnly(AttackStart start, PerturbationNorm norm)
    {
        const int Image = 37, Count = 9;
        float[] original = Images(Count * Image, 1), gradient = DeviceData.Normal(Count * Image, 2);
        int[] ids = [12, 5, 900000, 0, 1, 2, 77, 76, 4];
        float[]? all = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            float[] together = Run(device, [.. Enumerable.Range(0, Count)]);
            Assert.Equal(all ??= together, together);
            float[] backwards = Run(device, [.. Enumerable.Range(0, Count).Reverse()]);
            for (int n = 0; n < Count; n++)
            {
                Assert.Equal(all[(n * Image)..((n + 1) * Image)], Run(device, [n]));
                Assert.Equal(all[(n * Image)..((n + 1) * Image)], backwards[((Count - 1 - n) * Image)..((Count - n) * Image)]);
            }
        }

        float[] Run(CpuDevice device, int[] chosen)
        {
            float[] Of(float[] values) => [.. chosen.SelectMany(n => values[(n * Image)..((n + 1) * Image)])];
            DeviceBuffer<float> o = device.Upload<float>(Of(original)), x = device.Allocate<float>(chosen.Length * Image);
            AttackKernels.Start(start, norm, Image, o, device.Upload<int>([.. chosen.Select(n => ids[n])]), Key, 0.3f, x);
            AttackKernels.PgdStep(norm, Image, o, device.Upload<float>(Of(gradient)), 0.3f, 0.1f, x);
            return x.ToArray();
        }
    }

    [Fact]
    public void StartsDifferByIdAndByKey()
    {
        using CpuDevice device = new(1);
        float[] grey = new float[2 * 50];
        Array.Fill(grey, 0.5f);
        float[] Start(AttackStart start, PerturbationNorm norm, int[] ids, RandomKey key)
        {
            DeviceBuffer<float> x = device.Allocate<float>(100);
            AttackKernels.Start(start, norm, 50, device.Upload<float>(grey), device.Upload<int>(ids), key, 0.1f, x);
            return x.ToArray();
        }
        foreach (AttackStart start in new[] { AttackStart.Uniform, AttackStart.Normal })
            foreach (PerturbationNorm norm in Enum.GetValues<PerturbationNorm>())
            {
                float[] x = Start(start, norm, [1, 2], Key);
                Assert.NotEqual(x[..50], x[50..]);
                Assert.NotEqual(x, Start(start, norm, [1, 2], Key.At(3)));
                Assert.NotEqual(x, Start(start, norm, [1, 2], Key with { Seed = 6 }));
                Assert.Equal(x[50..], Start(start, norm, [2, 2], Key)[..50]);
            }
    }

    /// <summary>
    /// In L∞ every pixel is uniform in ±ε; in L2 the radius' power of the dimension is uniform, so half of the points lie beyond
    /// 0.5^(1/d)·ε.
    /// </summary>
    [Fact]
    public void UniformStartsFillTheBall()
    {
        using CpuDevice device = new(2);
        const int Count = 4000, Image = 3;
        const float Epsilon = 0.2f;
        float[] grey = new float[Count * Image];
        Array.Fill(grey, 0.5f);
        DeviceBuffer<float> x = device.Allocate<float>(grey.Length);
        AttackKernels.Start(AttackStart.Uniform, PerturbationNorm.Linf, Image, device.Upload<float>(grey),
            device.Upload<int>([.. Enumerable.Range(0, Count)]), Key, Epsilon, x);
        double[] delta = [.. x.ToArray().Select(v => (v - 0.5) / Epsilon)];
        double sigma = 1 / Math.Sqrt(delta.Length);
        Assert.InRange(delta.Average(), -5 * 0.58 * sigma, 5 * 0.58 * sigma);
        Assert.InRange(delta.Average(d => d * d), 1 / 3.0 - 5 * 0.3 * sigma, 1 / 3.0 + 5 * 0.3 * sigma);
        AttackKernels.Start(AttackStart.Uniform, PerturbationNorm.L2, Image, device.Upload<float>(grey),
            device.Upload<int>([.. Enumerable.Range(0, Count)]), Key, Epsilon, x);
        double[] radii = [.. x.ToArray().Select(v => (v - 0.5) / Epsilon).Chunk(Image).Select(d => Math.Sqrt(d.Sum(v => v * v)))];
        Assert.InRange(radii.Count(r => r > Math.Pow(0.5, 1.0 / Image)), Count / 2 - 5 * 32, Count / 2 + 5 * 32);
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void AZeroGradientMovesNothing(PerturbationNorm norm)
    {
        using CpuDevice device = new(1);
        float[] original = Images(2 * 41, 1), before = [.. original.Select((o, i) => Math.Clamp(o + 0.01f * MathF.Sin(i), 0, 1))];
        DeviceBuffer<float> x = device.Upload<float>(before);
        AttackKernels.PgdStep(norm, 41, device.Upload<float>(original), device.Allocate<float>(before.Length), 0.3f, 0.1f, x);
        Assert.Equal(before, x.ToArray());
    }

    [Theory]
    [InlineData(PerturbationNorm.Linf, float.NaN)]
    [InlineData(PerturbationNorm.L2, float.NaN)]
    [InlineData(PerturbationNorm.Linf, float.PositiveInfinity)]
    [InlineData(PerturbationNorm.L2, float.PositiveInfinity)]
    public void AGradientThatIsNotFiniteKeepsPixelsInRange(PerturbationNorm norm, float bad)
    {
        using CpuDevice device = new(1);
        const int Image = 21;
        float[] original = Images(2 * Image, 1), gradient = DeviceData.Normal(2 * Image, 2);
        (gradient[4], gradient[20]) = (bad, bad);
        DeviceBuffer<float> x = device.Upload<float>(original);
        AttackKernels.PgdStep(norm, Image, device.Upload<float>(original), device.Upload<float>(gradient), 0.3f, 0.1f, x);
        AssertInside(norm, Image, original, x.ToArray(), 0.3f, $"{norm} {bad}");
        Assert.NotEqual(original[Image..], x.ToArray()[Image..]);
    }

    [Fact]
    public void TinyAndHugeGradientsAreSteppedAlong()
    {
        using CpuDevice device = new(1);
        float[] original = [0.5f, 0.5f, 0.5f, 0.5f];
        DeviceBuffer<float> x = device.Upload<float>(original);
        AttackKernels.PgdStep(PerturbationNorm.L2, 2, device.Upload<float>(original), device.Upload<float>([3e-42f, 4e-42f, -3e38f, 0]),
            0.3f, 0.1f, x);
        float[] after = x.ToArray();
        Assert.Equal(0.56, after[0], 1e-3);
        Assert.Equal(0.58, after[1], 1e-3);
        Assert.Equal(0.4, after[2], 1e-6);
        Assert.Equal(0.5f, after[3]);
    }

    private static float[] Images(int length, uint stream) =>
        [.. DeviceData.Uniform(length, 1000 + stream, -0.25f, 1.25f).Select(v => Math.Clamp(v, 0, 1))];

    private static float[] WithZeros(float[] values) => [.. values.Select((v, i) => i % 5 == 0 ? 0 : v)];
}
