using Ascl.Kernels.Cuda;
using Ascl.Kernels.Devices;
using ILGPU;

namespace Ascl.Kernels.Margin;

/// <summary>A thread owns a row, because there are few classes.</summary>
internal static class MarginCuda
{
    /// <summary>Small groups, to spread few rows over more multiprocessors.</summary>
    private const int RowsOfGroup = 64;

    public static void Forward(
        CudaDevice device, MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<int>? targets,
        DeviceBuffer<float> losses) =>
        device.Launch(Forward, Groups(n), Arguments(loss, n, k, logits, labels, targets) with { Losses = CudaDevice.View(losses) });

    public static void Backward(
        CudaDevice device, MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<int>? targets,
        DeviceBuffer<float> dLosses, DeviceBuffer<float> dLogits) =>
        device.Launch(Backward, Groups(n),
            Arguments(loss, n, k, logits, labels, targets) with { Losses = CudaDevice.View(dLosses), Gradient = CudaDevice.View(dLogits) });

    private static KernelConfig Groups(int n) => ((n + RowsOfGroup - 1) / RowsOfGroup, RowsOfGroup);

    private static RowsArguments Arguments(
        MarginLoss loss, int n, int k, DeviceBuffer<float> logits, DeviceBuffer<int> labels, DeviceBuffer<int>? targets) => new()
        {
            Logits = CudaDevice.View(logits),
            Labels = CudaDevice.View(labels),
            Targets = CudaDevice.View(targets),
            N = n,
            K = k,
            IsTargeted = targets is null ? 0 : 1,
            IsRatio = loss == MarginLoss.Ratio ? 1 : 0,
        };

    internal struct RowsArguments
    {
        public ArrayView<float> Logits, Losses, Gradient;
        public ArrayView<int> Labels, Targets;
        public int N, K, IsTargeted, IsRatio;
    }

    internal static void Forward(RowsArguments p)
    {
        int row = Grid.GlobalIndex.X;
        if (row >= p.N)
            return;
        Order order = Order.Of(p, row);
        p.Losses[row] = order.Difference / order.Spread;
    }

    internal static void Backward(RowsArguments p)
    {
        int row = Grid.GlobalIndex.X, begin = row * p.K;
        if (row >= p.N)
            return;
        Order order = Order.Of(p, row);
        float along = p.Losses[row] / order.Spread, across = -along * order.Difference / order.Spread;
        float ofThird = p.IsTargeted != 0 ? across / 2 : across, ofFourth = p.IsTargeted != 0 ? across / 2 : 0;
        for (int c = 0; c < p.K; c++)
        {
            float d = c == order.Target ? along : 0;
            if (c == order.Label)
                d -= along;
            if (p.IsRatio != 0)
            {
                if (c == order.First)
                    d += across;
                if (c == order.Third)
                    d -= ofThird;
                if (c == order.Fourth)
                    d -= ofFourth;
            }
            // The label is out of range.
            p.Gradient[begin + c] = order.Label < 0 ? float.NaN : d;
        }
    }

    /// <summary>
    /// The indices of a row's largest logits, lower index first among equals, and the terms of the loss; NaN for a label or target out of
    /// range.
    /// </summary>
    private struct Order
    {
        public int First, Third, Fourth, Target, Label;
        public float Difference, Spread;

        public static Order Of(RowsArguments p, int row)
        {
            int begin = row * p.K, label = p.Labels[row], target = p.IsTargeted != 0 ? p.Targets[row] : -1;
            int first = -1, second = -1, third = -1, fourth = -1;
            float largest = 0, next = 0, afterNext = 0, last = 0;
            for (int c = 0; c < p.K; c++)
            {
                float z = p.Logits[begin + c];
                if (first < 0 || z > largest)
                {
                    (fourth, third, second, first) = (third, second, first, c);
                    (last, afterNext, next, largest) = (afterNext, next, largest, z);
                }
                else if (second < 0 || z > next)
                {
                    (fourth, third, second) = (third, second, c);
                    (last, afterNext, next) = (afterNext, next, z);
                }
                else if (third < 0 || z > afterNext)
                {
                    (fourth, third) = (third, c);
                    (last, afterNext) = (afterNext, z);
                }
                else if (fourth < 0 || z > last)
                {
                    (fourth, last) = (c, z);
                }
            }
            if (target < 0)
                target = first == label ? second : first;
            bool areClasses = label >= 0 && label < p.K && target < p.K;
            return new()
            {
                First = first,
                Third = third,
                Fourth = fourth,
                Target = target,
                Label = areClasses ? label : -1,
                Difference = areClasses ? p.Logits[begin + target] - p.Logits[begin + label] : float.NaN,
                Spread = p.IsRatio == 0 ? 1 : largest - (p.IsTargeted != 0 ? 0.5f * (afterNext + last) : afterNext) + 1e-12f,
            };
        }
    }
}
