using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using Ascl.Kernels.GpuCode;
using Ascl.Kernels.Reduce;
using Ascl.Kernels.Simd;
using ILGPU;

namespace Ascl.Kernels.Softmax;

/// <summary>
/// A warp owns a row of logits; a second launch sums over the rows. All in float, but without catastrophic cancellation: the largest logit
/// is subtracted first, and the label's probability minus 1 is computed from the other probabilities.
/// </summary>
internal static class SoftmaxCuda
{
    public static void LogSoftmax(CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
        device.Launch(LogSoftmax, WarpRows.For(n), Rows(n, k, x, null, null, y));

    public static void LogSoftmaxBackward(
        CudaDevice device, int n, int k, DeviceBuffer<float> y, DeviceBuffer<float> dy, DeviceBuffer<float> dx) =>
        device.Launch(LogSoftmaxBackward, WarpRows.For(n), Rows(n, k, y, null, dy, dx));

    public static void Softmax(CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> y) =>
        device.Launch(Softmax, WarpRows.For(n), Rows(n, k, x, null, null, y));

    public static void SoftmaxBackward(
        CudaDevice device, int n, int k, DeviceBuffer<float> y, DeviceBuffer<float> dy, DeviceBuffer<float> dx) =>
        device.Launch(SoftmaxBackward, WarpRows.For(n), Rows(n, k, y, null, dy, dx));

    public static void CrossEntropy(
        CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<int> labels, float smoothing, Reduction reduction,
        DeviceBuffer<float> losses)
    {
        DeviceBuffer<float> each = reduction == Reduction.None ? losses : device.Pool.Rent(n, 0);
        device.Launch(CrossEntropy, WarpRows.For(n),
            Rows(n, k, x, null, null, each) with { Labels = CudaDevice.View(labels), Smoothing = smoothing });
        if (reduction == Reduction.None)
            return;
        ReduceKernels.SumCuda(device, CudaDevice.View(each), reduction == Reduction.Mean ? 1f / n : 1, CudaDevice.View(losses));
        device.Pool.Return(each);
    }

    public static void CrossEntropyBackward(
        CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<int> labels, float smoothing, Reduction reduction,
        DeviceBuffer<float> dLosses, DeviceBuffer<float> dx) =>
        device.Launch(CrossEntropyBackward, WarpRows.For(n), Rows(n, k, x, null, dLosses, dx) with
        {
            Labels = CudaDevice.View(labels),
            Smoothing = smoothing,
            Scale = reduction == Reduction.Mean ? 1f / n : 1,
            GradientStride = reduction == Reduction.None ? 1 : 0,
        });

    public static void KullbackLeibler(
        CudaDevice device, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> divergences) =>
        device.Launch(KullbackLeibler, WarpRows.For(n), Rows(n, k, a, b, null, divergences));

    public static void KullbackLeiblerBackwardFirst(
        CudaDevice device, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDivergences,
        DeviceBuffer<float> da) =>
        device.Launch(KullbackLeiblerBackwardFirst, WarpRows.For(n), Rows(n, k, a, b, dDivergences, da));

    public static void KullbackLeiblerBackwardSecond(
        CudaDevice device, int n, int k, DeviceBuffer<float> a, DeviceBuffer<float> b, DeviceBuffer<float> dDivergences,
        DeviceBuffer<float> db) =>
        device.Launch(KullbackLeiblerBackwardSecond, WarpRows.For(n), Rows(n, k, a, b, dDivergences, db));

    public static void MeanEntropy(CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> entropy)
    {
        DeviceBuffer<float> each = device.Pool.Rent(n, 0);
        device.Launch(Entropy, WarpRows.For(n), Rows(n, k, x, null, null, each));
        ReduceKernels.SumCuda(device, CudaDevice.View(each), 1f / n, CudaDevice.View(entropy));
        device.Pool.Return(each);
    }

    public static void MeanEntropyBackward(
        CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<float> dEntropy, DeviceBuffer<float> dx) =>
        device.Launch(EntropyBackward, WarpRows.For(n), Rows(n, k, x, null, dEntropy, dx) with { Scale = 1f / n, GradientStride = 0 });

    public static void Predict(CudaDevice device, int n, int k, DeviceBuffer<float> x, DeviceBuffer<int> predictions) =>
        device.Launch(Predict, WarpRows.For(n), new PredictArguments
        {
            X = CudaDevice.View(x),
            Y = CudaDevice.View(predictions),
            N = n,
            K = k,
        });

    /// <summary>Reads the count back; waits for the device.</summary>
    public static int CountCorrect(CudaDevice device, DeviceBuffer<int> predictions, DeviceBuffer<int> labels)
    {
        DeviceBuffer<float> count = device.Pool.Rent(1, 0);
        device.Launch(CountCorrect, (1, CudaDevice.GroupSize), new CountCorrectArguments
        {
            Predictions = CudaDevice.View(predictions),
            Labels = CudaDevice.View(labels),
            Count = CudaDevice.View(count).Cast<int>(),
        });
        Span<int> correct = stackalloc int[1];
        device.CopyToHost(CudaDevice.View(count).Cast<int>(), correct);
        device.Pool.Return(count);
        return correct[0];
    }

    private static RowsArguments Rows(
        int n, int k, DeviceBuffer<float> a, DeviceBuffer<float>? b, DeviceBuffer<float>? gradient, DeviceBuffer<float> y) => new()
        {
            A = CudaDevice.View(a),
            B = CudaDevice.View(b),
            Gradient = CudaDevice.View(gradient),
            Y = CudaDevice.View(y),
            N = n,
            K = k,
            Scale = 1,
            GradientStride = 1,
        };

    internal struct RowsArguments
    {
        /// <summary>[N, K] logits, or log-probabilities, of one or two softmaxes.</summary>
        public ArrayView<float> A, B;

        /// <summary>Gradient with respect to the forward result: that of row i is Scale times the value at i·GradientStride.</summary>
        public ArrayView<float> Gradient;

        /// <summary>The result.</summary>
        public ArrayView<float> Y;
        public ArrayView<int> Labels;
        public int N, K, GradientStride;
        public float Smoothing, Scale;
    }

    /// <summary>Converts the logits of a row to log-probabilities.</summary>
    private readonly struct Normalizer(float largest, float logSum)
    {
        public float LogOf(float x) => (x - largest) - logSum;

        /// <summary>log p − log q of logits x and z, from two normalizers.</summary>
        public static float LogRatio(Normalizer p, float x, Normalizer q, float z) => p.LogOf(x) - q.LogOf(z);
    }

    private static Normalizer Normalize(ArrayView<float> x, int begin, int k)
    {
        float largest = float.NegativeInfinity, sum = 0;
        for (int c = WarpRows.Lane; c < k; c += WarpRows.Lanes)
            largest = WarpRows.Larger(x[begin + c], largest);
        largest = WarpRows.Max(largest);
        for (int c = WarpRows.Lane; c < k; c += WarpRows.Lanes)
            sum += Exponential.Of(x[begin + c] - largest);
        return new(largest, MathF.Log(WarpRows.Sum(sum)));
    }

    internal static void LogSoftmax(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        Normalizer normalizer = Normalize(p.A, begin, p.K);
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            p.Y[begin + c] = normalizer.LogOf(p.A[begin + c]);
    }

    /// <summary>dx = dy − exp(y)·Σ dy, with a gradient for each class.</summary>
    internal static void LogSoftmaxBackward(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        float sum = 0;
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            sum += p.Gradient[begin + c];
        sum = WarpRows.Sum(sum);
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            p.Y[begin + c] = p.Gradient[begin + c] - Exponential.Of(p.A[begin + c]) * sum;
    }

    internal static void Softmax(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        float largest = float.NegativeInfinity, sum = 0;
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            largest = WarpRows.Larger(p.A[begin + c], largest);
        largest = WarpRows.Max(largest);
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            sum += Exponential.Of(p.A[begin + c] - largest);
        float factor = 1 / WarpRows.Sum(sum);
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            p.Y[begin + c] = Exponential.Of(p.A[begin + c] - largest) * factor;
    }

    /// <summary>dx = y·(dy − Σ y·dy).</summary>
    internal static void SoftmaxBackward(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        float sum = 0;
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            sum += p.A[begin + c] * p.Gradient[begin + c];
        sum = WarpRows.Sum(sum);
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            p.Y[begin + c] = p.A[begin + c] * (p.Gradient[begin + c] - sum);
    }

    internal static void CrossEntropy(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        Normalizer normalizer = Normalize(p.A, begin, p.K);
        float uniform = 0;
        if (p.Smoothing > 0)
        {
            for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
                uniform -= normalizer.LogOf(p.A[begin + c]);
            uniform = WarpRows.Sum(uniform);
        }
        if (WarpRows.Lane != 0)
            return;
        int label = p.Labels[row];
        bool isClass = label >= 0 && label < p.K;
        float loss = p.Smoothing * uniform / p.K - (1 - p.Smoothing) * normalizer.LogOf(p.A[begin + (isClass ? label : 0)]);
        p.Y[row] = isClass ? loss : float.NaN;
    }

    /// <summary>At the label, p − 1 is computed as −Σ of the other p, which is accurate even if p rounds to 1.</summary>
    internal static void CrossEntropyBackward(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        Normalizer normalizer = Normalize(p.A, begin, p.K);
        int label = p.Labels[row];
        float others = 0, scale = p.Gradient[row * p.GradientStride] * p.Scale, even = p.Smoothing / p.K;
        if (label < 0 || label >= p.K)
            scale = float.NaN;
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            others += c == label ? 0 : Exponential.Of(normalizer.LogOf(p.A[begin + c]));
        others = WarpRows.Sum(others);
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            p.Y[begin + c] = ((c == label ? p.Smoothing - others : Exponential.Of(normalizer.LogOf(p.A[begin + c]))) - even) * scale;
    }

    private static float Divergence(ArrayView<float> a, Normalizer ofA, ArrayView<float> b, Normalizer ofB, int begin, int k)
    {
        float sum = 0;
        for (int c = WarpRows.Lane; c < k; c += WarpRows.Lanes)
            sum += Exponential.Of(ofA.LogOf(a[begin + c])) * Normalizer.LogRatio(ofA, a[begin + c], ofB, b[begin + c]);
        return WarpRows.Sum(sum);
    }

    internal static void KullbackLeibler(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        float divergence = Divergence(p.A, Normalize(p.A, begin, p.K), p.B, Normalize(p.B, begin, p.K), begin, p.K);
        if (WarpRows.Lane == 0)
            p.Y[row] = divergence;
    }

    /// <summary>da = p (log p − log q − KL)·dKL.</summary>
    internal static void KullbackLeiblerBackwardFirst(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        Normalizer ofA = Normalize(p.A, begin, p.K), ofB = Normalize(p.B, begin, p.K);
        float divergence = Divergence(p.A, ofA, p.B, ofB, begin, p.K), scale = p.Gradient[row];
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
        {
            float a = p.A[begin + c];
            p.Y[begin + c] = Exponential.Of(ofA.LogOf(a)) * (Normalizer.LogRatio(ofA, a, ofB, p.B[begin + c]) - divergence) * scale;
        }
    }

    /// <summary>db = (q − p)·dKL.</summary>
    internal static void KullbackLeiblerBackwardSecond(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        Normalizer ofA = Normalize(p.A, begin, p.K), ofB = Normalize(p.B, begin, p.K);
        float scale = p.Gradient[row];
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
            p.Y[begin + c] = (Exponential.Of(ofB.LogOf(p.B[begin + c])) - Exponential.Of(ofA.LogOf(p.A[begin + c]))) * scale;
    }

    private static float EntropyOf(ArrayView<float> x, Normalizer normalizer, int begin, int k)
    {
        float sum = 0;
        for (int c = WarpRows.Lane; c < k; c += WarpRows.Lanes)
        {
            float log = normalizer.LogOf(x[begin + c]);
            sum -= Exponential.Of(log) * log;
        }
        return WarpRows.Sum(sum);
    }

    internal static void Entropy(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        float entropy = EntropyOf(p.A, Normalize(p.A, begin, p.K), begin, p.K);
        if (WarpRows.Lane == 0)
            p.Y[row] = entropy;
    }

    /// <summary>dx = −p (log p + H)·dH/n.</summary>
    internal static void EntropyBackward(RowsArguments p)
    {
        int row = WarpRows.Row, begin = row * p.K;
        if (row >= p.N)
            return;
        Normalizer normalizer = Normalize(p.A, begin, p.K);
        float entropy = EntropyOf(p.A, normalizer, begin, p.K), scale = p.Gradient[0] * p.Scale;
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
        {
            float log = normalizer.LogOf(p.A[begin + c]);
            p.Y[begin + c] = -Exponential.Of(log) * (log + entropy) * scale;
        }
    }

    internal struct PredictArguments
    {
        public ArrayView<float> X;
        public ArrayView<int> Y;
        public int N, K;
    }

    /// <summary>Each lane finds the first maximum of its classes, then the lanes compare; ties go to the lower class.</summary>
    internal static void Predict(PredictArguments p)
    {
        const int Magnitude = 0x7fffffff, Infinity = 0x7f800000;
        int row = WarpRows.Row, begin = row * p.K, best = int.MaxValue;
        if (row >= p.N)
            return;
        float largest = float.NegativeInfinity, notNumbers = 0;
        for (int c = WarpRows.Lane; c < p.K; c += WarpRows.Lanes)
        {
            float x = p.X[begin + c];
            if ((BitConverter.SingleToInt32Bits(x) & Magnitude) > Infinity)
                notNumbers = 1;
            if (best == int.MaxValue || x > largest)
                (largest, best) = (x, c);
        }
        notNumbers = WarpRows.Max(notNumbers);
        for (int distance = WarpRows.Lanes / 2; distance > 0; distance >>= 1)
        {
            float other = Warp.ShuffleXor(largest, distance);
            int otherBest = Warp.ShuffleXor(best, distance);
            // Selects instead of a branch, so that all lanes reach the next shuffle together.
            int isBetter = (other > largest ? 1 : 0) | ((other == largest ? 1 : 0) & (otherBest < best ? 1 : 0));
            largest = isBetter != 0 ? other : largest;
            best = isBetter != 0 ? otherBest : best;
        }
        if (WarpRows.Lane == 0)
            p.Y[row] = notNumbers > 0 ? -1 : best;
    }

    internal struct CountCorrectArguments
    {
        public ArrayView<int> Predictions, Labels, Count;
    }

    /// <summary>One group; the count is exact in float up to 2²⁴ rows.</summary>
    internal static void CountCorrect(CountCorrectArguments p)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupReduction.Places);
        int correct = 0;
        for (int i = Group.IdxX; i < p.Labels.IntLength; i += CudaDevice.GroupSize)
            correct += p.Predictions[i] == p.Labels[i] ? 1 : 0;
        float all = GroupReduction.Sum(shared, correct);
        if (Group.IdxX == 0)
            p.Count[0] = (int)all;
    }
}
