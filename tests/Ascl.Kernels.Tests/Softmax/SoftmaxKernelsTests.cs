using Ascl.Kernels.Devices;
using Ascl.Kernels.Softmax;
using Ascl.Testing;

namespace Ascl.Kernels.Tests.Softmax;

/// <summary>
/// Each function against its textbook definition in double, each gradient against central differences of that definition.
/// </summary>
public sealed class SoftmaxKernelsTests
{
    public static TheoryData<int, int> Shapes => new() { { 1, 1 }, { 1, 2 }, { 3, 10 }, { 7, 100 }, { 2, 257 } };

    [Theory, MemberData(nameof(Shapes))]
    public void Log_softmax(int n, int k)
    {
        using CpuDevice device = new(2);
        float[] x = Values(1, n * k, 5), dy = Values(2, n * k, 1);
        DeviceBuffer<float> y = device.Allocate<float>(n * k), dx = device.Allocate<float>(n * k);
        SoftmaxKernels.LogSoftmaxForward(n, k, device.Upload<float>(x), y);
        Tolerance.Close(LogSoftmax(Tolerance.ToDouble(x), k), y.ToArray(), 1e-6);
        SoftmaxKernels.LogSoftmaxBackward(n, k, y, device.Upload<float>(dy), dx);
        CloseToDifferences(x, at => LogSoftmax(at, k).Zip(dy, (value, d) => value * d).Sum(), dx);
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Cross_entropy(int n, int k)
    {
        using CpuDevice device = new(2);
        float[] x = Values(3, n * k, 5), weights = Values(4, n, 1);
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i * 7 % k)];
        DeviceBuffer<float> logits = device.Upload<float>(x), dx = device.Allocate<float>(n * k);
        foreach (float smoothing in new[] { 0, 0.2f, 1 })
            foreach (Reduction reduction in Enum.GetValues<Reduction>())
            {
                double[] Losses(double[] at)
                {
                    double[] logP = LogSoftmax(at, k);
                    double[] each = [.. Enumerable.Range(0, n).Select(i =>
                        -(1 - smoothing) * logP[i * k + labels[i]] - smoothing / k * Enumerable.Range(i * k, k).Sum(c => logP[c]))];
                    return reduction switch { Reduction.Mean => [each.Average()], Reduction.Sum => [each.Sum()], _ => each };
                }
                double[] expected = Losses(Tolerance.ToDouble(x));
                DeviceBuffer<float> losses = device.Allocate<float>(expected.Length);
                SoftmaxKernels.CrossEntropyForward(n, k, logits, device.Upload<int>(labels), smoothing, reduction, losses);
                Tolerance.Close(expected, losses.ToArray(), 1e-6);
                float[] dLosses = weights[..expected.Length];
                SoftmaxKernels.CrossEntropyBackward(n, k, logits, device.Upload<int>(labels), smoothing, reduction,
                    device.Upload<float>(dLosses), dx);
                CloseToDifferences(x, at => Losses(at).Zip(dLosses, (value, d) => value * d).Sum(), dx);
            }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Kullback_Leibler(int n, int k)
    {
        using CpuDevice device = new(2);
        float[] a = Values(5, n * k, 4), b = Values(6, n * k, 4), weights = Values(7, n, 1);
        double[] Divergences(double[] first, double[] second)
        {
            double[] logP = LogSoftmax(first, k), logQ = LogSoftmax(second, k);
            return [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(i * k, k).Sum(c => Math.Exp(logP[c]) * (logP[c] - logQ[c])))];
        }
        double Weighted(double[] first, double[] second) => Divergences(first, second).Zip(weights, (value, d) => value * d).Sum();
        DeviceBuffer<float> x = device.Upload<float>(a), y = device.Upload<float>(b), dKl = device.Upload<float>(weights);
        DeviceBuffer<float> divergences = device.Allocate<float>(n), gradient = device.Allocate<float>(n * k);
        SoftmaxKernels.KullbackLeiblerForward(n, k, x, y, divergences);
        Tolerance.Close(Divergences(Tolerance.ToDouble(a), Tolerance.ToDouble(b)), divergences.ToArray(), 1e-6);
        SoftmaxKernels.KullbackLeiblerBackwardFirst(n, k, x, y, dKl, gradient);
        CloseToDifferences(a, at => Weighted(at, Tolerance.ToDouble(b)), gradient);
        SoftmaxKernels.KullbackLeiblerBackwardSecond(n, k, x, y, dKl, gradient);
        CloseToDifferences(b, at => Weighted(Tolerance.ToDouble(a), at), gradient);
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Mean_entropy(int n, int k)
    {
        using CpuDevice device = new(2);
        float[] x = Values(8, n * k, 3);
        double Entropy(double[] at) => -LogSoftmax(at, k).Sum(logP => Math.Exp(logP) * logP) / n;
        DeviceBuffer<float> logits = device.Upload<float>(x), entropy = device.Allocate<float>(1), dx = device.Allocate<float>(n * k);
        SoftmaxKernels.MeanEntropyForward(n, k, logits, entropy);
        Tolerance.Close([Entropy(Tolerance.ToDouble(x))], entropy.ToArray(), 1e-6);
        SoftmaxKernels.MeanEntropyBackward(n, k, logits, device.Upload<float>([1.5f]), dx);
        CloseToDifferences(x, at => 1.5 * Entropy(at), dx);
    }

    [Fact]
    public void Logits_of_ten_thousand_stay_finite()
    {
        using CpuDevice device = new(1);
        const int n = 3, k = 4;
        DeviceBuffer<float> x = device.Upload<float>([1e4f, -1e4f, 0, 5, -1e4f, -1e4f, -1e4f, -1e4f, 1e4f, 1e4f, 1e4f, -1e4f]);
        DeviceBuffer<float> y = device.Upload<float>([-1e4f, 1e4f, 5, 0, 1e4f, -1e4f, 0, 0, 1, 2, 3, 4]);
        DeviceBuffer<int> labels = device.Upload<int>([1, 0, 3]);
        DeviceBuffer<float> all = device.Allocate<float>(n * k), rows = device.Allocate<float>(n), one = device.Allocate<float>(1);
        DeviceBuffer<float> ones = device.Upload<float>([1, 1, 1]), ones12 = device.Upload<float>([.. Enumerable.Repeat(1f, n * k)]);
        void Finite(DeviceBuffer<float> values) => Assert.All(values.ToArray(), value => Assert.True(float.IsFinite(value)));

        SoftmaxKernels.CrossEntropyForward(n, k, x, labels, 0, Reduction.None, rows);
        Tolerance.Close([20000, Math.Log(4), 20000 + Math.Log(3)], rows.ToArray(), 1e-6);
        SoftmaxKernels.CrossEntropyForward(n, k, x, labels, 0.1f, Reduction.Mean, one);
        Finite(one);
        SoftmaxKernels.CrossEntropyBackward(n, k, x, labels, 0.1f, Reduction.None, ones, all);
        Finite(all);
        SoftmaxKernels.KullbackLeiblerForward(n, k, x, y, rows);
        Finite(rows);
        Assert.Equal(20000, rows.ToArray()[0], 1f);
        SoftmaxKernels.KullbackLeiblerBackwardFirst(n, k, x, y, ones, all);
        Finite(all);
        SoftmaxKernels.KullbackLeiblerBackwardSecond(n, k, x, y, ones, all);
        Finite(all);
        SoftmaxKernels.MeanEntropyForward(n, k, x, one);
        Tolerance.Close([(Math.Log(4) + Math.Log(3)) / 3], one.ToArray(), 1e-6);
        SoftmaxKernels.MeanEntropyBackward(n, k, x, device.Upload<float>([1]), all);
        Finite(all);
        SoftmaxKernels.LogSoftmaxForward(n, k, x, all);
        Finite(all);
        SoftmaxKernels.LogSoftmaxBackward(n, k, all, ones12, ones12);
        Finite(ones12);
    }

    [Fact]
    public void Predictions_take_the_first_of_equals_and_no_class_for_NaN()
    {
        using CpuDevice device = new(2);
        DeviceBuffer<int> predictions = device.Allocate<int>(4);
        SoftmaxKernels.Predict(4, 3,
            device.Upload<float>([1, 3, 3, -5, -5, -5, float.NegativeInfinity, float.NegativeInfinity, 0, 9, 2, float.NaN]), predictions);
        Assert.Equal([1, 0, 2, -1], predictions.ToArray());
        Assert.Equal(2, SoftmaxKernels.CountCorrect(predictions, device.Upload<int>([1, 1, 2, 0])));
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        const int n = 900, k = 10;
        float[] x = Values(9, n * k, 6);
        int[] labels = [.. Enumerable.Range(0, n).Select(i => i % k)];
        (float[] Loss, float[] Gradient) Run(int threads)
        {
            using CpuDevice device = new(threads);
            DeviceBuffer<float> logits = device.Upload<float>(x), loss = device.Allocate<float>(1), dx = device.Allocate<float>(n * k);
            SoftmaxKernels.CrossEntropyForward(n, k, logits, device.Upload<int>(labels), 0.1f, Reduction.Mean, loss);
            SoftmaxKernels.CrossEntropyBackward(n, k, logits, device.Upload<int>(labels), 0.1f, Reduction.Mean, device.Upload<float>([1]),
                dx);
            return (loss.ToArray(), dx.ToArray());
        }
        var one = Run(1);
        foreach (int threads in new[] { 2, 3 })
        {
            var other = Run(threads);
            Assert.Equal(one.Loss, other.Loss);
            Assert.Equal(one.Gradient, other.Gradient);
        }
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        using CpuDevice device = new(1);
        DeviceBuffer<float> x = device.Allocate<float>(6), one = device.Allocate<float>(1);
        void Throws(string part, Action call) => Assert.Contains(part, Assert.ThrowsAny<ArgumentException>(call).Message);
        Throws("row 1 has label 3, there are 3 classes",
            () => SoftmaxKernels.CrossEntropyForward(2, 3, x, device.Upload<int>([0, 3]), 0, Reduction.Mean, one));
        Throws("label smoothing",
            () => SoftmaxKernels.CrossEntropyForward(2, 3, x, device.Upload<int>([0, 1]), float.NaN, Reduction.Mean, one));
        Throws("losses has 1 values",
            () => SoftmaxKernels.CrossEntropyForward(2, 3, x, device.Upload<int>([0, 1]), 0, Reduction.None, one));
        Throws("y has 1 values", () => SoftmaxKernels.LogSoftmaxForward(2, 3, x, one));
        Throws("at least one row", () => SoftmaxKernels.LogSoftmaxForward(0, 3, device.Allocate<float>(0), device.Allocate<float>(0)));
    }

    private static float[] Values(int seed, int count, double size)
    {
        System.Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2 - 1) * size))];
    }

    private static double[] LogSoftmax(double[] x, int k) =>
        [.. x.Chunk(k).SelectMany(row => { double sum = Math.Log(row.Sum(Math.Exp)); return row.Select(value => value - sum); })];

    private static void CloseToDifferences(float[] x, Func<double[], double> loss, DeviceBuffer<float> gradient)
    {
        double[] at = Tolerance.ToDouble(x), differences = new double[x.Length];
        for (int i = 0; i < x.Length; i++)
        {
            at[i] = x[i] + 1e-5;
            differences[i] = loss(at);
            at[i] = x[i] - 1e-5;
            differences[i] = (differences[i] - loss(at)) / 2e-5;
            at[i] = x[i];
        }
        if (differences.Max(Math.Abs) < 1e-9)
            Assert.All(gradient.ToArray(), value => Assert.InRange(value, -1e-6f, 1e-6f));
        else
            Tolerance.Close(differences, gradient.ToArray(), 1e-5);
    }
}
