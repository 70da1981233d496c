using Ascl.Core.Diagnostics;
using Ascl.Kernels.Devices;
using Ascl.Kernels.Dispatch;
using Ascl.Kernels.Softmax;

namespace Ascl.Kernels.Margin;

/// <summary>The margin by which a row of logits z is misclassified: positive if it is, negative if it is not.</summary>
public enum MarginLoss
{
    /// <summary>z_t − z_y.</summary>
    Difference,

    /// <summary>
    /// The difference of logits ratio (DLR, Croce and Hein 2020), which is invariant to scaling of the logits: the difference divided by
    /// z₍₁₎ − z₍₃₎ + 1e-12, with a target by z₍₁₎ − ½(z₍₃₎ + z₍₄₎) + 1e-12; z₍ᵢ₎ is the i-th largest logit.
    /// </summary>
    Ratio,
}

/// <summary>
/// Attack losses of the largest logits. t is the given target, or the class other than the label y with the largest logit.
/// </summary>
public static unsafe class MarginKernels
{
    /// <summary>The minimum number of classes for which a loss is defined.</summary>
    public static int LeastClasses(MarginLoss loss, bool isTargeted) => loss == MarginLoss.Difference ? 2 : isTargeted ? 4 : 3;

    /// <summary>The loss of each row.</summary>
    /// <param name="n">Rows.</param>
    /// <param name="k">Classes.</param>
    /// <param name="logits">[n, k].</param>
    /// <param name="labels">[n]: y in 0…k−1. A label out of range throws an <see cref="ArgumentException"/>; on CUDA it gives a loss of
    /// NaN.</param>
    /// <param name="targets">[n]: t; null for the most likely wrong class.</param>
    /// <param name="losses">[n] receives the loss of each row.</param>
    /// <exception cref="ShapeException">The lengths do not match, or there are too few classes.</exception>
    public static void Forward(
        MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<int>? targets,
        DeviceBuffer<float> losses)
    {
        const string name = "margin.forward";
        Check(name, loss, n, k, logits, labels, targets, losses);
        DeviceKernel.Run(name, (n, k), 4.0 * n * k, 4.0 * n * k,
            cpu => ForwardCpu(cpu, name, loss, n, k, logits, labels, targets, losses),
            cuda => MarginCuda.Forward(cuda, loss, n, k, logits, labels, targets, losses),
            losses);
    }

    private static void ForwardCpu(
        CpuDevice device, string name, MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels,
        DeviceBuffer<int>? targets, DeviceBuffer<float> losses)
    {
        float* z = CpuDevice.Pointer(logits), to = CpuDevice.Pointer(losses);
        int* y = ClassLabels.Checked(name, k, labels), t = targets is null ? null : ClassLabels.Checked(name, k, targets);
        device.For(n, (row, _) =>
        {
            Order order = new(z + (nint)row * k, k, y[row], t is null ? -1 : t[row]);
            to[row] = loss == MarginLoss.Difference ? order.Difference : order.Difference / order.Spread(t is not null);
        });
    }

    /// <summary>dLogits = ∂loss/∂logits · dLosses, row by row, with the order of the logits taken as fixed.</summary>
    public static void Backward(
        MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<int>? targets,
        DeviceBuffer<float> dLosses, DeviceBuffer<float> dLogits)
    {
        const string name = "margin.backward";
        Check(name, loss, n, k, logits, labels, targets, dLosses);
        DeviceKernel.Run(name, (n, k), 4.0 * n * k, 8.0 * n * k,
            cpu => BackwardCpu(cpu, name, loss, n, k, logits, labels, targets, dLosses, dLogits),
            cuda => MarginCuda.Backward(cuda, loss, n, k, logits, labels, targets, dLosses, dLogits),
            dLogits);
    }

    private static void BackwardCpu(
        CpuDevice device, string name, MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels,
        DeviceBuffer<int>? targets, DeviceBuffer<float> dLosses, DeviceBuffer<float> dLogits)
    {
        float* z = CpuDevice.Pointer(logits), dy = CpuDevice.Pointer(dLosses), dz = CpuDevice.Pointer(dLogits);
        int* y = ClassLabels.Checked(name, k, labels), t = targets is null ? null : ClassLabels.Checked(name, k, targets);
        device.For(n, (row, _) =>
        {
            Order order = new(z + (nint)row * k, k, y[row], t is null ? -1 : t[row]);
            float* d = dz + (nint)row * k;
            new Span<float>(d, k).Clear();
            float spread = loss == MarginLoss.Difference ? 1 : order.Spread(t is not null), along = dy[row] / spread;
            d[order.Target] += along;
            d[y[row]] -= along;
            if (loss == MarginLoss.Difference)
                return;
            float across = -along * order.Difference / spread;
            d[order.First] += across;
            d[order.Third] -= t is null ? across : across / 2;
            if (t is not null)
                d[order.Fourth] -= across / 2;
        });
    }

    private static void Check(
        string name, MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<int>? targets,
        DeviceBuffer<float> losses)
    {
        if (logits.Length != (long)n * k || labels.Length != n || losses.Length != n || (targets is not null && targets.Length != n))
            throw new ShapeException(
                $"{name}: {logits.Length} logits, {labels.Length} labels, {targets?.Length ?? n} targets and "
                + $"{losses.Length} losses for [{n}, {k}]");
        int least = LeastClasses(loss, targets is not null);
        if (k < least)
            throw new ShapeException($"{name}: {loss.ToString().ToLowerInvariant()} needs {least} classes, there are {k}");
    }

    /// <summary>The indices of a row's largest logits, lower index first among equals.</summary>
    private readonly ref struct Order
    {
        private readonly float* z;
        private readonly int label;

        public Order(float* z, int k, int label, int target)
        {
            this.z = z;
            this.label = label;
            (First, int second, Third, Fourth) = (-1, -1, -1, -1);
            for (int i = 0; i < k; i++)
            {
                if (First < 0 || z[i] > z[First])
                    (First, second, Third, Fourth) = (i, First, second, Third);
                else if (second < 0 || z[i] > z[second])
                    (second, Third, Fourth) = (i, second, Third);
                else if (Third < 0 || z[i] > z[Third])
                    (Third, Fourth) = (i, Third);
                else if (Fourth < 0 || z[i] > z[Fourth])
                    Fourth = i;
            }
            Target = target >= 0 ? target : First == label ? second : First;
        }

        public int First { get; }
        public int Third { get; }
        public int Fourth { get; }
        public int Target { get; }

        public float Difference => z[Target] - z[label];

        public float Spread(bool isTargeted) => z[First] - (isTargeted ? 0.5f * (z[Third] + z[Fourth]) : z[Third]) + 1e-12f;
    }
}
