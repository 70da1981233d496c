using Ascl.Kernels.Attack;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Devices;
using Xunit;

namespace Ascl.Kernels.Tests.Attack;

public sealed class BoundaryKernelsTests
{
    /// <summary>
    /// Of several linearised boundaries the nearest remains, of equally near ones the first; a gradient of zero is far away.
    /// </summary>
    [Theory]
    [InlineData(PerturbationNorm.Linf)]
    [InlineData(PerturbationNorm.L2)]
    public void TheNearestOfSeveralBoundariesIsKept(PerturbationNorm norm)
    {
        const int count = 50, image = 13, classes = 6;
        using CpuDevice device = new(2);
        float[][] values = [.. Enumerable.Range(0, classes).Select(c => DeviceData.Normal(count, (uint)(10 + c)))];
        float[][] gradients = [.. Enumerable.Range(0, classes).Select(c => DeviceData.Normal(count * image, (uint)(20 + c)))];
        (values[3], gradients[3]) = (values[1], [.. gradients[1].Select(v => -v)]);
        Array.Clear(gradients[0]);
        DeviceBuffer<float> distances = device.Upload<float>([.. Enumerable.Repeat(float.NaN, count)]);
        DeviceBuffer<float> nearest = device.Allocate<float>(count), slopes = device.Allocate<float>(count * image);
        for (int c = 0; c < classes; c++)
            BoundaryKernels.KeepNearest(norm, image, device.Upload<float>(values[c]), device.Upload<float>(gradients[c]), distances,
                nearest, slopes);
        HashSet<int> chosen = [];
        for (int n = 0; n < count; n++)
        {
            double[] far = [.. Enumerable.Range(0, classes).Select(c =>
            {
                double[] g = [.. gradients[c][(n * image)..((n + 1) * image)].Select(v => (double)v)];
                return Math.Abs(values[c][n]) / (norm == PerturbationNorm.Linf ? g.Sum(Math.Abs) : Math.Sqrt(g.Sum(v => v * v)));
            })];
            int best = Array.IndexOf(far, far.Min());
            chosen.Add(best);
            Assert.Equal(values[best][n], nearest.ToArray()[n]);
            Assert.Equal(gradients[best][(n * image)..((n + 1) * image)], slopes.ToArray()[(n * image)..((n + 1) * image)]);
        }
        Assert.Equal([1, 2, 4, 5], chosen.Order());
    }
}
