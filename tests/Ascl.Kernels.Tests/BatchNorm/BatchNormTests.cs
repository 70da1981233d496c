using Ascl.Kernels.Layout;
using Ascl.Kernels.BatchNorm;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.BatchNorm;

public sealed class BatchNormTests
{
    private const float Epsilon = 1e-5f;

    /// <summary>n, c, h, w.</summary>
    public static TheoryData<int[]> Shapes { get; } = new(
        new[] { 2, 3, 5, 7 }, new[] { 3, 16, 4, 4 }, new[] { 2, 17, 1, 9 }, new[] { 5, 33, 3, 2 }, new[] { 4, 64, 8, 8 },
        new[] { 7, 40, 2, 3 },
        new[] { 1, 5, 6, 1 }, new[] { 9, 1, 1, 1 }, new[] { 2, 130, 5, 5 });

    [Theory, MemberData(nameof(Shapes))]
    public void MatchesTheDefinition(int[] shape)
    {
        using CpuDevice device = new(2);
        ActivationLayout layout = ActivationLayout.Blocked(device, shape[0], shape[1], shape[2], shape[3]);
        float[] x = DeviceData.Uniform(shape[0] * shape[1] * shape[2] * shape[3], 1, -2, 3);
        foreach (bool relu in new[] { false, true })
            foreach (bool withResidual in new[] { false, true })
                foreach (bool batchStatistics in new[] { false, true })
                    Check(device, layout, x, relu, withResidual, batchStatistics);
    }

    private static void Check(CpuDevice device, ActivationLayout layout, float[] x, bool relu, bool withResidual, bool batchStatistics)
    {
        string what = $"relu {relu}, residual {withResidual}, batch statistics {batchStatistics}: ";
        float[] gamma = DeviceData.Uniform(layout.C, 2, -1.5f, 1.5f), beta = DeviceData.Uniform(layout.C, 3);
        float[] dy = DeviceData.Uniform(x.Length, 4);
        float[]? residual = withResidual ? DeviceData.Uniform(x.Length, 5) : null;
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> xb = device.Activation(layout, x), mean = device.Allocate<float>(channels);
        DeviceBuffer<float> variance = device.Allocate<float>(channels);
        DeviceBuffer<float> inverseStd = device.Allocate<float>(channels), gammaBuffer = device.Upload<float>(gamma);
        DeviceBuffer<float> y = device.Allocate<float>(layout.Length);
        var (meanExpected, varianceExpected) = BatchNormReference.Statistics(layout, x);
        if (batchStatistics)
        {
            BatchNormKernels.Statistics(layout, xb, mean, variance);
            Tolerance.Close(meanExpected, mean.ToArray()[..layout.C], 1e-6, what + "mean");
            Tolerance.Close(varianceExpected, variance.ToArray()[..layout.C], 3e-6, what + "variance");
        }
        else
        {
            // Statistics that have nothing to do with the batch, exactly as long as there are channels.
            mean = device.Upload<float>(DeviceData.Uniform(layout.C, 6));
            variance = device.Upload<float>(DeviceData.Uniform(layout.C, 7, 0.3f, 3));
            (meanExpected, varianceExpected) = (Tolerance.ToDouble(mean.ToArray()), Tolerance.ToDouble(variance.ToArray()));
        }
        BatchNormKernels.InverseStd(layout.C, variance, Epsilon, inverseStd);
        double[] inverseExpected = [.. varianceExpected.Select(v => 1 / Math.Sqrt(v + Epsilon))];
        Assert.All(inverseStd.ToArray()[layout.C..], s => Assert.Equal(0, s));

        DeviceBuffer<float>? residualBuffer = residual is null ? null : device.Activation(layout, residual);
        BatchNormKernels.Forward(layout, xb, mean, inverseStd, gammaBuffer, device.Upload<float>(beta), residualBuffer, relu, y);
        float[] output = device.Plain(layout, y);
        Tolerance.Close(BatchNormReference.Forward(layout, x, meanExpected, inverseExpected, gamma, beta, residual, relu), output, 3e-6,
            what + "forward");
        DeviceData.AssertZeroOutside(layout, y, what + "forward");

        DeviceBuffer<float> dx = device.Allocate<float>(layout.Length), dgamma = device.Allocate<float>(layout.C);
        DeviceBuffer<float> dbeta = device.Allocate<float>(layout.C);
        DeviceBuffer<float>? dz = withResidual ? device.Allocate<float>(layout.Length) : null;
        BatchNormKernels.Backward(layout, device.Activation(layout, dy), relu ? y : null, xb, mean, inverseStd, gammaBuffer,
            batchStatistics, dx, dgamma, dbeta, dz);
        var expected = BatchNormReference.Backward(layout, dy, relu ? output : null, x, meanExpected, inverseExpected, gamma,
            batchStatistics);
        // Two images of a channel, or one, have gradients that cancel: errors are measured against gamma/σ·dy, not against what is left.
        double scale = Math.Max(expected.Dx.Max(Math.Abs), gamma.Select((g, c) => Math.Abs(g * inverseExpected[c])).Max());
        CloseTo(expected.Dx, device.Plain(layout, dx), 1e-5 * scale, what + "dx");
        CloseTo(expected.Dgamma, dgamma.ToArray(), 1e-5 * Math.Max(1, expected.Dgamma.Max(Math.Abs)), what + "dgamma");
        Tolerance.Close(expected.Dbeta, dbeta.ToArray(), 3e-6, what + "dbeta");
        DeviceData.AssertZeroOutside(layout, dx, what + "dx");
        DeviceData.AssertNothingBehind(dgamma, what + "dgamma");
        DeviceData.AssertNothingBehind(dbeta, what + "dbeta");
        if (dz is null)
            return;
        Assert.Equal(expected.Dz.Select(v => (float)v), device.Plain(layout, dz));
        DeviceData.AssertZeroOutside(layout, dz, what + "dz");
    }

    [Fact]
    public void OnePixelHasVarianceZeroAndGradientZero()
    {
        using CpuDevice device = new(1);
        ActivationLayout layout = ActivationLayout.Blocked(device, 1, 3, 1, 1);
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> x = device.Activation(layout, [5, -7, 1e6f]), mean = device.Allocate<float>(channels);
        DeviceBuffer<float> variance = device.Allocate<float>(channels);
        DeviceBuffer<float> inverseStd = device.Allocate<float>(channels), gamma = device.Upload<float>([1, 2, 3]);
        DeviceBuffer<float> beta = device.Upload<float>([0.5f, 0.25f, -1]);
        DeviceBuffer<float> y = device.Allocate<float>(layout.Length), dx = device.Allocate<float>(layout.Length);
        DeviceBuffer<float> dgamma = device.Allocate<float>(3), dbeta = device.Allocate<float>(3);
        BatchNormKernels.Statistics(layout, x, mean, variance);
        Assert.Equal([5, -7, 1e6f], mean.ToArray()[..3]);
        Assert.Equal([0, 0, 0], variance.ToArray()[..3]);
        BatchNormKernels.InverseStd(3, variance, Epsilon, inverseStd);
        BatchNormKernels.Forward(layout, x, mean, inverseStd, gamma, beta, null, false, y);
        float[] output = device.Plain(layout, y);
        Assert.Equal([0.5f, 0.25f], output[..2].Select(v => MathF.Round(v, 3)));
        BatchNormKernels.Backward(layout, device.Activation(layout, [1, 1, 1]), null, x, mean, inverseStd, gamma, true, dx, dgamma, dbeta,
            null);
        Assert.All(device.Plain(layout, dx), v => Assert.InRange(v, -1e-3f, 1e-3f));
        Assert.Equal([0, 0, 0], dgamma.ToArray());
        Assert.Equal([1, 1, 1], dbeta.ToArray());
    }

    /// <summary>E[x²] − E[x]² in float would have no correct digit here.</summary>
    [Theory]
    [InlineData(1000, 0.5, 1e-4)]
    [InlineData(-30000, 20, 1e-4)]
    [InlineData(0, 1e-6, 1e-5)]
    [InlineData(1e-3, 1e6, 1e-5)]
    public void AMeanFarFromZeroCostsNoPrecision(double center, double spread, double allowed)
    {
        using CpuDevice device = new(2);
        ActivationLayout layout = ActivationLayout.Blocked(device, 16, 19, 12, 11);
        float[] x = [.. DeviceData.Uniform(layout.N * layout.C * layout.H * layout.W, 8).Select(u => (float)(center + spread * u))];
        var (mean, variance) = Statistics(device, layout, x);
        var expected = BatchNormReference.Statistics(layout, x);
        for (int c = 0; c < layout.C; c++)
        {
            Assert.InRange(variance[c] / expected.Variance[c], 1 - allowed, 1 + allowed);
            Assert.InRange(mean[c] - expected.Mean[c], -1e-7 * (Math.Abs(center) + spread), 1e-7 * (Math.Abs(center) + spread));
        }
    }

    [Fact]
    public void AFirstPixelFarFromTheMeanCostsLittle()
    {
        using CpuDevice device = new(2);
        ActivationLayout layout = ActivationLayout.Blocked(device, 8, 16, 32, 32);
        float[] x = DeviceData.Normal(layout.N * layout.C * layout.H * layout.W, 9);
        for (int c = 0; c < layout.C; c++)
            x[c * layout.H * layout.W] = 30;
        var (mean, variance) = Statistics(device, layout, x);
        var expected = BatchNormReference.Statistics(layout, x);
        for (int c = 0; c < layout.C; c++)
        {
            Assert.InRange(variance[c] / expected.Variance[c], 1 - 1e-3, 1 + 1e-3);
            Assert.InRange(mean[c] - expected.Mean[c], -1e-5, 1e-5);
        }
    }

    /// <summary>torch.nn.functional.batch_norm: (1 − momentum)·running + momentum·batch, with the variance by count/(count − 1).</summary>
    [Theory]
    [InlineData(4, 3, 3)]
    [InlineData(2, 1, 1)]
    [InlineData(1, 1, 1)]
    public void RunningStatisticsFollowPyTorch(int n, int h, int w)
    {
        using CpuDevice device = new(1);
        ActivationLayout layout = ActivationLayout.Blocked(device, n, 5, h, w);
        int channels = layout.Blocks * layout.Block, count = n * h * w;
        float[] x = DeviceData.Uniform(5 * count, 1), runningMean = DeviceData.Uniform(5, 3);
        float[] runningVariance = DeviceData.Uniform(5, 4, 0.5f, 1.5f);
        var (mean, variance) = Statistics(device, layout, x);
        DeviceBuffer<float> m = device.Upload<float>(runningMean), v = device.Upload<float>(runningVariance);
        object before = v.Derived<object>("test", _ => new object());
        DeviceBuffer<float> ownMean = device.Allocate<float>(channels), inverseStd = device.Allocate<float>(channels);
        BatchNormKernels.TrainStatistics(layout, device.Activation(layout, x), new(m, v, 0.1f), 1e-5f, ownMean, inverseStd);
        double unbias = count > 1 ? (double)count / (count - 1) : 1;
        for (int c = 0; c < 5; c++)
        {
            Assert.Equal(0.9 * runningMean[c] + 0.1 * mean[c], m.ToArray()[c], 1e-6);
            Assert.Equal(0.9 * runningVariance[c] + 0.1 * variance[c] * unbias, v.ToArray()[c], 1e-6);
            Assert.Equal(1, inverseStd.ToArray()[c] * Math.Sqrt(variance[c] + 1e-5), 1e-6);
        }
        Assert.NotSame(before, v.Derived<object>("test", _ => new object()));
        DeviceData.AssertNothingBehind(m, "running mean");
    }

    [Fact]
    public void SameBitsForAnyNumberOfThreads()
    {
        List<float[]>? first = null;
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using CpuDevice device = new(threads);
            ActivationLayout layout = ActivationLayout.Blocked(device, 7, 37, 9, 5);
            int values = layout.N * layout.C * layout.H * layout.W, channels = layout.Blocks * layout.Block;
            DeviceBuffer<float> x = device.Activation(layout, DeviceData.Uniform(values, 1)), mean = device.Allocate<float>(channels);
            DeviceBuffer<float> variance = device.Allocate<float>(channels);
            DeviceBuffer<float> inverseStd = device.Allocate<float>(channels), gamma = device.Upload<float>(DeviceData.Uniform(37, 2));
            DeviceBuffer<float> beta = device.Upload<float>(DeviceData.Uniform(37, 3));
            DeviceBuffer<float> y = device.Allocate<float>(layout.Length), dx = device.Allocate<float>(layout.Length);
            DeviceBuffer<float> dgamma = device.Allocate<float>(37), dbeta = device.Allocate<float>(37);
            BatchNormKernels.Statistics(layout, x, mean, variance);
            BatchNormKernels.InverseStd(37, variance, Epsilon, inverseStd);
            BatchNormKernels.Forward(layout, x, mean, inverseStd, gamma, beta, null, true, y);
            BatchNormKernels.Backward(layout, device.Activation(layout, DeviceData.Uniform(values, 4)), y, x, mean, inverseStd, gamma, true,
                dx, dgamma, dbeta, null);
            List<float[]> all = [.. new[] { mean, variance, y, dx, dgamma, dbeta }.Select(b => b.ToArray())];
            Assert.Equal(first ??= all, all);
        }
    }

    /// <summary>Large activations are written past the caches: another path, the same bits.</summary>
    [Fact]
    public void LargeActivationsHaveTheSameBitsAsTheirHalves()
    {
        using CpuDevice device = new(2);
        ActivationLayout whole = ActivationLayout.Blocked(device, 16, 64, 62, 62), half = whole with { N = 8 };
        Assert.True(whole.Length * 4L >= 16 << 20 && half.Length * 4L < 16 << 20);
        int values = whole.N * whole.C * whole.H * whole.W;
        float[] x = DeviceData.Uniform(values, 1), dy = DeviceData.Uniform(values, 2);
        DeviceBuffer<float> mean = device.Upload<float>(DeviceData.Uniform(64, 3));
        DeviceBuffer<float> inverseStd = device.Upload<float>(DeviceData.Uniform(64, 4, 0.5f, 2));
        DeviceBuffer<float> gamma = device.Upload<float>(DeviceData.Uniform(64, 5)), beta = device.Upload<float>(DeviceData.Uniform(64, 6));
        var all = Run(whole, x, dy);
        var first = Run(half, x[..(values / 2)], dy[..(values / 2)]);
        var second = Run(half, x[(values / 2)..], dy[(values / 2)..]);
        Assert.True(all.Y.AsSpan().SequenceEqual([.. first.Y, .. second.Y]));
        Assert.True(all.Dx.AsSpan().SequenceEqual([.. first.Dx, .. second.Dx]));

        (float[] Y, float[] Dx) Run(ActivationLayout layout, float[] x, float[] dy)
        {
            DeviceBuffer<float> xb = device.Activation(layout, x), y = device.Allocate<float>(layout.Length);
            DeviceBuffer<float> dx = device.Allocate<float>(layout.Length);
            BatchNormKernels.Forward(layout, xb, mean, inverseStd, gamma, beta, null, true, y);
            BatchNormKernels.Backward(layout, device.Activation(layout, dy), y, xb, mean, inverseStd, gamma, false, dx,
                device.Allocate<float>(64), device.Allocate<float>(64), null);
            return (y.ToArray(), dx.ToArray());
        }
    }

    private static (float[] Mean, float[] Variance) Statistics(CpuDevice device, ActivationLayout layout, float[] x)
    {
        int channels = layout.Blocks * layout.Block;
        DeviceBuffer<float> mean = device.Allocate<float>(channels), variance = device.Allocate<float>(channels);
        BatchNormKernels.Statistics(layout, device.Activation(layout, x), mean, variance);
        return (mean.ToArray(), variance.ToArray());
    }

    private static void CloseTo(double[] expected, float[] actual, double allowed, string what)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= allowed,
                $"{what}: entry {i} is {actual[i]}, expected {expected[i]} within {allowed:g3}");
    }
}
