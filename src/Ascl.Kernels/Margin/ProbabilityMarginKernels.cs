using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Softmax;

namespace Ascl.Kernels.Margin;

/// <summary>
/// Attack losses of the probabilities p = softmax z of rows of logits: b·p_t − a·p_y, with the label y and the class t other than y that
/// has the largest logit. With a = b = 1 it is the margin of probabilities (Xie et al. 2024, arXiv 2411.15210).
/// </summary>
public static unsafe class ProbabilityMarginKernels
{
    /// <summary>The loss of each row.</summary>
    /// <param name="n">Rows.</param>
    /// <param name="k">Classes, at least 2.</param>
    /// <param name="own">a.</param>
    /// <param name="other">b.</param>
    /// <param name="logits">[n, k].</param>
    /// <param name="labels">[n]: y in 0…k−1. A label out of range throws an <see cref="ArgumentException"/>; on CUDA it gives a loss of
    /// NaN.</param>
    /// <param name="losses">[n] receives the loss of each row.</param>
    /// <exception cref="ShapeException">The lengths do not match, or there are too few classes.</exception>
    public static void Forward(
        int n, int k, float own, float other, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<float> losses)
    {
        const string name = "probability_margin.forward";
        Check(name, n, k, logits, labels, losses);
        DeviceKernel.Run(name, (n, k), 6.0 * n * k, 4.0 * n * k,
            cpu => ForwardCpu(cpu, name, n, k, own, other, logits, labels, losses),
            cuda => ProbabilityMarginCuda.Forward(cuda, n, k, own, other, logits, labels, losses),
            losses);
    }

    private static void ForwardCpu(CpuDevice device, string name, int n, int k, float own, float other, DeviceBuffer<float> logits,
        DeviceBuffer<int> labels, DeviceBuffer<float> losses)
    {
        float* z = CpuDevice.Pointer(logits), to = CpuDevice.Pointer(losses);
        int* y = ClassLabels.Checked(name, k, labels);
        device.For(n, (row, _) =>
        {
            Shares shares = new(z + (nint)row * k, k, y[row]);
            to[row] = (float)(other * shares.Of(shares.Other) - own * shares.Of(y[row]));
        });
    }

    /// <summary>dLogits = ∂loss/∂logits · dLosses, row by row: ∂p_i/∂z_c = p_i([i = c] − p_c).</summary>
    public static void Backward(
        int n, int k, float own, float other, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<float> dLosses,
        DeviceBuffer<float> dLogits)
    {
        const string name = "probability_margin.backward";
        Check(name, n, k, logits, labels, dLosses);
        DeviceKernel.Run(name, (n, k), 10.0 * n * k, 8.0 * n * k,
            cpu => BackwardCpu(cpu, name, n, k, own, other, logits, labels, dLosses, dLogits),
            cuda => ProbabilityMarginCuda.Backward(cuda, n, k, own, other, logits, labels, dLosses, dLogits),
            dLogits);
    }

    private static void BackwardCpu(CpuDevice device, string name, int n, int k, float own, float other, DeviceBuffer<float> logits,
        DeviceBuffer<int> labels, DeviceBuffer<float> dLosses, DeviceBuffer<float> dLogits)
    {
        float* z = CpuDevice.Pointer(logits), dy = CpuDevice.Pointer(dLosses), dz = CpuDevice.Pointer(dLogits);
        int* y = ClassLabels.Checked(name, k, labels);
        device.For(n, (row, _) =>
        {
            Shares shares = new(z + (nint)row * k, k, y[row]);
            double along = other * shares.Of(shares.Other), against = own * shares.Of(y[row]);
            float* d = dz + (nint)row * k;
            // Sums of the other shares instead of 1 − p, which would round to 0 for a class that is almost certain.
            for (int c = 0; c < k; c++)
                d[c] = (float)(dy[row] * (
                    along * (c == shares.Other ? shares.RestOfOther : -shares.Of(c))
                    - against * (c == y[row] ? shares.RestOfLabel : -shares.Of(c))));
        });
    }

    private static void Check(
        string name, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<float> losses)
    {
        if (logits.Length != (long)n * k || labels.Length != n || losses.Length != n)
            throw new ShapeException(
                $"{name}: {logits.Length} logits, {labels.Length} labels and {losses.Length} losses for [{n}, {k}]");
        if (k < 2)
            throw new ShapeException($"{name}: 2 classes are needed, there are {k}");
    }

    /// <summary>The softmax of a row.</summary>
    private readonly ref struct Shares
    {
        private readonly float* z;
        private readonly double largest, total;

        public Shares(float* z, int k, int label)
        {
            this.z = z;
            Other = label == 0 ? 1 : 0;
            largest = z[0];
            for (int c = 1; c < k; c++)
            {
                largest = Math.Max(largest, z[c]);
                if (c != label && z[c] > z[Other])
                    Other = c;
            }
            double restOfLabel = 0, restOfOther = 0;
            for (int c = 0; c < k; c++)
            {
                double e = Math.Exp(z[c] - largest);
                total += e;
                restOfLabel += c == label ? 0 : e;
                restOfOther += c == Other ? 0 : e;
            }
            (RestOfLabel, RestOfOther) = (restOfLabel / total, restOfOther / total);
        }

        /// <summary>The class other than the label with the largest logit, the lowest among equals.</summary>
        public int Other { get; }

        /// <summary>1 − p of the label.</summary>
        public double RestOfLabel { get; }

        /// <summary>1 − p of <see cref="Other"/>.</summary>
        public double RestOfOther { get; }

        public double Of(int c) => Math.Exp(z[c] - largest) / total;
    }
}
