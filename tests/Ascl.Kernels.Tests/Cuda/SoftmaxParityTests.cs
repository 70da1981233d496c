using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Margin;
using Ascl.Kernels.Softmax;
using Ascl.Kernels.Tests.Devices;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Cuda;

[Collection(TestGpu.Collection)]
public sealed class SoftmaxParityTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(9, 10)]
    [InlineData(3, 100)]
    public void SoftmaxAndItsLossesAgreeWithTheCpu(int n, int k)
    {
        float[] a = DeviceData.Uniform(n * k, 1, -6, 6), b = DeviceData.Uniform(n * k, 2, -6, 6), each = DeviceData.Uniform(n, 3);
        int[] labels = [.. Enumerable.Range(0, n).Select(i => 7 * i % k)];
        Check("log_softmax", n * k, (x, _, y) => SoftmaxKernels.LogSoftmaxForward(n, k, x, y));
        Check("log_softmax.backward", n * k, (x, z, dx) =>
        {
            DeviceBuffer<float> y = x.Device.Allocate<float>(n * k);
            SoftmaxKernels.LogSoftmaxForward(n, k, x, y);
            SoftmaxKernels.LogSoftmaxBackward(n, k, y, z, dx);
        });
        foreach (Reduction reduction in Enum.GetValues<Reduction>())
            foreach (float smoothing in new[] { 0, 0.2f })
            {
                int losses = reduction == Reduction.None ? n : 1;
                Check($"cross_entropy {reduction} {smoothing}", losses,
                    (x, _, y) => SoftmaxKernels.CrossEntropyForward(n, k, x, x.Device.Upload<int>(labels), smoothing, reduction, y));
                Check($"cross_entropy.backward {reduction} {smoothing}", n * k, (x, _, dx) =>
                    SoftmaxKernels.CrossEntropyBackward(n, k, x, x.Device.Upload<int>(labels), smoothing, reduction,
                        x.Device.Upload<float>(each.AsSpan(0, losses)), dx));
            }
        Check("kl", n, (x, z, y) => SoftmaxKernels.KullbackLeiblerForward(n, k, x, z, y));
        Check("kl.backward_first", n * k,
            (x, z, dx) => SoftmaxKernels.KullbackLeiblerBackwardFirst(n, k, x, z, x.Device.Upload<float>(each), dx));
        Check("kl.backward_second", n * k,
            (x, z, dx) => SoftmaxKernels.KullbackLeiblerBackwardSecond(n, k, x, z, x.Device.Upload<float>(each), dx));
        Check("entropy", 1, (x, _, y) => SoftmaxKernels.MeanEntropyForward(n, k, x, y));
        Check("entropy.backward", n * k, (x, _, dx) => SoftmaxKernels.MeanEntropyBackward(n, k, x, x.Device.Upload<float>([0.7f]), dx));

        void Check(string what, int length, Action<DeviceBuffer<float>, DeviceBuffer<float>, DeviceBuffer<float>> run) =>
            Parity.Check(what, device =>
            {
                DeviceBuffer<float> y = device.Allocate<float>(length);
                run(device.Upload<float>(a), device.Upload<float>(b), y);
                return y;
            });
    }

    [Fact]
    public void AGradientOfAnAlmostCertainRowKeepsItsDigits()
    {
        // p of the label rounds to 1 in float.
        float[] x = [20, 0.5f, -1, 0];
        Parity.Check("cross_entropy.backward", device =>
        {
            DeviceBuffer<float> dx = device.Allocate<float>(4);
            SoftmaxKernels.CrossEntropyBackward(1, 4, device.Upload<float>(x), device.Upload<int>([0]), 0, Reduction.Sum,
                device.Upload<float>([1]), dx);
            return dx;
        });
    }

    [Fact]
    public void LogitsOfAnySizeGiveFiniteValues() => Parity.Check("cross_entropy", device =>
    {
        DeviceBuffer<float> losses = device.Allocate<float>(3);
        SoftmaxKernels.CrossEntropyForward(3, 2, device.Upload<float>([1e30f, -1e30f, 3e4f, 3e4f, -1e4f, 1e4f]),
            device.Upload<int>([0, 1, 0]), 0, Reduction.None, losses);
        return losses;
    });

    [Fact]
    public void ALabelThatIsNoClassMakesTheLossNaN()
    {
        CudaDevice device = TestGpu.Device;
        DeviceBuffer<float> x = device.Upload<float>(DeviceData.Uniform(8, 1)), losses = device.Allocate<float>(2);
        DeviceBuffer<float> mean = device.Allocate<float>(1), dx = device.Allocate<float>(8);
        DeviceBuffer<int> labels = device.Upload<int>([1, 4]);
        SoftmaxKernels.CrossEntropyForward(2, 4, x, labels, 0, Reduction.None, losses);
        SoftmaxKernels.CrossEntropyForward(2, 4, x, labels, 0.1f, Reduction.Mean, mean);
        SoftmaxKernels.CrossEntropyBackward(2, 4, x, labels, 0, Reduction.None, device.Upload<float>([1, 1]), dx);
        Assert.Equal([true, false], losses.ToArray().Select(float.IsFinite));
        Assert.True(float.IsNaN(mean.ToArray()[0]));
        Assert.Equal([true, true, true, true, false, false, false, false], dx.ToArray().Select(float.IsFinite));

        MarginKernels.Forward(MarginLoss.Ratio, 2, 4, x, labels, null, losses);
        Assert.Equal([true, false], losses.ToArray().Select(float.IsFinite));
    }

    [Fact]
    public void PredictionsAndTheirCountAgreeWithTheCpu()
    {
        foreach (int k in new[] { 1, 10, 77 })
        {
            const int n = 11;
            float[] x = [.. DeviceData.Uniform(n * k, 4, -4, 4).Select(z => MathF.Round(z))]; // ties
            x[3 * k] = float.NaN;
            x.AsSpan(4 * k, k).Fill(float.NegativeInfinity);
            int[] labels = [.. Enumerable.Range(0, n).Select(i => i % 3 % k)];
            using CpuDevice cpu = new(1);
            (int[] expected, int count) = Run(cpu);
            (int[] actual, int actualCount) = Run(TestGpu.Device);
            Assert.Equal(expected, actual);
            Assert.Equal(count, actualCount);

            (int[], int) Run(Device device)
            {
                DeviceBuffer<int> predictions = device.Allocate<int>(n);
                SoftmaxKernels.Predict(n, k, device.Upload<float>(x), predictions);
                return (predictions.ToArray(), SoftmaxKernels.CountCorrect(predictions, device.Upload<int>(labels)));
            }
        }
    }

    [Theory]
    [InlineData(MarginLoss.Difference, false)]
    [InlineData(MarginLoss.Difference, true)]
    [InlineData(MarginLoss.Ratio, false)]
    [InlineData(MarginLoss.Ratio, true)]
    public void MarginsAgreeWithTheCpu(MarginLoss loss, bool isTargeted)
    {
        foreach (int k in new[] { MarginKernels.LeastClasses(loss, isTargeted), 10, 33 })
        {
            const int n = 67;
            float[] x = DeviceData.Uniform(n * k, 5, -4, 4);
            for (int i = 0; i < n * k; i += 3)
                x[i] = MathF.Round(x[i]);
            int[] labels = [.. Enumerable.Range(0, n).Select(i => i % k)];
            int[] targets = [.. Enumerable.Range(0, n).Select(i => (i + 1 + i % (k - 1)) % k)];
            Parity.Check("margin.forward", device =>
            {
                DeviceBuffer<float> losses = device.Allocate<float>(n);
                MarginKernels.Forward(loss, n, k, device.Upload<float>(x), device.Upload<int>(labels),
                    isTargeted ? device.Upload<int>(targets) : null, losses);
                return losses;
            });
            Parity.Check("margin.backward", device =>
            {
                DeviceBuffer<float> dx = device.Allocate<float>(n * k);
                MarginKernels.Backward(loss, n, k, device.Upload<float>(x), device.Upload<int>(labels),
                    isTargeted ? device.Upload<int>(targets) : null, device.Upload<float>(DeviceData.Uniform(n, 6)), dx);
                return dx;
            });
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(-1, 0)]
    [InlineData(0, 1)]
    public void MarginsOfProbabilitiesAgreeWithTheCpu(float own, float other)
    {
        foreach (int k in new[] { 2, 10, 33 })
        {
            const int n = 67;
            float[] x = DeviceData.Uniform(n * k, 5, -6, 6);
            for (int i = 0; i < n * k; i += 3)
                x[i] = MathF.Round(x[i]);
            x.AsSpan(0, k).Fill(-20);
            x[0] = 20; // p of label and runner-up round to 1 and 0 in float
            int[] labels = [.. Enumerable.Range(0, n).Select(i => i % k)];
            Parity.Check("probability_margin.forward", device =>
            {
                DeviceBuffer<float> losses = device.Allocate<float>(n);
                ProbabilityMarginKernels.Forward(n, k, own, other, device.Upload<float>(x), device.Upload<int>(labels), losses);
                return losses;
            });
            Parity.Check("probability_margin.backward", device =>
            {
                DeviceBuffer<float> dx = device.Allocate<float>(n * k);
                ProbabilityMarginKernels.Backward(n, k, own, other, device.Upload<float>(x), device.Upload<int>(labels),
                    device.Upload<float>(DeviceData.Uniform(n, 6)), dx);
                return dx;
            });
        }
    }
}
