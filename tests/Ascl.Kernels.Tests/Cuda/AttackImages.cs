using Ascl.Kernels.Attack;
using Ascl.Kernels.Tests.Devices;

namespace Ascl.Kernels.Tests.Cuda;

/// <summary>Images for attacks, and where these may lead.</summary>
internal static class AttackImages
{
    /// <summary>A third of the pixels are 0 or 1.</summary>
    public static float[] Of(int length, uint stream) =>
        [.. DeviceData.Uniform(length, stream, -0.25f, 1.25f).Select(v => Math.Clamp(v, 0, 1))];

    /// <summary>Images in the ball around others.</summary>
    public static float[] Near(PerturbationNorm norm, int image, float[] original, float epsilon)
    {
        float range = norm == PerturbationNorm.Linf ? epsilon : epsilon / MathF.Sqrt(image);
        return [.. original.Zip(DeviceData.Uniform(original.Length, 20, -range, range), (o, d) => Math.Clamp(o + d, 0, 1))];
    }

    public static void AssertInside(PerturbationNorm norm, int image, float[] original, float[] x, float epsilon, string what)
    {
        Assert.All(x, v => Assert.InRange(v, 0, 1));
        for (int n = 0; n < x.Length / image; n++)
        {
            double[] delta = [.. Enumerable.Range(n * image, image).Select(i => (double)x[i] - original[i])];
            double size = norm == PerturbationNorm.Linf ? delta.Max(Math.Abs) : Math.Sqrt(delta.Sum(d => d * d));
            Assert.True(size <= epsilon + 1e-6, $"{what}: image {n} changed by {size}");
        }
    }
}
