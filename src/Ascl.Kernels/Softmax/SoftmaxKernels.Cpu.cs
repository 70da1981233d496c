using Ascl.Kernels.Devices;

namespace Ascl.Kernels.Softmax;

/// <summary>
/// Rows are short, so this is scalar double arithmetic with rows spread over the threads; sums over rows are in row order.
/// </summary>
internal static unsafe class SoftmaxCpu
{
    private const int ValuesPerItem = 1 << 11;

    public static void LogSoftmax(CpuDevice device, int n, int k, float* x, float* y) => ForRows(device, n, k, i =>
    {
        float* row = x + (long)i * k, result = y + (long)i * k;
        double logSum = LogSumExp(row, k);
        for (int c = 0; c < k; c++)
            result[c] = (float)(row[c] - logSum);
    });

    public static void LogSoftmaxBackward(CpuDevice device, int n, int k, float* y, float* dy, float* dx) => ForRows(device, n, k, i =>
    {
        float* row = y + (long)i * k, d = dy + (long)i * k, result = dx + (long)i * k;
        double sum = 0;
        for (int c = 0; c < k; c++)
            sum += d[c];
        for (int c = 0; c < k; c++)
            result[c] = (float)(d[c] - Math.Exp(row[c]) * sum);
    });

    public static void CrossEntropy(
        CpuDevice device, int n, int k, float* x, int* labels, float smoothing, Reduction reduction, float* losses)
    {
        double[] each = new double[n];
        ForRows(device, n, k, i =>
        {
            float* row = x + (long)i * k;
            double logSum = LogSumExp(row, k), uniform = 0;
            for (int c = 0; smoothing > 0 && c < k; c++)
                uniform += logSum - row[c];
            each[i] = (1.0 - smoothing) * (logSum - row[labels[i]]) + smoothing * uniform / k;
        });
        if (reduction == Reduction.None)
            for (int i = 0; i < n; i++)
                losses[i] = (float)each[i];
        else
            *losses = (float)(Sum(each) / (reduction == Reduction.Mean ? n : 1));
    }

    public static void CrossEntropyBackward(
        CpuDevice device, int n, int k, float* x, int* labels, float smoothing, Reduction reduction, float* dLosses, float* dx) =>
            ForRows(device, n, k, i =>
    {
        float* row = x + (long)i * k, result = dx + (long)i * k;
        double logSum = LogSumExp(row, k), scale = reduction switch
        {
            Reduction.None => dLosses[i],
            Reduction.Mean => (double)*dLosses / n,
            _ => *dLosses,
        };
        for (int c = 0; c < k; c++)
        {
            double target = (c == labels[i] ? 1.0 - smoothing : 0) + (double)smoothing / k;
            result[c] = (float)((Math.Exp(row[c] - logSum) - target) * scale);
        }
    });

    public static void KullbackLeibler(CpuDevice device, int n, int k, float* a, float* b, float* divergences) => ForRows(device, n, k, i =>
        divergences[i] = (float)Divergence(a + (long)i * k, b + (long)i * k, k).Divergence);

    public static void KullbackLeiblerBackwardFirst(CpuDevice device, int n, int k, float* a, float* b, float* dDivergences, float* da) =>
        ForRows(device, n, k, i =>
        {
            float* rowA = a + (long)i * k, rowB = b + (long)i * k, result = da + (long)i * k;
            (double divergence, double logSumA, double logSumB) = Divergence(rowA, rowB, k);
            for (int c = 0; c < k; c++)
            {
                double logP = rowA[c] - logSumA, logQ = rowB[c] - logSumB;
                result[c] = (float)(Math.Exp(logP) * (logP - logQ - divergence) * dDivergences[i]);
            }
        });

    public static void KullbackLeiblerBackwardSecond(CpuDevice device, int n, int k, float* a, float* b, float* dDivergences, float* db) =>
        ForRows(device, n, k, i =>
        {
            float* rowA = a + (long)i * k, rowB = b + (long)i * k, result = db + (long)i * k;
            (double logSumA, double logSumB) = (LogSumExp(rowA, k), LogSumExp(rowB, k));
            for (int c = 0; c < k; c++)
                result[c] = (float)((Math.Exp(rowB[c] - logSumB) - Math.Exp(rowA[c] - logSumA)) * dDivergences[i]);
        });

    public static void MeanEntropy(CpuDevice device, int n, int k, float* x, float* entropy)
    {
        double[] each = new double[n];
        ForRows(device, n, k, i => each[i] = Entropy(x + (long)i * k, k).Entropy);
        *entropy = (float)(Sum(each) / n);
    }

    public static void MeanEntropyBackward(CpuDevice device, int n, int k, float* x, float dEntropy, float* dx) =>
        ForRows(device, n, k, i =>
    {
        float* row = x + (long)i * k, result = dx + (long)i * k;
        (double entropy, double logSum) = Entropy(row, k);
        for (int c = 0; c < k; c++)
            result[c] = (float)(-Math.Exp(row[c] - logSum) * (row[c] - logSum + entropy) * dEntropy / n);
    });

    public static void Predict(CpuDevice device, int n, int k, float* x, int* predictions) => ForRows(device, n, k, i =>
    {
        float* row = x + (long)i * k;
        int best = 0;
        for (int c = 0; c < k && best >= 0; c++)
            best = float.IsNaN(row[c]) ? -1 : row[c] > row[best] ? c : best;
        predictions[i] = best;
    });

    private static void ForRows(CpuDevice device, int n, int k, Action<int> body)
    {
        int rows = Math.Max(1, ValuesPerItem / k);
        device.For((n + rows - 1) / rows, (item, _) =>
        {
            for (int i = item * rows; i < Math.Min(n, (item + 1) * rows); i++)
                body(i);
        });
    }

    private static double LogSumExp(float* row, int k)
    {
        double largest = row[0], sum = 0;
        for (int c = 1; c < k; c++)
            largest = Math.Max(largest, row[c]);
        for (int c = 0; c < k; c++)
            sum += Math.Exp(row[c] - largest);
        return largest + Math.Log(sum);
    }

    private static (double Divergence, double LogSumA, double LogSumB) Divergence(float* a, float* b, int k)
    {
        double logSumA = LogSumExp(a, k), logSumB = LogSumExp(b, k), sum = 0;
        for (int c = 0; c < k; c++)
        {
            double logP = a[c] - logSumA, logQ = b[c] - logSumB;
            sum += Math.Exp(logP) * (logP - logQ);
        }
        return (sum, logSumA, logSumB);
    }

    private static (double Entropy, double LogSum) Entropy(float* row, int k)
    {
        double logSum = LogSumExp(row, k), sum = 0;
        for (int c = 0; c < k; c++)
            sum -= Math.Exp(row[c] - logSum) * (row[c] - logSum);
        return (sum, logSum);
    }

    private static double Sum(double[] values)
    {
        double sum = 0;
        foreach (double value in values)
            sum += value;
        return sum;
    }
}
