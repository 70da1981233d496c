using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Core.Random;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class AttackParityTests
{
    private const int Count = 3;

    private static readonly RandomKey Key = new(0x9876543210, RandomPurpose.AttackStart, 2);

    /// <summary>Pixels of an image: for a warp, no multiple of 4; for a group of more than one warp.</summary>
    private static readonly int[] Sizes = [90, 272];

    public static TheoryData<PerturbationNorm> Norms { get; } = [PerturbationNorm.Linf, PerturbationNorm.L2];

    [Theory]
    [InlineData(AttackStart.None, PerturbationNorm.Linf)]
    [InlineData(AttackStart.None, PerturbationNorm.L2)]
    [InlineData(AttackStart.Uniform, PerturbationNorm.Linf)]
    [InlineData(AttackStart.Uniform, PerturbationNorm.L2)]
    [InlineData(AttackStart.Normal, PerturbationNorm.Linf)]
    [InlineData(AttackStart.Normal, PerturbationNorm.L2)]
    [InlineData(AttackStart.Surface, PerturbationNorm.Linf)]
    [InlineData(AttackStart.Surface, PerturbationNorm.L2)]
    public void StartsAgreeWithTheCpu(AttackStart start, PerturbationNorm norm)
    {
        foreach (int image in Sizes)
            foreach (float epsilon in new[] { 0, 8 / 255f, 0.5f })
                Parity.Check($"{start} {norm} {epsilon}", device =>
                {
                    float[] original = AttackImages.Of(Count * image, 1);
                    DeviceBuffer<float> x = device.Upload<float>(AttackImages.Of(Count * image, 2));
                    AttackKernels.Start(start, norm, image, device.Upload<float>(original), device.Upload<int>([7, 0, 123456789]), Key,
                        epsilon, x);
                    AttackImages.AssertInside(norm, image, original, x.ToArray(), epsilon, $"{start} {norm} {epsilon}");
                    if (epsilon == 0)
                        Assert.Equal(original, x.ToArray());
                    return x;
                });
    }

    /// <summary>
    /// Also where the gradient of an image, or of some of its pixels, is zero, tiny, not a number or infinite; and where images are
    /// stopped.
    /// </summary>
    [Theory, MemberData(nameof(Norms))]
    public void PgdStepsAgreeWithTheCpu(PerturbationNorm norm)
    {
        float[] scales = [1, 1, 1e-25f, 0, float.NaN, float.PositiveInfinity];
        int[] noneOrSecond = [0, 1, 0, 0, 0, 0];
        foreach (int image in Sizes)
            foreach ((float epsilon, int[]? stopped) in
                new[] { (0, null), (0.03f, noneOrSecond), (0.5f, null), (float.PositiveInfinity, null) })
                Parity.Check($"{norm} {epsilon}", device =>
                {
                    int length = scales.Length * image;
                    float[] original = AttackImages.Of(length, 1);
                    // An infinite ball is that of steps which are not projected.
                    float[] start = AttackImages.Near(norm, image, original, float.IsFinite(epsilon) ? epsilon : 0.5f);
                    float[] gradient = [.. DeviceData.Normal(length, 3)
                        .Select((g, i) => i % 7 == 0 ? 0 : i % 3 > 0 || float.IsFinite(scales[i / image]) ? g * scales[i / image] : g)];
                    DeviceBuffer<float> x = device.Upload<float>(start);
                    AttackKernels.PgdStep(norm, image, device.Upload<float>(original), device.Upload<float>(gradient), epsilon, 0.1f, x,
                        stopped is null ? null : device.Upload<int>(stopped));
                    AttackImages.AssertInside(norm, image, original, x.ToArray(), epsilon, $"{norm} {epsilon}");
                    if (epsilon == 0)
                        Assert.Equal(original, x.ToArray());
                    if (stopped is not null)
                        Assert.Equal(start[image..(2 * image)], x.ToArray()[image..(2 * image)]);
                    return x;
                });
    }

    /// <summary>Both iterates, the first image without a gradient at all.</summary>
    [Theory, MemberData(nameof(Norms))]
    public void AutoPgdStepsAgreeWithTheCpu(PerturbationNorm norm)
    {
        foreach (int image in Sizes)
            foreach (float epsilon in new[] { 0, 0.5f })
                Parity.Check($"{norm} {epsilon}", device =>
                {
                    float[] original = AttackImages.Of(Count * image, 1);
                    DeviceBuffer<float> o = device.Upload<float>(original);
                    DeviceBuffer<float> x = device.Upload<float>(AttackImages.Near(norm, image, original, epsilon));
                    DeviceBuffer<float> before = device.Upload<float>(x.ToArray());
                    for (uint step = 0; step < 3; step++)
                    {
                        float[] gradient = DeviceData.Normal(Count * image, 4 + step);
                        Array.Clear(gradient, 0, image);
                        AutoPgdKernels.Step(norm, image, o, device.Upload<float>(gradient), device.Upload<float>([epsilon, 0.02f, 0.2f]),
                            epsilon, step == 0 ? 1 : 0.75f, x, before);
                    }
                    AttackImages.AssertInside(norm, image, original, x.ToArray(), epsilon, $"{norm} {epsilon}");
                    return [.. x.ToArray(), .. before.ToArray()];
                });
    }

    [Fact]
    public void CopiesAgreeWithTheCpu()
    {
        foreach (int image in Sizes)
            Parity.Check("copy", device =>
            {
                DeviceBuffer<float> to = device.Upload<float>(AttackImages.Of(Count * image, 1));
                AutoPgdKernels.Copy(image, device.Upload<int>([1, 0, 1]), device.Upload<float>(AttackImages.Of(Count * image, 2)), to);
                return to;
            }, 0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(75)]
    [InlineData(300)]
    public void GatheredRowsAreThoseOfTheCpu(int row)
    {
        int[] indices = [4, 0, 0, 2, 4, 1];
        float[] from = AttackImages.Of(5 * row, 1);
        Parity.Check($"gather {row}", device =>
        {
            DeviceBuffer<float> to = device.Allocate<float>(indices.Length * row);
            GatherKernels.Rows(row, device.Upload<float>(from), device.Upload<int>(indices), to);
            Assert.Equal([.. indices.SelectMany(i => from[(i * row)..((i + 1) * row)])], to.ToArray());
            return to;
        }, 0);
        DeviceBuffer<int> labels = TestGpu.Device.Allocate<int>(3);
        GatherKernels.Rows(1, TestGpu.Device.Upload<int>([7, -8, int.MaxValue]), TestGpu.Device.Upload<int>([2, 1, 2]), labels);
        Assert.Equal([int.MaxValue, -8, int.MaxValue], labels.ToArray());
    }

    /// <summary>Colour images, and grey ones with more rows and columns than a group has threads.</summary>
    [Theory]
    [InlineData(3, 6, 5, 3)]
    [InlineData(1, 9, 37, 1)]
    public void SquaresAgreeWithTheCpu(int channels, int height, int width, int side)
    {
        int image = channels * height * width;
        foreach (float epsilon in new[] { 0, 8 / 255f })
            Parity.Check($"squares {epsilon}", device =>
            {
                float[] original = AttackImages.Of(Count * image, 1);
                DeviceBuffer<float> o = device.Upload<float>(original), x = device.Allocate<float>(original.Length);
                DeviceBuffer<float> candidate = device.Allocate<float>(original.Length);
                DeviceBuffer<int> ids = device.Upload<int>([7, 0, 123456789]);
                SquareKernels.Stripes(channels, height, width, o, ids, Key, epsilon, x);
                SquareKernels.Propose(channels, height, width, o, ids, Key.At(1), epsilon, side, x, candidate);
                AttackImages.AssertInside(PerturbationNorm.Linf, image, original, candidate.ToArray(), epsilon, $"{epsilon}");
                return [.. x.ToArray(), .. candidate.ToArray()];
            }, 0);
    }

    /// <summary>
    /// Windows of three pixels and more: one of a single pixel may add up to 0 within rounding, and then has no direction.
    /// </summary>
    [Theory]
    [InlineData(3, 6, 5, 5, 0.5f)]
    [InlineData(1, 9, 37, 3, 0.5f)]
    [InlineData(1, 6, 5, 3, 0)]
    public void SquaresInL2AgreeWithTheCpu(int channels, int height, int width, int side, float epsilon) =>
        Parity.Check("squares in L2", device =>
    {
        int image = channels * height * width;
        float[] original = AttackImages.Of(Count * image, 1);
        DeviceBuffer<float> o = device.Upload<float>(original), x = device.Allocate<float>(original.Length);
        DeviceBuffer<float> candidate = device.Allocate<float>(original.Length);
        DeviceBuffer<int> ids = device.Upload<int>([7, 0, 123456789]);
        SquareL2Kernels.Tiles(channels, height, width, o, ids, Key, epsilon, x);
        SquareL2Kernels.Propose(channels, height, width, o, ids, Key.At(1), epsilon, side, x, candidate);
        AttackImages.AssertInside(PerturbationNorm.L2, image, original, candidate.ToArray(), epsilon, $"{epsilon}");
        return [.. x.ToArray(), .. candidate.ToArray()];
    }, 2e-6);
}
